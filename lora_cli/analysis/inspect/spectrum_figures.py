"""What a spectrum says of each module and of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class ModuleSpectrum:
    """One module's update: its Frobenius norm, its energy by singular value, and the ranks that keep most of it.

    The energy is the sum of the squared singular values, and `energy` has the share of each, largest first. Fused
    experts share one energy, whose k-th share is that of the k-th values of all experts; a rank is the largest that any
    of them needs. A zero update has no shares and needs rank 0. If a value is NaN or infinite, or the product leaves
    float64's range, norm and ranks are None.
    """

    module: str
    norm: float | None
    energy: tuple[float, ...]
    rank_90: int | None
    rank_95: int | None
    rank_99: int | None


class LeftOut(NamedTuple):
    """A module with factors in the file, and why the spectrum leaves it out."""

    module: str
    reason: str


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The spectra of all modules, and what the smallest uniform rank that keeps 99 % of each of them would save.

    `rank_needed` is the largest `rank_99`. With every larger rank cut to it, but not below 1, the file has exactly
    `saved_params` fewer values and, as PEFT writes it, `saved_bytes` fewer bytes. Both are None if one module's rank is
    not known, or if the sizes of other tensors follow the rank (MonteCLoRA); the bytes also with types that PEFT does
    not write. `reason` says why there is no spectrum at all, and `note` what to know about the one there is.
    """

    modules: tuple[ModuleSpectrum, ...] = ()
    rank_needed: int | None = None
    saved_params: int | None = None
    saved_bytes: int | None = None
    reason: str | None = None
    note: str | None = None
    left_out: tuple[LeftOut, ...] = ()
