"""Models of several parts: each section of config.json in all its forms, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.facts import read_facts
from lora_cli.models.model import Model, read_config
from lora_cli.models.registry import family, model_types

TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 60,
}
VISION: dict[str, Any] = {"depth": 2, "hidden_size": 16, "num_heads": 2, "intermediate_size": 20, "out_hidden_size": 32}
COMPOSITES = [name for name in model_types() if family(name).text]


def read(**fields: Any) -> Model:
    """Return the model of these fields."""
    return read_config(Config(fields), "test")


def refusal(**fields: Any) -> str:
    """Return the sentence that refuses these fields."""
    with pytest.raises(InvalidInput) as caught:
        read(**fields)
    sentence = str(caught.value)
    assert sentence.isprintable()
    return sentence


@pytest.mark.parametrize("model_type", ["qwen2_vl", "qwen2_5_vl"])
def test_an_older_config_has_the_text_beside_the_tower(model_type: str) -> None:
    """It counts as the newer one does, whose text is a section."""
    older = read(model_type=model_type, vision_config=VISION, **TEXT)
    newer = read(model_type=model_type, vision_config=VISION, text_config=TEXT)
    assert older.nodes == newer.nodes
    assert older.facts == newer.facts


def test_a_section_that_names_no_type_has_the_usual_one() -> None:
    """As LLaVA's do: Llama's decoder and CLIP's tower."""
    named = {"text_config": {"model_type": "llama", **TEXT}, "vision_config": {"model_type": "clip_vision_model"}}
    unnamed = {"text_config": TEXT, "vision_config": {}}
    assert read(model_type="llava", **named).nodes == read(model_type="llava", **unnamed).nodes


@pytest.mark.parametrize("text_type", ["llama", "mistral", "qwen2", "qwen3", "gemma2"])
@pytest.mark.parametrize("tower", ["clip_vision_model", "siglip_vision_model", "pixtral"])
def test_any_decoder_goes_with_any_tower(text_type: str, tower: str) -> None:
    """The parts are those that the types have by themselves."""
    text, vision = {"model_type": text_type, **TEXT}, {"model_type": tower, "num_hidden_layers": 1}
    whole = read(model_type="llava", text_config=text, vision_config=vision)
    alone = {
        "model.language_model": text | {"architectures": list(family(text_type).classes)[1:2]},
        "model.vision_tower": vision,
    }
    for prefix, fields in alone.items():
        inner = [p for p in whole.all_parameters() if p.name.startswith(f"{prefix}.")]
        assert sum(p.params for p in inner) == read(**fields).full_params


@pytest.mark.parametrize("tied", [True, False, None])
def test_a_tie_is_that_of_the_model_or_of_its_text(tied: bool | None) -> None:
    """Gemma ties by default, so a text section without the field does."""
    text = {"model_type": "gemma", **TEXT} | ({} if tied is None else {"tie_word_embeddings": tied})
    found = read(model_type="llava", text_config=text, vision_config={}).tied
    assert bool(found) == (tied is not False)
    assert read(model_type="llava", text_config=text, vision_config={}, tie_word_embeddings=True).tied


@pytest.mark.parametrize("model_type", COMPOSITES)
@pytest.mark.parametrize("value", [3, "x", [], [{}], True])
def test_a_section_that_is_not_an_object_is_refused(model_type: str, value: object) -> None:
    """Every type has one for the text."""
    assert "text_config is" in refusal(model_type=model_type, text_config=value)


@pytest.mark.parametrize("section", ["text_config", "vision_config"])
def test_an_unknown_part_is_refused_by_name(section: str) -> None:
    """And a near one is proposed."""
    said = refusal(model_type="llava", **{section: {"model_type": "no_such_tower"}})
    assert f"{section}: model_type 'no_such_tower' is not known" in said
    assert "did you mean llama" in refusal(model_type="llava", **{section: {"model_type": "lama"}})


def test_a_tower_is_not_a_text_decoder() -> None:
    """It takes no words."""
    said = refusal(model_type="llava", text_config={"model_type": "pixtral"})
    assert said == "config.json: text_config: model_type 'pixtral' does not take words"


def test_a_trained_activation_of_a_part_is_refused() -> None:
    """As it is of a whole model."""
    text = {"model_type": "llama", **TEXT, "hidden_act": "prelu"}
    assert "text_config: hidden_act 'prelu' has parameters" in refusal(model_type="llava", text_config=text)


def test_parts_that_may_be_missing_are_left_out() -> None:
    """Gemma 4 may see or hear, or neither."""
    text = {**TEXT, "hidden_size_per_layer_input": 0}
    neither = read(model_type="gemma4", text_config=text)
    assert neither.parts == {"model.language_model": "language model"}
    hears = read(model_type="gemma4", text_config=text, audio_config={"num_hidden_layers": 1})
    assert set(hears.parts.values()) == {"language model", "audio tower", "audio projector"}


def test_prompts_are_sized_by_the_text() -> None:
    """PEFT looks in text_config."""
    facts = read_facts(Config({"model_type": "llava", "text_config": TEXT}))
    assert (facts.hidden, facts.layers, facts.heads, facts.groups) == (32, 2, 4, 2)
    assert read_facts(Config({"model_type": "florence2"})).layers is None
