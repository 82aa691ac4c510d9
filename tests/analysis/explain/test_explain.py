"""Explanations: causes that are known, exactness, ranking, and what nothing explains."""

from __future__ import annotations

import json
import pickle
import random
from typing import Any

import pytest
from read_once import read_once
from small_llama import narrow

import lora_cli
from lora_cli import Count, InvalidInput, count, explain, read_model
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.sources import preset

EIGHT_B = "llama-3.1-8b"
SMALL = narrow(num_hidden_layers=5, num_key_value_heads=2, vocab_size=97)
VISION = "qwen2.5-vl-7b"
NEOX = (
    "the base is gpt-neox-20b; all params counts packed 4-bit weights as stored, two to a byte; "
    "the targets are query_key_value, PEFT's default; r is 8"
)


@pytest.fixture(autouse=True)
def models_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is explained is looked for on the same bundled models."""
    monkeypatch.setattr(preset, "read_preset", read_once)


def model(**fields: Any) -> Model:
    """Return the small Llama with some other fields."""
    return read_config(Config(SMALL | fields), "small")


def line(counted: Count) -> str:
    """Return what PEFT prints."""
    assert counted.summary is not None
    return counted.summary


def causes(text: str, *arguments: Any, **beliefs: Any) -> list[str]:
    """Return the causes that are found."""
    return [match.cause for match in explain(text, *arguments, **beliefs)]


def test_what_was_believed_is_the_first_explanation() -> None:
    """Nothing changes, and nothing else is listed."""
    found = explain(line(count(model=EIGHT_B, target="all-linear", r=16)), EIGHT_B, target="all-linear", r=16)
    assert [(match.cause, match.changes) for match in found] == [("as configured", 0)]


def test_a_number_may_be_one() -> None:
    """In Python it is at hand as a number; True is none."""
    assert causes("6815744", EIGHT_B, r=16) == [match.cause for match in explain(6815744, EIGHT_B, r=16)]
    with pytest.raises(InvalidInput, match="text: True is not a string"):
        explain(True)


# mlx-lm prints this of its defaults on Mistral 7B v0.1: rank 8 for q_proj and v_proj of the last 16 layers.
MLX = "Trainable parameters: 0.024% (1.704M/7241.732M)"
LAST = "only the last 16 of 32 layers are adapted, mlx-lm's default"


@pytest.mark.parametrize(
    ("beliefs", "said"),
    [
        ({}, f"the targets are q_proj,v_proj, PEFT's default; {LAST}; r is 8"),
        ({"r": 8}, f"the targets are q_proj,v_proj, PEFT's default; {LAST}"),
        ({"r": 8, "target": ["q_proj", "v_proj"]}, LAST),
    ],
)
def test_layers_of_which_nothing_was_said_are_those_of_the_programs_own_default(
    beliefs: dict[str, Any], said: str
) -> None:
    """They are no change, and the figure of all parameters, which is the base's, is the only one."""
    first, *_ = explain(MLX, "mistral-7b-v0.1", **beliefs)
    assert (first.cause, first.changes) == (f"all params is of the base without the adapter; {said}", 1)
    assert json.loads(first.config)["layers_to_transform"] == [*range(16, 32)]


def test_a_program_that_adapts_only_the_last_layers_is_never_said_to_adapt_the_first() -> None:
    """With another number of layers than its default, too; a line of PEFT's may be of either end."""
    target = {"target": ["q_proj", "v_proj"], "r": 8}
    few = count(model="mistral-7b-v0.1", settings={"layers_to_transform": [*range(24, 32)]}, **target)
    text = f"Trainable parameters: 0.012% ({few.trainable_params / 1e6:.3f}M/7241.732M)"
    found = explain(text, "mistral-7b-v0.1", **target)
    every = [match.config for match in found] + [str(other["config"]) for other in found.alternatives]
    layers = [json.loads(each).get("layers_to_transform") for each in every]
    assert [*range(24, 32)] in layers
    assert not any(each[0] == 0 for each in layers if each)
    assert any("first 8 of 32" in cause for cause in causes(line(few), "mistral-7b-v0.1", **target))


def test_a_default_of_a_program_does_not_hold_where_layers_were_believed() -> None:
    """Then fewer of them are a change, of which no default is said."""
    settings = {"layers_to_transform": [*range(32)]}
    found = causes(MLX, "mistral-7b-v0.1", r=8, target=["q_proj", "v_proj"], settings=settings)
    assert "all params is of the base without the adapter; only the last 16 of 32 layers are adapted" in found


def test_targets_that_no_word_chooses_are_a_guess() -> None:
    """They are a change, a note says what would tell, and another base with PEFT's own targets comes before them."""
    alone = explain("6815744", "qwen2.5-7b", r=16)
    assert [match.changes for match in alone] == [1]
    assert "no usual choice of targets makes it" in " ".join(alone.notes)
    other = explain(line(count(model=EIGHT_B, r=16)), "qwen2.5-7b", r=16)
    assert "not qwen2.5-7b; the targets are q_proj,v_proj, PEFT's default" in other[0].cause
    assert other.notes == ()


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ({"r": 8}, "r is 8, PEFT's default, not 16"),
        ({"r": 32}, "r is 32, the alpha, not 16"),
        ({"r": 24}, "r is 24, not 16"),
        ({"target": None}, "the targets are q_proj,v_proj, PEFT's default, not all-linear"),
        (
            {"target": ["q_proj", "k_proj", "v_proj", "o_proj"]},
            "the targets are q_proj,k_proj,v_proj,o_proj, not all-linear",
        ),
        ({"target": ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]}, "the targets lack gate_proj"),
        ({"settings": {"use_dora": True}}, "use_dora is on"),
        ({"settings": {"lora_bias": True}}, "lora_bias is on"),
        ({"settings": {"modules_to_save": ["lm_head"]}}, "modules_to_save trains a full copy of lm_head"),
        ({"settings": {"modules_to_save": ["embed_tokens"]}}, "modules_to_save trains a full copy of embed_tokens"),
        (
            {"settings": {"modules_to_save": ["lm_head", "embed_tokens"]}},
            "modules_to_save trains full copies of lm_head and embed_tokens",
        ),
    ],
)
def test_one_mistake_on_llama_is_found(printed: dict[str, Any], cause: str) -> None:
    """It is among the matches of one change."""
    wanted = {"target": "all-linear", "r": 16, "alpha": 32}
    text = line(count(model=EIGHT_B, **{**wanted, **printed}))
    found = explain(text, EIGHT_B, **wanted)  # type: ignore[arg-type]
    same = [cause for match in found for cause in (match.cause, *(other.cause for other in match.others))]
    assert cause.replace("full copy of lm_head", "") in [each.replace("full copy of lm_head", "") for each in same]
    assert {match.changes for match in found} == {1}


def test_a_base_of_other_sizes_is_found() -> None:
    """A token more, a layer less, and a model that was mistaken for another."""
    wanted: dict[str, Any] = {"target": ["q_proj"], "r": 16}
    for fields, cause in (
        ({"vocab_size": 98}, "the base has a vocabulary of 98 tokens, not 97"),
        ({"num_hidden_layers": 4}, "the base has 4 layers, not 5"),
    ):
        (match,) = explain(line(count(model=model(**fields), **wanted)), model(), **wanted)
        assert (match.cause, match.changes) == (cause, 1)
    (match,) = explain(line(count(model="llama-2-7b", **wanted)), EIGHT_B, **wanted)
    assert (match.cause, match.model) == ("the base is llama-2-7b, not llama-3.1-8b", "llama-2-7b")


@pytest.mark.parametrize(
    ("name", "task", "ending", "labels"),
    [
        ("roberta-large", "SEQ_CLS", "ForSequenceClassification", 2),
        ("bert-base-uncased", "TOKEN_CLS", "ForTokenClassification", 9),
        ("llama-3.2-1b", "SEQ_CLS", "ForSequenceClassification", 1),
    ],
)
def test_a_head_that_tells_classes_apart_is_found(name: str, task: str, ending: str, labels: int) -> None:
    """PEFT trains it whole, and its base counts it once more."""
    model = read_model(name)
    assert model.config is not None
    stem = str(model.config.fields["architectures"][0]).partition("For")[0]
    fields = {**model.config.fields, "architectures": [f"{stem}{ending}"], "num_labels": labels}
    ran = count(model=read_config(Config(fields), name), r=8, settings={"task_type": task})
    found = explain(f"trainable params: {ran.trainable_params} || all params: {ran.all_params}", name, r=8)
    plural = "label" if labels == 1 else "labels"
    assert found[0].cause.startswith(f"the model has a head of {labels} {plural} ({ending}), which {task} trains whole")
    assert (found[0].changes, json.loads(found[0].config)["task_type"]) == (1, task)


@pytest.mark.parametrize("own", ["BertForSequenceClassification", "BertForPreTraining"])
def test_the_heads_are_those_of_the_family(own: str) -> None:
    """Whichever of its classes the config names."""
    fields = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    fields |= {"intermediate_size": 32, "vocab_size": 100}
    labelled = Config({**fields, "architectures": ["BertForSequenceClassification"], "num_labels": 5})
    ran = count(model=read_config(labelled, "small"), r=8, settings={"task_type": "SEQ_CLS"})
    believed = read_config(Config({**fields, "architectures": [own]}), "small")
    text = f"trainable params: {ran.trainable_params} || all params: {ran.all_params}"
    assert any(cause.startswith("the model has a head of 5 labels") for cause in causes(text, believed, r=8))


def test_what_is_wrong_with_the_config_of_a_head_is_said() -> None:
    """It is an error of the user's file, which nothing else would tell."""
    fields = {"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"], "classifier_proj_size": "x"}
    wrong = read_config(Config(fields), "small")
    with pytest.raises(InvalidInput, match="classifier_proj_size is 'x'"):
        explain("trainable params: 1 || all params: 2", wrong, r=8)


def test_few_layers_are_found() -> None:
    """The first or the last: they are as large as each other, so that one is the other's alternative."""
    few = count(model=EIGHT_B, target=["q_proj"], r=8, settings={"layers_to_transform": list(range(20, 32))})
    match, *others = explain(line(few), EIGHT_B, target=["q_proj"], r=8)
    assert "r is 3, not 8" in [other.cause for other in others]
    assert match.cause == "only the first 12 of 32 layers are adapted"
    assert [other.cause for other in match.others] == ["only the last 12 of 32 layers are adapted"]
    assert match.alternative_count == 1


def test_what_was_believed_and_not_applied_is_found() -> None:
    """Fields of the belief that the trainer ignored."""
    plain = line(count(model=model(), target="all-linear", r=4))
    for settings, cause in (
        ({"use_dora": True}, "use_dora is not applied"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is not applied"),
        ({"exclude_modules": ["k_proj"]}, "exclude_modules is not applied"),
    ):
        assert cause in causes(plain, model(), target="all-linear", r=4, settings=settings)
    assert causes(plain, model(), target="all-linear", r=4, method="vera") == ["the method is lora, not vera"]
    layers = {"layers_to_transform": [0]}
    one = line(count(model=model(), target=["q_proj"], r=4))
    assert causes(one, model(), target=["q_proj"], r=4, settings=layers)[0] == "layers_to_transform is not applied"


def test_biases_that_are_trained_are_found() -> None:
    """They are the base's own, so the figure of all parameters stays."""
    biased = model(attention_bias=True, mlp_bias=True)
    for bias in ("all", "lora_only"):
        text = line(count(model=biased, target=["q_proj"], r=4, settings={"bias": bias}))
        assert causes(text, biased, target=["q_proj"], r=4) == [f'bias is "{bias}"']


def test_a_tower_is_found() -> None:
    """All linear layers reach it, unless it is left out."""
    with_tower = line(count(model=VISION, target=["q_proj", "gate_proj"], r=8))
    excluded = {"exclude_modules": r"model\.visual\..*"}
    without = line(count(model=VISION, target=["q_proj", "gate_proj"], r=8, settings=excluded))
    assert causes(without, VISION, target=["q_proj", "gate_proj"], r=8) == ["the vision tower is not adapted"]
    assert "exclude_modules is not applied" in causes(
        with_tower, VISION, target=["q_proj", "gate_proj"], r=8, settings=excluded
    )


def test_experts_that_are_missed_are_found() -> None:
    """Attention alone instead of all linear layers."""
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    text = line(count(model="mixtral-8x7b", target=attention, r=16))
    found = causes(text, "mixtral-8x7b", target="all-linear", r=16)
    assert found[0] == "the targets are q_proj,k_proj,v_proj,o_proj, not all-linear"


@pytest.mark.parametrize(
    ("text", "beliefs", "cause"),
    [
        # The notebook of bitsandbytes on GPT-NeoX-20B, by a function of its own (huggingface/peft issue 1020).
        (
            "trainable params: 8650752 || all params: 10597552128 || trainable%: 0.08162971878329976",
            {},
            NEOX,
        ),
        # qlora.py on LLaMA 7B.
        (
            "trainable params: 79953920.0 || all params: 3660320768 || trainable: 2.184341894267557",
            {"model": "llama-2-7b", "target": "all-linear", "r": 64},
            "the line is qlora.py's, which counts packed 4-bit weights as stored and half of what is trained",
        ),
        # Unsloth on Qwen3.
        (
            "Trainable parameters = 33,030,144 of 4,055,498,240 (0.81% trained)",
            {},
            "the base is qwen3-4b; the targets are all-linear; r is 16",
        ),
        (
            "Trainable parameters = 10,092,544 of 606,142,464 (1.67% trained)",
            {},
            "the base is qwen3-0.6b; the targets are all-linear; r is 16",
        ),
        ("trainable params: 6,815,744", {"model": EIGHT_B}, "the targets are q_proj,v_proj, PEFT's default; r is 16"),
        ("6815744", {"model": EIGHT_B, "r": 16}, "the targets are q_proj,v_proj, PEFT's default"),
        (
            "Trainable parameters = 11,272,192/1,000,000,000 (1.13% trained)",
            {"model": "llama-3.2-1b"},
            "the targets are all-linear; r is 16",
        ),
    ],
)
def test_public_logs_are_explained(text: str, beliefs: dict[str, Any], cause: str) -> None:
    """As their threads explain them."""
    assert causes(text, **beliefs)[0] == cause


def test_ways_of_counting_are_found() -> None:
    """What other programs make of the same configuration."""
    counted = count(model=EIGHT_B, target="all-linear", r=16)
    linear = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
    trained, whole = counted.trainable_params, counted.all_params
    for all_params, cause in (
        (whole - linear // 2, "all params counts packed 4-bit weights as stored, two to a byte"),
        (whole - linear * 3 // 4, "all params counts packed 4-bit weights as stored in 16 bits, four to an element"),
        (counted.full_params, "all params is of the base without the adapter"),
        (whole - 128256 * 4096, "all params has the head tied to the embeddings"),
    ):
        found = causes(f"trainable params: {trained} || all params: {all_params}", EIGHT_B, target="all-linear", r=16)
        assert found == [cause]
    tied = count(model="llama-3.2-1b", r=16)
    text = f"trainable params: {tied.trainable_params} || all params: {tied.all_params + 128256 * 2048}"
    assert causes(text, "llama-3.2-1b", r=16)[0].startswith("all params counts tied weights under each of their names")


def test_two_mistakes_are_found() -> None:
    """Where no single one explains the line."""
    text = line(count(model=EIGHT_B, target=["q_proj", "v_proj"], r=8, settings={"modules_to_save": ["lm_head"]}))
    (match, *_) = explain(text, EIGHT_B, target=["q_proj", "v_proj"], r=64)
    assert match.changes == 2
    assert match.cause == "modules_to_save trains a full copy of lm_head; r is 8, PEFT's default, not 64"


def test_every_match_makes_the_figures_and_its_config_counts_them() -> None:
    """Of drawn configurations, with nothing believed or another one."""
    source = random.Random(0)
    leaves = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    for _ in range(25):
        base = model(tie_word_embeddings=source.random() < 0.3, attention_bias=source.random() < 0.5)
        target = source.choice(["all-linear", source.sample(leaves, source.randrange(1, 7))])
        printed = count(model=base, target=target, r=source.choice([1, 4, 8, 12]))
        beliefs = source.choice([{}, {"r": 8}, {"target": "all-linear"}, {"target": ["q_proj"], "r": 4}])
        found = explain(line(printed), base, **beliefs)
        assert found, (printed, beliefs)
        assert [match.changes for match in found] == sorted(match.changes for match in found)
        for match in (*found, *(other for first in found for other in first.others)):
            if "the base" in match.cause:
                continue
            fields = json.loads(match.config)
            again = count(
                model=base,
                r=fields.pop("r", None),
                target=fields.pop("target_modules", None),
                settings={name: value for name, value in fields.items() if name != "peft_type"},
            )
            assert again.trainable_params == match.trainable_params == printed.trainable_params
            assert again.all_params == match.all_params
            if "all params" not in match.cause:
                assert match.all_params == printed.all_params


def test_nothing_near_is_said() -> None:
    """A parameter more than any configuration makes: no match, and a note with the figures."""
    counted = count(model="gpt2", r=8)
    found = explain(f"trainable params: {counted.trainable_params + 1} || all params: {counted.all_params}", "gpt2")
    assert (len(found), found.notes) == (0, (found.missing,))
    assert found.missing == "no configuration with up to 3 changes makes exactly 294,913 trained of 124,734,720"


def test_full_fine_tuning_is_said() -> None:
    """Where only what is trained is printed, and it is all of the model."""
    (missing,) = explain("Number of trainable parameters = 124,439,808", "gpt2").notes
    assert missing == "every weight of gpt2 is trained: full fine-tuning, no adapter"


def test_an_adapter_can_be_what_is_believed(tmp_path: Any) -> None:
    """Its config's fields are changed, and its base model is the model."""
    fields = {"peft_type": "LORA", "r": 16, "target_modules": ["c_attn"], "base_model_name_or_path": "gpt2"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(fields))
    found = explain(line(count(model="gpt2", r=8)), adapter=tmp_path)
    assert found[0].cause == "r is 8, PEFT's default, not 16"
    assert "base_model_name_or_path" in found.notes[0]


def test_a_recipe_can_be_what_is_believed(tmp_path: Any) -> None:
    """Its targets and rank are changed, its base model is the model, and arguments beside it replace what it says."""
    recipe = tmp_path / "sft.json"
    fields = {"stage": "sft", "model_name_or_path": "meta-llama/Llama-3.1-8B", "finetuning_type": "lora"}
    recipe.write_text(json.dumps(fields | {"lora_rank": 16, "lora_target": "all"}))
    printed = line(count(model=EIGHT_B, target="all-linear", r=24))
    found = explain(printed, recipe=recipe)
    assert found[0].cause == "r is 24, not 16"
    assert "model meta-llama/Llama-3.1-8B (model_name_or_path)" in found.assumptions
    assert any("sft.json is a recipe of LLaMA-Factory" in note for note in found.notes)
    assert explain(printed, recipe=recipe, r=24)[0].cause == "as configured"
    assert "not llama-3.2-1b; r is 24, not 16" in explain(printed, "llama-3.2-1b", recipe=recipe)[0].cause
    with pytest.raises(InvalidInput, match="adapter conflicts with recipe"):
        explain(printed, recipe=recipe, adapter=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"text": "Number of trainable parameters = 5"}, "model is missing, and the line does not say"),
        ({"model": "gtp2"}, "did you mean gpt2"),
        ({"model": "gpt2", "target": "q_proj"}, "no module of 'gpt2' is targeted by 'q_proj'"),
        ({"model": "gpt2", "r": 0}, "r: 0"),
        ({"model": "gpt2", "method": "lorra"}, "did you mean lora"),
        ({"model": "gpt2", "settings": {"use_dorra": True}}, "did you mean use_dora"),
    ],
)
def test_wrong_beliefs_are_refused(arguments: dict[str, Any], said: str) -> None:
    """As `count` refuses them."""
    with pytest.raises(InvalidInput) as error:
        explain(**{"text": "trainable params: 5 || all params: 10", **arguments})
    assert said in str(error.value)


def test_an_explanation_is_a_sequence_of_results() -> None:
    """It is for loops and DataFrames, can be pickled, and shows its causes."""
    found = lora_cli.explain(line(count(model="gpt2", r=8)), "gpt2", r=16)
    assert isinstance(found, lora_cli.Explanation)
    assert isinstance(found[0], lora_cli.Match)
    assert tuple(found[0].record()) == found.fields
    copied = pickle.loads(pickle.dumps(found))  # noqa: S301 - what it has just made
    assert [match.cause for match in copied] == [match.cause for match in found]
    assert repr(found).startswith("Explanation(\"r is 8, PEFT's default, not 16")
    assert "<table>" in found._repr_html_()
    assert str(found).splitlines()[1].startswith("r is 8, PEFT's default, not 16")
    assert str(lora_cli.explain("trainable params: 5 || all params: 10", "gpt2")).startswith("no configuration with")
