"""OSF: trains the weight's smaller singular values and vectors, and keeps the larger ones.

Nayak et al., "Sculpting Subspaces: Constrained Full Fine-Tuning in LLMs for Continual Learning",
arXiv:2504.07097; `peft.tuners.osf`: `OSFLayer.update_layer`, `OSFModel._create_and_replace`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.settings import Written, ignored, mapping, setting
from lora_cli.methods.knob import Runs, most_rank
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.targeting.name_matching import ALL_LINEAR
from lora_cli.methods.targeting.patterns import regular_expression
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.config import MAX_SIZE, Config

Rank = int | float | None


def read_rank(config: Config, name: str) -> Rank:
    """Return a number of singular values, or a share of them: 1 is one value, 1.0 is all."""
    value = config.fields.get(name)
    if value is not None and (type(value) not in {int, float} or not abs(value) <= MAX_SIZE):
        raise InvalidInput(
            f"{config.source}: {name} is {quote(value)}; it must be a whole number, or a share up to 1.0"
        )
    return value


def read_ranks(config: Config, name: str) -> Mapping[str, Rank]:
    """Return the rank of each pattern."""
    patterns = config.section(name)
    return {pattern: read_rank(patterns, pattern) for pattern in patterns.fields}


@dataclass(frozen=True, slots=True)
class Settings:
    """OSF's own fields."""

    effective_rank: Annotated[
        Rank,
        "Number, or share, of the singular directions that stay frozen; null for half",
        Written("integer or number"),
    ] = setting(read_rank, None)
    rank_pattern: Annotated[
        Mapping[str, Rank], "Other values of effective_rank, by module name or regular expression", Written("object")
    ] = mapping(read_ranks)
    init_weights: Annotated[object, Written("boolean", True)] = ignored()
    target_svd_config: Annotated[object, "Not used by PEFT", Written("object")] = ignored()


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield U, S and V without the k values that are kept: (m - k)·(d + h + 1) parameters, where m = min(d, h).

    >>> from lora_cli.models import matrix
    >>> own = Settings(effective_rank=4)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('osf_svd_params.U_low', (8, 2)), ('osf_svd_params.S_low', (2,)), ('osf_svd_params.V_low', (2, 6))]
    """
    module = place.module
    wanted = next(
        (rank for key, rank in own.rank_pattern.items() if regular_expression(key).search(module.name)),
        own.effective_rank,
    )
    most = min(module.d, module.h)
    kept = values_kept(wanted, most)
    if kept < 1:
        raise InvalidInput(
            f"effective_rank {quote(wanted)} keeps no singular value of {quote_long(module.name)}, which has rank {most}; "
            + (f"give a whole number from 1 to {most}" if most > 1 or wanted is not None else "leave it out")
        )
    trained = most - kept
    yield parameter("osf_svd_params.U_low", module.h, trained)
    yield parameter("osf_svd_params.S_low", trained)
    yield parameter("osf_svd_params.V_low", trained, module.d)


def values_kept(rank: Rank, most: int) -> int:
    """Return how many singular values are kept: a whole number, a share of them, or half.

    >>> [values_kept(rank, 6) for rank in (4, 40, 0.5, 1.0, 1, None)]
    [4, 6, 3, 6, 1, 3]
    """
    if rank is None:
        return most // 2
    return min(most, int(most * rank if isinstance(rank, float) and 0 < rank <= 1 else rank))


QKV = ("q_proj", "k_proj", "v_proj")
LLAMA = (*QKV, "o_proj", "gate_proj", "down_proj", "up_proj")


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return how many singular values can be kept, from all but one down to one."""
    return (range(most_rank(places) - 1, 0, -1),)


METHOD = Method(
    name="osf",
    title="OSF: Orthogonal Subspace Fine-tuning",
    arxiv="2504.07097",
    formula="(min(d, h) - effective_rank) * (d + h + 1)",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob="effective_rank",
    shared_fields=frozenset({"target_modules", "modules_to_save"}),
    default_targets={
        **dict.fromkeys(TARGETS, ALL_LINEAR),
        **dict.fromkeys(("llama", "llama4", "mistral", "mixtral", "phi", "qwen2", "qwen3"), LLAMA),
        **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), LLAMA),
        **dict.fromkeys(("gpt2", "gpt_bigcode"), ("c_attn", "c_proj")),
        **dict.fromkeys(("bloom", "gpt_neox", "falcon"), ("query_key_value", "dense_4h_to_h")),
        "opt": (*QKV, "out_proj", "fc1", "fc2"),
        "gptj": (*QKV, "out_proj", "fc_in", "fc_out"),
    },
    default_for_unknown_types=ALL_LINEAR,
    skips_unsupported=True,
    knob_values=sizes,
)
