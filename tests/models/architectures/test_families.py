"""Hostile config.json fields: whatever their values, the answer is a total or one clear refusal, at once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from draws import examples
from endings import ends
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.registry import family, model_types

NOT_SIZES = [-1, 1.5, 64.0, "64", "", True, [], {}, [None], 2**31, 10**9 * 10**9, 10**4000, float("nan"), float("inf")]
# What each reads as a size of at least 1, and as a number of layers, under the name that it is written with.
SIZES = {
    "llama": "hidden_size intermediate_size num_attention_heads num_key_value_heads head_dim vocab_size",
    "mixtral": "hidden_size intermediate_size num_attention_heads num_key_value_heads vocab_size num_local_experts",
    "gpt2": "n_embd n_inner n_head n_positions vocab_size",
    "bert": "hidden_size intermediate_size num_attention_heads vocab_size max_position_embeddings type_vocab_size",
    "t5": "d_model d_kv d_ff num_heads vocab_size relative_attention_num_buckets",
    "whisper": "d_model encoder_ffn_dim decoder_ffn_dim num_mel_bins vocab_size max_source_positions",
    "vit": "hidden_size intermediate_size num_attention_heads image_size patch_size num_channels",
    "deepseek_v3": "hidden_size moe_intermediate_size q_lora_rank kv_lora_rank v_head_dim n_routed_experts",
}
LAYERS = {
    "llama": "num_hidden_layers",
    "mixtral": "num_hidden_layers",
    "gpt2": "n_layer",
    "bert": "num_hidden_layers",
    "t5": "num_layers",
    "whisper": "encoder_layers",
    "vit": "num_hidden_layers",
    "deepseek_v3": "num_hidden_layers",
    "opt": "num_hidden_layers",
    "bloom": "n_layer",
    "bart": "decoder_layers",
    "distilbert": "n_layers",
}
# The fields without which a type is not built: transformers' own defaults do not divide, or a part is not known here.
NEEDED: dict[str, dict[str, Any]] = {
    "aya_vision": {"vision_config": {"num_attention_heads": 16}},
    "lfm2_moe": {"layer_types": ["conv"] * 32},
    "qwen3_omni_moe": {"enable_audio_output": False},
}


def read(**fields: Any) -> Model:
    """Return the model of these fields, which must end."""
    with ends():
        return read_config(Config(fields), "test")


def refusal(**fields: Any) -> str:
    """Return the sentence that refuses these fields: one line, printable, and not a page."""
    with pytest.raises(InvalidInput) as caught:
        read(**fields)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 1000
    return sentence


@pytest.mark.parametrize("model_type", model_types())
def test_defaults_alone_are_a_model(model_type: str) -> None:
    """Every field may be missing, as in transformers, but for those without which it builds no model."""
    required = dict.fromkeys(family(model_type).required, 8) | NEEDED.get(model_type, {})
    assert read(model_type=model_type, **required).full_params > 1_000_000


@pytest.mark.parametrize("value", [{}, {"head_dim": None}])
@pytest.mark.parametrize("model_type", ["hunyuan_v1_dense", "ministral"])
def test_a_model_that_transformers_does_not_build_is_refused(model_type: str, value: dict[str, Any]) -> None:
    """Its class has no default for the width of a head, and takes a root of it."""
    assert "head_dim is missing" in refusal(model_type=model_type, **value)


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        (None, "attention_types has 24 kinds for 3 layers"),
        ([[["global", "local"], 2]], "attention_types has 4 kinds for 3 layers"),
        ([["global"], 3], "attention_types is"),
        ([[["global"], "3"]], "attention_types is"),
    ],
    ids=str,
)
def test_layers_without_a_kind_of_attention_are_refused(kinds: object, sentence: str) -> None:
    """GPT-Neo's class counts them."""
    assert sentence in refusal(model_type="gpt_neo", num_layers=3, attention_types=kinds)


def test_cross_attention_with_one_key_for_all_heads_is_refused() -> None:
    """No such attention is implemented in transformers."""
    sentence = refusal(model_type="gpt_bigcode", add_cross_attention=True)
    assert "add_cross_attention is true; it needs multi_query to be false" in sentence


@pytest.mark.parametrize(
    ("window", "sentence"),
    [(7, "an even number"), ([2, 0], "an even number"), ("512", "an even number"), ([2, 2, 2], "has 3 for 2 layers")],
    ids=str,
)
def test_windows_that_longformer_does_not_take_are_refused(window: object, sentence: str) -> None:
    """Each layer has one, half of it on each side."""
    assert sentence in refusal(model_type="longformer", num_hidden_layers=2, attention_window=window)


def test_an_unknown_attention_of_longt5_is_refused() -> None:
    """The sentence names those that there are."""
    assert "local or transient-global" in refusal(model_type="longt5", encoder_attention_type="global")


@pytest.mark.parametrize(("activation", "params"), [("xielu", 2), ("prelu", 1), ("silu", 0)])
def test_an_activation_of_apertus_may_have_parameters(activation: str, params: int) -> None:
    """Each layer has its own. No other family builds them."""
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 3}
    plain = read(model_type="apertus", hidden_act="relu", **sizes).full_params
    assert read(model_type="apertus", hidden_act=activation, **sizes).full_params == plain + 3 * params
    assert params == 0 or "has parameters" in refusal(model_type="llama", hidden_act=activation)


@pytest.mark.parametrize(
    "value", [*NOT_SIZES, 0], ids=lambda value: repr(value)[:12] if type(value) is not int else None
)
@pytest.mark.parametrize(
    ("model_type", "field"), [(name, field) for name, row in SIZES.items() for field in row.split()]
)
def test_a_value_that_is_not_a_size_is_refused_by_name(model_type: str, field: str, value: object) -> None:
    """The sentence names the field as it was written."""
    assert field in refusal(model_type=model_type, **{field: value})


@pytest.mark.parametrize("value", [*NOT_SIZES, 10**9, 10_001], ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize(("model_type", "field"), LAYERS.items())
def test_a_value_that_is_not_a_number_of_layers_is_refused_by_name(model_type: str, field: str, value: object) -> None:
    """A billion layers are refused and not looped over."""
    assert field in refusal(model_type=model_type, **{field: value})


@pytest.mark.parametrize(("model_type", "field"), [(name, row.split()[0]) for name, row in SIZES.items()])
def test_a_null_is_the_default(model_type: str, field: str) -> None:
    """Files write what is not set as null."""
    assert read(model_type=model_type, **{field: None}).full_params == read(model_type=model_type).full_params


@pytest.mark.parametrize(
    ("model_type", "fields"),
    [
        ("llama", {"hidden_size": 64, "num_attention_heads": 5}),
        ("bert", {"hidden_size": 64, "num_attention_heads": 5}),
        ("roberta", {"hidden_size": 64, "num_attention_heads": 5}),
        ("electra", {"hidden_size": 64, "num_attention_heads": 5}),
        ("distilbert", {"dim": 64, "n_heads": 5}),
        ("gpt2", {"n_embd": 64, "n_head": 5}),
        ("gptj", {"n_embd": 64, "n_head": 5}),
        ("gpt_neox", {"hidden_size": 64, "num_attention_heads": 5}),
        ("opt", {"hidden_size": 64, "num_attention_heads": 5}),
        ("bloom", {"hidden_size": 64, "n_head": 5}),
        ("falcon", {"hidden_size": 64, "num_attention_heads": 5}),
        ("bart", {"d_model": 64, "encoder_attention_heads": 5, "decoder_attention_heads": 4}),
        ("whisper", {"d_model": 64, "encoder_attention_heads": 5, "decoder_attention_heads": 4}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_heads_that_do_not_divide_the_width_are_refused(model_type: str, fields: dict[str, Any]) -> None:
    """Both values are in the sentence."""
    sentence = refusal(model_type=model_type, **fields)
    assert "64" in sentence
    assert "5" in sentence


@pytest.mark.parametrize("model_type", ["../x", "/etc/passwd", "a.b", "os", "__init__", "x" * 5000, "\x1b[31m", "é\n"])
def test_an_unknown_model_type_is_refused(model_type: str) -> None:
    """Nothing is imported by its name, and it is shown short and harmless."""
    assert "is not known" in refusal(model_type=model_type)


@pytest.mark.parametrize("model_type", [3, True, [], ["llama"], {"a": 1}, 1.5])
def test_a_model_type_that_is_not_a_string_is_refused(model_type: object) -> None:
    """The message has the field's name."""
    assert "model_type is" in refusal(model_type=model_type)


def test_a_mistyped_model_type_is_answered_with_near_ones() -> None:
    """The list of all is too long to help."""
    assert "did you mean llama" in refusal(model_type="lama")


def test_a_missing_model_type_is_refused() -> None:
    """A JSON object of another program does not have one."""
    assert "model_type" in refusal(hidden_size=64)


@pytest.mark.parametrize(
    "name", ["LlamaForCausaLM", "BertModel", "../x", "x" * 5000, "\x1b[31m", "__class__", 3, None, ["LlamaModel"], {}]
)
def test_an_unknown_architecture_is_refused_with_the_choices(name: object) -> None:
    """A class of another family is unknown here."""
    assert "LlamaForCausalLM" in refusal(model_type="llama", architectures=[name])


@pytest.mark.parametrize("value", ["LlamaForCausalLM", 3, {"a": 1}, True])
def test_architectures_that_are_not_a_list_are_refused(value: object) -> None:
    """The message has the field's name."""
    assert "architectures is" in refusal(model_type="llama", architectures=value)


@pytest.mark.parametrize("value", [None, []])
def test_without_an_architecture_the_first_is_taken(value: object) -> None:
    """A null or an empty list means the same as a missing field."""
    assert read(model_type="llama", architectures=value).output == "lm_head"


def test_sizes_at_the_limit_are_exact() -> None:
    """Past 64 bits, too."""
    most = 2**31 - 1
    model = read(model_type="llama", hidden_size=most, num_attention_heads=1, vocab_size=most, num_hidden_layers=0)
    assert model.full_params == 2 * most * most + most


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "bert", "qwen3_moe"])
def test_each_layer_adds_the_same(model_type: str) -> None:
    """A model grows with its layers by a constant."""
    field = LAYERS.get(model_type, "num_hidden_layers")
    one, two, five = (read(model_type=model_type, **{field: layers}).full_params for layers in (1, 2, 5))
    assert five - two == 3 * (two - one) > 0


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-3, 70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted(
    {field for row in SIZES.values() for field in row.split()}
    | set(LAYERS.values())
    | {"text_config", "vision_config", "id2label", "num_labels", "tie_word_embeddings", "architectures", "is_decoder"}
    | {"layer_types", "mlp_only_layers", "pad_token_id", "attention_bias", "conv_bias", "per_layer_config"}
    | {"decoder_sparse_step", "first_k_dense_replace", "add_cross_attention", "pos_att_type", "feed_forward_proj"}
    | {"mlp_layer_types", "index_topk_pattern", "indexer_types", "compress_ratios", "compress_rates", "ffn_config"}
    | {"pooler_output_size", "position_biased_input", "embedding_size", "word_embed_proj_dim", "encoder_stride"}
)


@settings(max_examples=examples(400))
@given(st.sampled_from(model_types()), st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), JUNK))
def test_whatever_the_fields_hold_is_a_total_or_a_refusal(model_type: str, fields: dict[str, Any]) -> None:
    """Nothing else is ever raised, and it ends at once."""
    with suppress(InvalidInput):
        assert read(**fields | {"model_type": model_type}).full_params >= 0


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(["model_type", "architectures"]), JUNK))
def test_an_object_that_is_not_a_model_is_refused(fields: dict[str, Any]) -> None:
    """Its model_type is unknown, missing or not a string."""
    with pytest.raises(InvalidInput, match="model_type"):
        read_config(Config(fields), "test")


def test_a_config_without_a_model_type_is_not_a_model() -> None:
    """The message names the option for an adapter's config."""
    assert "model_type is missing, so this is not a model's config" in refusal(model_type="")
    assert "an adapter's config goes to adapter" in refusal(model_type=None, peft_type="LORA")


@pytest.mark.parametrize(
    ("model_type", "hidden", "heads", "groups", "params"),
    [("granite", 16, 32, 2, 2128), ("mistral", 20, 3, 1, 4580), ("qwen2", 20, 3, 1, 4640), ("vit", 20, 3, None, 23306)],
)
def test_heads_that_do_not_divide_the_hidden_size_round_down(
    model_type: str, hidden: int, heads: int, groups: int | None, params: int
) -> None:
    """Most classes of transformers 5.23 build such a model; the figures are theirs."""
    fields = {"hidden_size": hidden, "num_attention_heads": heads, "vocab_size": 40, "num_hidden_layers": 2}
    config = {"model_type": model_type, "intermediate_size": 8, "num_key_value_heads": groups, **fields}
    assert read_config(Config(config), "small").full_params == params


@pytest.mark.parametrize(("model_type", "heads"), [("llama", 3), ("mistral", 32), ("vit", 32)])
def test_heads_that_transformers_refuses_are_refused(model_type: str, heads: int) -> None:
    """Llama's must divide the hidden size, and none may be 0 wide where a root of that is taken."""
    sentence = refusal(model_type=model_type, hidden_size=20, num_attention_heads=heads)
    assert f"num_attention_heads {heads}" in sentence
