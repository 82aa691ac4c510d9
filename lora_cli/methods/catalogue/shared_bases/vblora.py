"""VB-LoRA: composes A and B of vectors from one bank, which trained logits choose.

Li et al., "VB-LoRA: Extreme Parameter Efficient Fine-Tuning with Vector Banks", arXiv:2405.15179;
`peft.tuners.vblora`: `VBLoRALayer.update_layer`, `VBLoRAModel._get_adapter_state_dict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING
from lora_cli.methods.config.settings import Dropout, flag, probability, real, size
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.parts.divisors import check_divides
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter

# PEFT saves the index of a vector in the smallest of these types that fits.
INDICES = ((2**8, "U8"), (2**15, "I16"), (2**31, "I32"))


@dataclass(frozen=True, slots=True)
class Settings:
    """VB-LoRA's own fields."""

    num_vectors: Annotated[int, "Number of vectors in the shared bank"] = size(256)
    vector_length: Annotated[int, "Length of a vector; it divides inputs and outputs"] = size(256)
    topk: Annotated[int, "Number of vectors that are mixed for each part of A and B"] = size(2)
    save_only_topk_weights: Annotated[bool, "Whether only what inference needs is saved; that cannot be trained on"] = (
        flag(False)
    )
    vblora_dropout: Dropout = probability()
    fan_in_fan_out: bool = flag(False)
    init_vector_bank_bound: Annotated[float, "The vectors start between minus this and this"] = real(0.02)
    init_logits_std: Annotated[float, "Standard deviation of what the logits start from"] = real(0.1, least=0)

    def __post_init__(self) -> None:
        """Refuse to save more vectors than the bank has."""
        if self.save_only_topk_weights and self.topk > self.num_vectors:
            raise InvalidInput(
                f"topk is {self.topk}, and the bank has num_vectors {self.num_vectors}; give {self.num_vectors} or less"
            )


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the logits, one per vector of the bank and part of A and B: r·(d + h) / vector_length · num_vectors.

    The file may hold only the chosen vectors: their `topk` indices, and all but one of their weights.

    >>> from lora_cli.models import matrix
    >>> own = Settings(num_vectors=5, vector_length=2, topk=2, save_only_topk_weights=False)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 3), own)]
    [('vblora_logits_A', (3, 3, 5)), ('vblora_logits_B', (4, 3, 5))]
    """
    check_divides("vector_length", own.vector_length, place.module)
    parts_a, parts_b = place.module.d // own.vector_length, place.module.h // own.vector_length
    for key, shape in (("vblora_logits_A", (place.r, parts_a)), ("vblora_logits_B", (parts_b, place.r))):
        yield parameter(key, *shape, own.num_vectors, in_file=not own.save_only_topk_weights)
        if own.save_only_topk_weights:
            dtype = next((name for limit, name in INDICES if own.num_vectors < limit), "I64")
            yield buffer(f"{key}_topk_indices", *shape, own.topk, dtype=dtype)
            yield buffer(f"{key}_topk_weights", *shape, own.topk - 1)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the bank, num_vectors · vector_length parameters."""
    yield parameter("vblora_vector_bank", own.num_vectors, own.vector_length)


METHOD = Method(
    name="vblora",
    title="VB-LoRA: Extreme Parameter Efficient Fine-Tuning with Vector Banks",
    arxiv="2405.15179",
    formula="num_vectors * vector_length + r * (d + h) / vector_length * num_vectors",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    rank=4,
    module_kinds=LINEARS,
    shared_fields=TARGETING | {"bias"},
    default_targets={
        "t5": ("q", "k", "v", "o", "wi", "wo"),
        "mt5": ("q", "k", "v", "o", "wi_0", "wi_1", "wo"),
        "bart": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
        "opt": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
        "deberta-v2": ("query_proj", "key_proj", "value_proj", "dense"),
        **dict.fromkeys(
            (
                "blip-2",
                "xlm-roberta",
                "electra",
                "layoutlm",
                "chatglm",
                "mpt",
                "RefinedWebModel",
                "RefinedWeb",
                "falcon",
                "btlm",
                "codegen",
                "mistral",
                "mixtral",
                "stablelm",
                "phi",
                "rwkv",
                "rwkv7",
            )
        ),
    },
    layer_rules=frozenset({PATTERN_ALONE}),
)
