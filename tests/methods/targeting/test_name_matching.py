"""Which names a list, a regular expression and `all-linear` match."""

from __future__ import annotations

import pytest
from small_models import cost, layers, leaves, model, names

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config


def test_a_list_matches_whole_names_and_endings() -> None:
    """An ending begins at a dot: proj is not an ending of q_proj."""
    assert names(target_modules=("q_proj",)) == [f"model.layers.{i}.self_attn.q_proj" for i in range(4)]
    assert names(target_modules=("model.layers.1.mlp.up_proj",)) == ["model.layers.1.mlp.up_proj"]
    assert names(target_modules=("1.mlp.up_proj", "lm_head")) == ["model.layers.1.mlp.up_proj", "lm_head"]
    with pytest.raises(InvalidInput):
        names(target_modules=("proj",))


def test_a_text_is_a_regex_of_whole_names() -> None:
    """It must match from the first letter to the last."""
    assert names(target_modules=r".*\.[02]\..*\.(q|v)_proj") == [
        f"model.layers.{i}.self_attn.{leaf}" for i in (0, 2) for leaf in ("q_proj", "v_proj")
    ]
    for text in ("q_proj", r".*\.q_pro", r"layers.*q_proj"):
        with pytest.raises(InvalidInput, match="no module of 'small' is targeted by"):
            names(target_modules=text)


@pytest.mark.parametrize("text", ["all-linear", "ALL-LINEAR", "All-Linear"])
def test_all_linear_leaves_the_head_and_the_embeddings_out(text: str) -> None:
    """Seven projections a layer, and nothing else."""
    found = names(target_modules=text)
    assert len(found) == 4 * 7
    assert not {"lm_head", "model.embed_tokens"} & set(found)


def test_all_linear_takes_gpt2s_conv1d() -> None:
    """They are Linears by another name."""
    assert leaves(model("gpt2"), target_modules="all-linear") == {"c_attn", "c_proj", "c_fc"}


def test_all_linear_is_a_list_of_names_that_match_endings_too() -> None:
    """A head `feature_extractor` takes in the module of that name inside the body, which PEFT refuses."""
    fields = {"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForXVector"], "num_hidden_layers": 1}
    voices = read_config(Config(fields), "voices")
    reached = r"target 'wav2vec2\.feature_extractor' is not a Linear.*all-linear reaches it in PEFT too.*name some \(target\); targets here"
    with pytest.raises(InvalidInput, match=reached):
        cost(voices, target_modules="all-linear")
    kept = cost(voices, target_modules="all-linear", exclude_modules=["wav2vec2.feature_extractor"])
    assert "feature_extractor" in {place.module.name for place in kept.targets.places}


def test_a_target_parameter_passes_over_the_bias_beside_a_weight_norm() -> None:
    """PEFT compares the names of a parametrized module as a whole; the other convolutions have no bias here."""
    voices = read_config(Config({"model_type": "wav2vec2", "num_hidden_layers": 1}), "voices")
    found = cost(voices, target_modules=(), target_parameters=("conv.bias", "v_proj.weight"))
    assert [place.module.name for place in found.targets.places] == [
        "wav2vec2.encoder.layers.0.attention.v_proj.weight"
    ]


def test_all_linear_in_a_list_is_a_name() -> None:
    """PEFT takes it for a keyword only as a text."""
    with pytest.raises(InvalidInput, match="all-linear"):
        names(target_modules=("all-linear",))


@pytest.mark.parametrize("saved", ["score"])
def test_all_linear_leaves_a_classifiers_head_out_when_it_classifies(saved: str) -> None:
    """Which is trained whole then: 2 labels of 64."""
    classifier = model(architectures=["LlamaForSequenceClassification"])
    found = cost(classifier, target_modules="all-linear", task_type="SEQ_CLS")
    assert found.adapted_modules == 28
    assert found.targets.full_copies.names == (saved,)
    assert found.full_copy_params == 128


def test_excluded_modules_are_left_out() -> None:
    """As a list by ending, as a text by regex."""
    assert leaves(target_modules="all-linear", exclude_modules=("q_proj", "0.mlp.up_proj")) >= {"k_proj", "up_proj"}
    assert "q_proj" not in leaves(target_modules="all-linear", exclude_modules=("q_proj",))
    assert layers(exclude_modules=("layers.1.self_attn.q_proj",)) == [0, 2, 3]
    assert layers(exclude_modules=r".*\.[12]\..*") == [0, 3]
    assert layers(exclude_modules="q_proj") == [0, 1, 2, 3]


def test_everything_excluded_is_refused() -> None:
    """Nothing is left to adapt."""
    with pytest.raises(InvalidInput, match="targeted by"):
        layers(exclude_modules=".*")


@pytest.mark.parametrize(("chosen", "found"), [((1,), [1]), ((0, 3, 3, 9), [0, 3]), ((), [0, 1, 2, 3])])
def test_layers_to_transform_chooses_layers(chosen: tuple[int, ...], found: list[int]) -> None:
    """No layers are all layers, as PEFT reads an empty list; those that are not there choose nothing."""
    assert layers(layers_to_transform=chosen) == found


def test_layers_that_are_not_there_are_refused() -> None:
    """Nothing is adapted."""
    for chosen in ((4,), (-1,)):
        with pytest.raises(InvalidInput, match="targeted by"):
            layers(layers_to_transform=chosen)


def test_layers_pattern_names_the_list_of_layers() -> None:
    """Another list has no such layers."""
    assert layers(layers_to_transform=(1,), layers_pattern=("layers",)) == [1]
    assert layers(layers_to_transform=(1,), layers_pattern=("h", "layers")) == [1]
    with pytest.raises(InvalidInput, match="targeted by"):
        layers(layers_to_transform=(1,), layers_pattern=("blocks",))


def test_a_layers_pattern_that_matches_beside_the_index_takes_no_layer() -> None:
    """Nothing is adapted."""
    with pytest.raises(InvalidInput, match="targeted by"):
        layers(layers_to_transform=(1,), layers_pattern=("model|x",))


def test_a_whole_name_is_taken_in_any_layer() -> None:
    """PEFT looks at layers only where an ending matched."""
    whole = "model.layers.3.self_attn.q_proj"
    assert names(target_modules=(whole,), layers_to_transform=(0,)) == [whole]


def test_all_linear_reaches_the_experts() -> None:
    """And the router, which is a bare parameter too."""
    found = leaves(model("mixtral"), target_modules="all-linear")
    assert found == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_up_proj", "down_proj", "weight"}
