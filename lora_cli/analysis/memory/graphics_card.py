"""What is known of a graphics card: its memory, its architecture, and what was measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MIB = 2**20


class Generation(NamedTuple):
    """An architecture of cards, and whether PyTorch runs flash attention on it, which is also whether it has bfloat16."""

    name: str
    has_flash: bool = True


# The architectures from the oldest to the newest of each maker: NVIDIA's by the compute capability that
# https://developer.nvidia.com/cuda-gpus has, AMD's by the LLVM target that https://rocm.docs.amd.com/en/latest/reference/gpu-specs.html has.
GENERATIONS: Mapping[float | str, Generation] = {
    6.0: Generation("Pascal", has_flash=False),
    7.0: Generation("Volta", has_flash=False),
    7.5: Generation("Turing", has_flash=False),
    8.0: Generation("Ampere"),
    8.6: Generation("Ampere"),
    8.9: Generation("Ada"),
    9.0: Generation("Hopper"),
    10.0: Generation("Blackwell"),
    10.3: Generation("Blackwell"),
    12.0: Generation("Blackwell"),
    "gfx90a": Generation("CDNA 2"),
    "gfx942": Generation("CDNA 3"),
    "gfx950": Generation("CDNA 4"),
}


class Measured(NamedTuple):
    """What was measured on a card, in bytes: the least and the most that a process takes beside what is reserved.

    `workspaces` are those of cuBLAS, which are allocated too. `spread` is how far, as a share, the reserved bytes were
    from what the allocator's rules give. `driver` is what the card's driver keeps for itself, and `addresses_fall` says
    whether it gives each new segment a lower address than those before. `processors` are its multiprocessors, and the threads
    that each holds.
    """

    context: tuple[int, int]
    workspaces: tuple[int, ...]
    spread: float
    processors: tuple[int, int]
    driver: int = 0
    addresses_fall: bool = False


class Card(NamedTuple):
    """A card: its name and others that people use, its memory, its chip, which is a key of GENERATIONS.

    `teraflops` are of dense products in bfloat16, or in float16 where there is no bfloat16, summed in float32: as its maker
    states them, or its multiprocessors times its boost clock times what each does in a clock, where that gives what the
    maker states of like cards. `tests/reference/cards.csv` has which, and from where. `is_nominal` is whether its memory is
    the size that it is sold as, of which nvidia-smi or rocm-smi may show less.
    """

    name: str
    mebibytes: int
    chip: float | str
    teraflops: float | None = None
    aliases: tuple[str, ...] = ()
    measured: Measured | None = None
    is_nominal: bool = False

    @property
    def bytes(self) -> int:
        """Its memory."""
        return self.mebibytes * MIB

    @property
    def size_note(self) -> str | None:
        """That its memory is only known as the size that it is sold as, in words, if so."""
        if not self.is_nominal:
            return None
        tool = "rocm-smi" if self.capability is None else "nvidia-smi"
        return f"the memory of {self.name} is the size that it is sold as; {tool} may show less"

    @property
    def generation(self) -> str:
        """The architecture that its chip is of."""
        return GENERATIONS[self.chip].name

    @property
    def capability(self) -> float | None:
        """Its CUDA compute capability, or None of a card that runs ROCm."""
        return self.chip if isinstance(self.chip, float) else None

    @property
    def maker(self) -> str:
        """Who makes it."""
        return "AMD" if self.capability is None else "NVIDIA"

    @property
    def has_flash(self) -> bool:
        """Whether PyTorch runs flash attention on it, which is also whether it has bfloat16."""
        return GENERATIONS[self.chip].has_flash

    @property
    def prefers_cudnn(self) -> bool:
        """Whether PyTorch takes cuDNN's attention first (`check_prefer_cudnn_attention`, sdp_utils.cpp)."""
        return self.capability in {9.0, 10.0}

    @property
    def peak_dtypes(self) -> tuple[str, ...]:
        """The types of products that its peak is known of."""
        return ("bfloat16", "float16") if self.has_flash else ("float16",)
