"""Which places of a model a config adapts: PEFT's rules, on models that are small enough to check by hand."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.targeting.name_matching import by_pattern
from lora_cli.models.checkpoints.by_shape import model_of_shapes
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.nodes import Parameter

SMALL: dict[str, dict[str, Any]] = {
    "llama": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "vocab_size": 100,
    },
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 100, "n_positions": 32},
    "bert": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 100,
    },
    "mixtral": {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_local_experts": 3,
        "vocab_size": 100,
    },
    "vit": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 32,
        "patch_size": 8,
    },
}


def model(model_type: str = "llama", **fields: Any) -> Model:
    """Return a small model of that type."""
    return read_config(Config(SMALL.get(model_type, {}) | fields | {"model_type": model_type}), "small")


def cost(subject: Model | None = None, **fields: Any) -> ModelCount:
    """Return the count of a config on a small model, Llama unless another is given."""
    return count_model(subject or model(), AdapterConfig(**fields))


def names(subject: Model | None = None, **fields: Any) -> list[str]:
    """Return the names of the places that a config adapts."""
    return [place.module.name for place in cost(subject, **fields).targets.places]


def leaves(subject: Model | None = None, **fields: Any) -> set[str]:
    """Return the last parts of the names of the places that a config adapts."""
    return {name.rsplit(".", 1)[-1] for name in names(subject, **fields)}


def layers(**fields: Any) -> list[int]:
    """Return the layers in which a config on q_proj adapts it."""
    return [int(name.split(".")[2]) for name in names(target_modules=("q_proj",), **fields)]


def test_a_list_matches_whole_names_and_endings() -> None:
    """An ending begins at a dot: proj is no ending of q_proj."""
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
    assert found.targets.saved == (saved,)
    assert found.saved_params == 128


def test_embeddings_convolutions_and_conv1d_are_targets() -> None:
    """R rows by the rows and the width, the kernel in A, and both sides of a Linear."""
    assert cost(target_modules=("embed_tokens",), r=2).trainable_params == 2 * (100 + 64)
    assert cost(model("vit"), target_modules=("projection",), r=2).trainable_params == 2 * (3 * 8 * 8 + 64)
    assert cost(model("gpt2"), target_modules=("c_attn",), r=2).trainable_params == 2 * 2 * (64 + 192)


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


def test_of_the_rank_patterns_the_first_hit_wins() -> None:
    """In the order of the config; where none hits, r counts."""

    def ranks(**pattern: int) -> list[int]:
        found = cost(target_modules=("q_proj", "v_proj"), layers_to_transform=(0,), r=8, rank_pattern=pattern)
        return [place.r for place in found.targets.places]

    assert ranks(v_proj=2) == [8, 2]
    assert ranks(**{"v_proj": 2, ".*_proj": 3}) == [3, 2]
    assert ranks(**{".*_proj": 3, "v_proj": 2}) == [3, 3]
    assert ranks(**{r"layers\.0\.self_attn\.q_proj": 5, "proj": 3}) == [5, 8]
    assert ranks(**{"q|v": 3, "q_proj|v_proj": 4}) == [4, 4]


def test_modules_to_save_are_trained_whole() -> None:
    """Each as a copy beside the original."""
    plain = cost(target_modules=("q_proj",))
    found = cost(target_modules=("q_proj",), modules_to_save=("lm_head", "embed_tokens"))
    assert found.targets.saved == ("model.embed_tokens", "lm_head")
    assert found.trainable_params - plain.trainable_params == found.all_params - plain.all_params == 2 * 6400


def test_what_is_saved_is_not_adapted() -> None:
    """Saving wins over adapting, and a list of layers cannot be copied."""
    assert "lm_head" not in names(target_modules=("q_proj", "lm_head"), modules_to_save=("lm_head",))
    with pytest.raises(InvalidInput, match="targeted by"):
        names(target_modules=("q_proj",), modules_to_save=("q_proj",))
    with pytest.raises(InvalidInput, match="list of layers"):
        names(target_modules=("lm_head",), modules_to_save=("layers",))


@pytest.mark.parametrize(
    ("model_type", "found"),
    [
        ("llama", {"q_proj", "v_proj"}),
        ("gpt2", {"c_attn"}),
        ("bert", {"query", "value"}),
        ("t5", {"q", "v"}),
        ("bloom", {"query_key_value"}),
        ("phi", {"q_proj", "v_proj", "fc1", "fc2"}),
    ],
)
def test_without_a_target_peft_knows_one_by_model_type(model_type: str, found: set[str]) -> None:
    """Its own table."""
    assert leaves(model(model_type)) == found


def test_a_mixture_has_no_default_targets() -> None:
    """PEFT rewrites a mixture's targets before it looks up the default, and finds none then."""
    with pytest.raises(InvalidInput, match="targets here are k_proj"):
        names(model("mixtral"))


@pytest.mark.parametrize(("model_type", "offered"), [("vit", "q_proj"), ("whisper", "q_proj"), ("phi3", "qkv_proj")])
def test_a_model_type_without_defaults_is_refused(model_type: str, offered: str) -> None:
    """The sentence offers what could be targeted."""
    with pytest.raises(InvalidInput, match=f"no default targets for model type '{model_type}'.*{offered}"):
        names(model(model_type))


def test_a_mixtures_experts_are_reached_as_fused_parameters() -> None:
    """w1 and w3 are one parameter now, of double rank: 3 experts of 2r (64 + 192), and of r (96 + 64)."""
    found = cost(model("mixtral"), target_modules=("w1", "w2", "w3"), r=2)
    places = {(place.module.name.rsplit(".", 1)[-1], place.r, place.experts) for place in found.targets.places}
    assert places == {("gate_up_proj", 4, 3), ("down_proj", 2, 3)}
    assert found.trainable_params == 2 * 3 * (4 * (64 + 192) + 2 * (96 + 64))


def test_half_of_what_is_fused_is_refused() -> None:
    """PEFT cannot adapt one half of a parameter; the other half is named."""
    with pytest.raises(InvalidInput, match="target w3 too"):
        names(model("mixtral"), target_modules=("w1",))


def test_all_linear_reaches_the_experts() -> None:
    """And the router, which is a bare parameter too."""
    found = leaves(model("mixtral"), target_modules="all-linear")
    assert found == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_up_proj", "down_proj", "weight"}


@pytest.mark.parametrize("target", ["norm", "input_layernorm", "self_attn", "mlp", "layers", "model", "0"])
def test_a_norm_or_a_container_is_refused(target: str) -> None:
    """PEFT adapts neither; the whole name is in the sentence."""
    with pytest.raises(
        InvalidInput, match=rf"target '[^']*\b{target}' is no Linear, Conv1D, Embedding, Conv1d or Conv2d"
    ):
        names(target_modules=(target,))


@pytest.mark.parametrize("target", [("nope",), (), "", "nope", r"\d+", ("",), ("Q_PROJ",)])
def test_nothing_matched_is_refused_with_what_could_be(target: tuple[str, ...] | str) -> None:
    """The names are those of the model."""
    with pytest.raises(InvalidInput, match=r"targets here are down_proj, gate_proj, .*q_proj"):
        names(target_modules=target)


@pytest.mark.parametrize("target", [r".*\.mlp\..*", r".*\.act_fn", ("gate_proj", "act_fn"), ("rotary_emb",)])
def test_a_module_that_holds_nothing_is_refused(target: tuple[str, ...] | str) -> None:
    """PEFT looks at every name, also at those of activations and rotary embeddings."""
    with pytest.raises(InvalidInput, match=r"(act_fn|rotary_emb)' is no Linear.*; leave it out"):
        names(target_modules=target)


def test_a_module_that_holds_nothing_can_be_excluded() -> None:
    """What is left of the feed-forward is adapted."""
    found = leaves(target_modules=r".*\.mlp\..*", exclude_modules=("act_fn",))
    assert found == {"gate_proj", "up_proj", "down_proj"}


def test_a_copy_of_a_module_that_holds_nothing_costs_nothing() -> None:
    """PEFT makes it, and it counts as matched."""
    plain = cost(target_modules=("q_proj",))
    found = cost(target_modules=("q_proj",), modules_to_save=("rotary_emb",))
    assert found.targets.saved == ("model.rotary_emb",)
    assert not found.targets.unmatched
    assert (found.trainable_params, found.all_params) == (plain.trainable_params, plain.all_params)


def test_an_ending_that_the_adapter_has_too_cannot_be_saved() -> None:
    """An adapted layer holds lora_dropout, so dropout reaches it; self.dropout does not."""
    bert = model("bert", architectures=["BertModel"])
    with pytest.raises(InvalidInput, match=r"reaches lora_dropout too.*give more of the name"):
        names(bert, target_modules=("query",), modules_to_save=("dropout",))
    found = cost(bert, target_modules=("query",), modules_to_save=("self.dropout",))
    assert len(found.targets.saved) == 2


def test_a_part_of_adapted_experts_cannot_be_saved() -> None:
    """PEFT wraps what holds an adapted parameter and copies nothing in it; a longer name is another one then."""
    mixtral = model("mixtral")
    experts = ("experts.down_proj",)
    assert names(mixtral, target_modules=("q_proj",), modules_to_save=("act_fn",))
    with pytest.raises(InvalidInput, match=r"reaches '.*experts.act_fn', a part of what is adapted too"):
        names(mixtral, target_modules=("q_proj",), target_parameters=experts, modules_to_save=("act_fn",))
    found = cost(
        mixtral, target_modules=("q_proj",), target_parameters=experts, modules_to_save=("experts.act_fn", "lm_head")
    )
    assert found.targets.saved == ("lm_head",)
    assert found.targets.unmatched == ("modules_to_save 'experts.act_fn'",)


def test_a_sequence_of_modules_can_be_saved() -> None:
    """ViT's decoder of pixels has numbered parts as well, but it is no list: it is called as a whole."""
    masked = model("vit", architectures=["ViTForMaskedImageModeling"])
    assert cost(masked, target_modules=("q_proj",), modules_to_save=("decoder",)).targets.saved == ("decoder",)


def test_an_empty_list_cannot_be_saved() -> None:
    """It is a list of layers even where it has none."""
    with pytest.raises(InvalidInput, match="list of layers"):
        names(model(num_hidden_layers=0), target_modules=("lm_head",), modules_to_save=("layers",))


@pytest.mark.parametrize(
    ("fields", "added"),
    [({}, 2 * (3 * 20 + 48)), ({"use_dora": True}, 2 * (3 * 20 + 48) + 48), ({"lora_bias": True}, 2 * 108 + 48)],
)
def test_a_convolution_is_adapted_with_its_kernel(fields: dict[str, Any], added: int) -> None:
    """A has the kernel of Whisper's 3 frames over 20 bands, B is pointwise: r (3 · 20 + 48)."""
    whisper = model("whisper", d_model=48, num_mel_bins=20, encoder_attention_heads=4, decoder_attention_heads=4)
    found = cost(whisper, target_modules=("conv1",), r=2, **fields)
    assert [place.module.kind for place in found.targets.places] == ["Conv1d"]
    assert found.adapter_params == added


def test_a_rank_is_divisible_by_the_groups_of_a_convolution() -> None:
    """B is split into the groups, A is not: r (3 · 48 + 48 / 4) for four groups."""
    deberta = model("deberta-v2", hidden_size=48, num_attention_heads=4, conv_kernel_size=3, conv_groups=4)
    assert cost(deberta, target_modules=("conv.conv",), r=4).adapter_params == 4 * (3 * 48 + 48 // 4)
    with pytest.raises(InvalidInput, match="rank 6 is not divisible by the 4 groups"):
        cost(deberta, target_modules=("conv.conv",), r=6)


def test_what_matched_nothing_is_named() -> None:
    """Each entry with its field; what matched is not."""
    found = cost(
        target_modules=("q_proj", "nope"),
        rank_pattern={"q_proj": 2, "k_proj": 3},
        modules_to_save=("lm_head", "pooler"),
    )
    assert found.targets.unmatched == (
        "target_modules 'nope'",
        "rank_pattern 'k_proj'",
        "modules_to_save 'pooler'",
    )
    assert all(any(entry in line for line in found.warnings()) for entry in found.targets.unmatched)


HOSTILE = ["(", "[", "*", "(?P<n>", "a{2,1}", "(?<=a*)b", r"\\"[:1], "(?\x1b)", "(?P<" + "a-" * 5000 + ">x)"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("field", ["target_modules", "exclude_modules", "rank_pattern"])
def test_what_is_no_regex_is_refused(field: str, text: str) -> None:
    """In one short printable line, in each field that takes one."""
    fields: dict[str, Any] = {"target_modules": ("q_proj",)} | {field: {text: 2} if field == "rank_pattern" else text}
    with pytest.raises(InvalidInput, match="no regular expression") as caught:
        names(**fields)
    sentence = str(caught.value)
    assert sentence.isascii()
    assert sentence.isprintable()
    assert len(sentence) < 400


def test_a_regex_that_backtracks_for_ever_is_given_up() -> None:
    """Within seconds of computing, with the reason."""
    start = time.process_time()
    with pytest.raises(InvalidInput, match="took over 3 s"):
        names(target_modules="(.*.*)*x")
    assert time.process_time() - start < 4.5


@pytest.mark.parametrize("entry", ["embed_tokens", ""])
def test_rows_of_an_embedding_are_trained_one_by_one(entry: str) -> None:
    """Named, or the model's own."""
    plain = cost(target_modules=("q_proj",)).trainable_params
    assert (
        cost(target_modules=("q_proj",), trainable_token_indices={entry: (0, 1, 5)}).trainable_params == plain + 3 * 64
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trainable_token_indices": {"nope": (1,)}}, "none here"),
        ({"trainable_token_indices": {"norm": (1,)}}, "none here"),
        ({"trainable_token_indices": {"": (10**400,)}}, r"\(401 characters\) is not among the 100 rows"),
        ({"trainable_token_indices": {"q_proj": (1,)}}, "adapted too"),
        ({"trainable_token_indices": {"embed_tokens": (1,)}, "modules_to_save": ("embed_tokens",)}, "saved whole"),
        ({"target_parameters": ("q_proj.weight",)}, "target_modules adapts too"),
        ({"target_parameters": ("norm.weight",)}, "1 dimensions"),
        ({"target_parameters": ("k_proj.weight",), "use_dora": True}, "use_dora"),
        ({"target_parameters": ("k_proj.weight",), "lora_bias": True}, "lora_bias"),
        ({"target_parameters": ("k_proj.weight",), "lora_dropout": 0.1}, "lora_dropout"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], reason: str) -> None:
    """As PEFT refuses it."""
    with pytest.raises(InvalidInput, match=reason):
        names(target_modules=("q_proj",), **fields)


MANY = tuple(f"absent{number}" for number in range(100_000))


@pytest.mark.parametrize("field", ["target_modules", "exclude_modules", "target_parameters"])
def test_a_hundred_thousand_names_take_no_longer_than_one(field: str) -> None:
    """In each field of names that are looked up by their ends."""
    fields: dict[str, Any] = {"target_modules": ("q_proj",)}
    fields[field] = (*fields.get(field, ()), *MANY)
    subject = model(num_hidden_layers=200)
    start = time.process_time()
    assert cost(subject, **fields).adapted_modules == 200
    assert time.process_time() - start < 1.5


def test_copies_of_every_layers_norms_are_counted_at_once() -> None:
    """However many there are: 20,000 copies among 90,003 parameters, and which of them are most of what trains."""
    subject = model(num_hidden_layers=10_000)
    found = cost(subject, target_modules=("0.self_attn.q_proj",), modules_to_save=("layernorm", "lm_head"))
    start = time.process_time()
    assert found.saved_params == 2 * 10_000 * 64 + 64 * 100
    (warning,) = found.warnings()
    assert "are 99.9 % of what is trained" in warning
    assert time.process_time() - start < 10


def test_a_parameter_without_values_is_refused() -> None:
    """As a checkpoint may have one: nothing would be a percentage of nothing."""
    subject = model_of_shapes([Parameter("a.experts", (2, 0, 8)), Parameter("a.b.weight", (2, 2))], "drawn", ())
    with pytest.raises(InvalidInput, match=r"target parameter 'a\.experts' is empty"):
        cost(subject, target_modules=(), target_parameters=("experts",))


def test_what_left_nothing_of_a_target_is_named() -> None:
    """The filters beside it, that a text is a regular expression, and that a mixture has no default."""
    for fields, said in (
        ({"target_modules": ("q_proj",), "layers_to_transform": (99,)}, "'q_proj', given layers_to_transform;"),
        ({"target_modules": "q_proj,x.*"}, "'q_proj,x.*', a regular expression for whole names;"),
        ({"target_modules": ()}, "an empty list;"),
    ):
        with pytest.raises(InvalidInput) as caught:
            cost(model(), **fields)
        assert said in str(caught.value)
    with pytest.raises(InvalidInput, match="targets nothing by default in 'mixtral'"):
        cost(model("mixtral"))


def test_a_target_parameter_that_matched_nothing_is_told() -> None:
    """As a target module is."""
    found = cost(model(), target_modules=("q_proj",), target_parameters=("experts.down_proj",))
    assert found.warnings() == ["target_parameters 'experts.down_proj' matched nothing in small"]


def test_what_is_trained_beside_adapters_is_in_the_table() -> None:
    """Full copies, rows and biases have a line each, so that the shares add up to 100 %."""
    bert = model("bert", architectures=["BertModel"])
    found = cost(
        bert,
        target_modules=("query",),
        modules_to_save=("pooler",),
        bias="all",
        trainable_token_indices={"word_embeddings": (1,)},
    )
    groups = found.groups()
    assert [group["module"] for group in groups] == ["query", "full copies", "embedding rows", "biases"]
    assert sum(float(group["percent"] or 0) for group in groups) == pytest.approx(100)
    assert sum(int(group["trainable_params"] or 0) for group in groups) == found.trainable_params


@given(
    st.dictionaries(
        st.sampled_from(["q", "a.q", "x.a.q", "aq", ".q", "a.", "[ab].q", "q|a", "a.*", ""]), st.integers()
    ),
    st.sampled_from(["q", "a.q", "x.a.q", "axq", "aq", "b.q", "b.aq", "a", "x.a"]),
)
def test_a_name_has_the_value_of_the_first_pattern(values: dict[str, int], name: str) -> None:
    """Whatever is left out of the search, it is PEFT's answer: `get_pattern_key`."""
    first = next((key for key in values if re.match(rf"(.*\.)?({key})$", name)), None)
    assert by_pattern(values, -1)(name) == (-1 if first is None else values[first])
