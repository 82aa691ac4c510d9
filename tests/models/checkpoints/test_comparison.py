"""Whether a checkpoint holds what its config.json describes, and where it does not."""

from __future__ import annotations

from small_llama import llama

from lora_cli.models.checkpoints.comparison import difference
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.nodes import Parameter

SMALL = llama(tie_word_embeddings=True)
MODEL = read_config(Config(SMALL), "small")
STORED = [parameter for parameter in MODEL.all_parameters() if parameter.name not in MODEL.tied]
HEAD = Parameter("lm_head.weight", (100, 64))


def test_the_same_parameters_are_no_difference() -> None:
    """Names do not matter, since they change between releases."""
    assert difference(MODEL, STORED) is None
    assert difference(MODEL, [Parameter(f"old.{p.name}", p.shape) for p in STORED]) is None


def test_what_is_tied_counts_once_stored_or_not() -> None:
    """Some files hold the head too."""
    assert difference(MODEL, [*STORED, HEAD]) is None


def test_experts_stored_one_by_one_are_the_fused_ones() -> None:
    """The totals are compared, not the names."""
    mixture = read_config(Config(SMALL | {"model_type": "mixtral", "num_local_experts": 2}), "mixture")
    stored = [p for p in mixture.all_parameters() if p.name not in mixture.tied and ".experts." not in p.name]
    for layer in range(2):
        for expert in range(2):
            name = f"model.layers.{layer}.block_sparse_moe.experts.{expert}"
            stored += [Parameter(f"{name}.{w}.weight", (128, 64)) for w in ("w1", "w2", "w3")]
    assert difference(mixture, stored) is None


def test_a_layer_more_is_named() -> None:
    """The message has both totals and the difference."""
    extra = Parameter("model.layers.2.mlp.up_proj.weight", (128, 64))
    total = MODEL.full_params
    assert difference(MODEL, [*STORED, extra]) == (
        f"the headers hold {total + 8192:,} parameters and config.json describes {total:,}, +8,192: layers.2 +8,192"
    )


def test_a_missing_head_is_named() -> None:
    """A config that says untied beside a file without a head."""
    untied = read_config(Config(SMALL | {"tie_word_embeddings": False}), "untied")
    assert "-6,400: lm_head -6,400" in (difference(untied, STORED) or "")


def test_many_differences_are_counted() -> None:
    """The three largest are named."""
    extra = [Parameter(f"other.{number}.weight", (number,)) for number in range(1, 6)]
    assert "+15: other.5 +5, other.4 +4, other.3 +3 and 2 more places" in (difference(MODEL, [*STORED, *extra]) or "")


def test_computed_positions_may_be_stored_or_not() -> None:
    """A checkpoint of Marian does not have them, and old files do."""
    translator = read_config(Config({"model_type": "marian", "vocab_size": 40, "d_model": 16}), "translator")
    stored = [p for p in translator.all_parameters() if p.name not in translator.tied]
    assert difference(translator, stored) is None
    assert difference(translator, [p for p in stored if "embed_positions" not in p.name]) is None
