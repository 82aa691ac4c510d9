"""How much of a trained adapter's rank its updates use, from the thin factors alone.

Where B = Q·R and Aᵀ = P·S, with orthonormal columns in Q and P, B·A = Q·(R·Sᵀ)·Pᵀ has the singular values of the
small r × r matrix R·Sᵀ (Golub and Van Loan, "Matrix Computations", sections 5.2 and 5.5): neither Q, P nor d × h
is ever formed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lora_cli.analysis.computing.arrays import Array, read_array
from lora_cli.analysis.computing.cores import cores, on_cores
from lora_cli.analysis.forward.random_pass import Track
from lora_cli.methods.adapter_file.trained_adapter import PAIRS, ROOT, Factors, Trained
from lora_cli.methods.adapter_file.weight_update import cut_base, why_no_update
from lora_cli.methods.tensor import DTYPES, Tensor, written_bytes
from lora_cli.models.checkpoints.safetensors_header import Stored

SHARES = (0.9, 0.95, 0.99)
# Sums of squares are off by some units of float32's last place where that is what the factors are stored in.
SLACK = 1e-6
# QR takes the rows in slices, each on top of the triangle so far: more of them are never held as float64.
SLICE_ROWS = 2**14
# A factor past this is worked on alone: two at a time would hold too much.
LARGE_VALUES = 2**23


class ModuleSpectrum(NamedTuple):
    """One module's update: its Frobenius norm, its singular values' shares of the energy, and the ranks that keep it.

    The energy is the sum of the squared singular values, and `energy` the share of each, largest first; of fused
    experts it is that of all of them, and the k-th share is that of their k-th values together, so a rank is one
    that each expert has. An update that is zero has no shares, and needs rank 0. Where a value is NaN or infinite,
    or the product leaves float64's range, norm and ranks are None.
    """

    module: str
    norm: float | None
    energy: tuple[float, ...]
    rank_90: int | None
    rank_95: int | None
    rank_99: int | None


class LeftOut(NamedTuple):
    """A module whose factors are in the file, and why nothing is said of it."""

    module: str
    reason: str


class Spectrum(NamedTuple):
    """All modules, and what an adapter of the smallest uniform rank that keeps 99 % of each would save.

    `rank_needed` is the largest `rank_99`. With every rank that is larger cut to it, but not below 1, the file has
    `saved_params` fewer values, and as PEFT writes it `saved_bytes` fewer bytes, exactly: with the same other
    tensors, types and keys. They are None where one module's rank is not known, or with tensors whose sizes follow
    the rank in another way (MonteCLoRA); the bytes also for types that PEFT does not write. `reason` is why there
    is no spectrum at all, and `note` what to know about the one there is.
    """

    modules: tuple[ModuleSpectrum, ...] = ()
    rank_needed: int | None = None
    saved_params: int | None = None
    saved_bytes: int | None = None
    reason: str | None = None
    note: str | None = None
    left_out: tuple[LeftOut, ...] = ()


class _Update(NamedTuple):
    """A module's factors, how many experts they are stacked of, and the scaling of each."""

    pair: Factors
    experts: int
    scaling: float

    @property
    def r(self) -> int:
        return self.pair.r // self.experts


def spectrum(trained: Trained, track: Track | None = None) -> Spectrum:
    """Return the singular values' energy of each module that an adapter changes; `track` sees the modules go by.

    A file that has changed since its header was read raises `InvalidInput`. The work is done on all cores; with
    OPENBLAS_NUM_THREADS=1 set before NumPy is loaded, NumPy's own threads do not fight it for them.
    """
    reason = why_no_update(trained)
    if reason is not None:
        return Spectrum(reason=reason)
    updates, left_out = _sorted_out(trained)
    if not updates:
        return Spectrum(reason="no pair of A and B is in the file whose shapes fit each other", left_out=left_out)
    workers = 1 if any(_size(update) > LARGE_VALUES for update in updates) else min(cores(), len(updates))
    results = on_cores(workers, _module_spectrum, updates)
    modules = tuple(results if track is None else track(results, len(updates)))
    needed = _largest([module.rank_99 for module in modules])
    saved = (None, None) if needed is None else _saved(trained, updates, max(needed, 1))
    return Spectrum(modules, needed, *saved, note=_note(trained), left_out=left_out)


def _note(trained: Trained) -> str | None:
    start = cut_base(trained)
    if start is None:
        return None
    return f"init_lora_weights {start} took its first B * A off the base weights, so the update holds that too"


def _size(update: _Update) -> int:
    return max(update.pair.a.values, update.pair.b.values)


def _largest(ranks: list[int | None]) -> int | None:
    known = [rank for rank in ranks if rank is not None]
    return max(known) if len(known) == len(ranks) else None


def _sorted_out(trained: Trained) -> tuple[list[_Update], tuple[LeftOut, ...]]:
    """Return the updates that a spectrum can be given of, and what else has an A in the file."""
    updates, left_out = [], []
    found = {pair.module: pair for pair in trained.factors()}
    for key in trained.tensors:
        ending = next((a for a, _ in PAIRS if key.endswith(a)), None)
        if ending is None:
            continue
        module = key.removesuffix(ending).removeprefix(ROOT)
        pair = found.get(module)
        if pair is None:
            left_out.append(
                LeftOut(module, "B is missing, does not fit A, or is in groups, as a grouped convolution's")
            )
        elif math.prod(pair.b.shape[2:]) != 1:
            left_out.append(LeftOut(module, "B has a kernel of its own, so the update is no product of two matrices"))
        elif not _may_be_experts(trained, module):
            updates.append(_Update(pair, 1, pair.scaling))
        elif trained.config.rank_pattern or trained.fields.get("alpha_pattern"):
            left_out.append(
                LeftOut(module, "it may be fused experts, and how many is not known next to a rank or alpha pattern")
            )
        elif pair.r % trained.config.r:
            left_out.append(LeftOut(module, f"its {pair.r} rows of A are no multiple of the config's rank"))
        else:
            # Each expert has the config's rank, which is what alpha is divided by (`ParamWrapper.update_layer`).
            r = trained.config.r
            divisor = math.sqrt(r) if trained.fields.get("use_rslora") else r
            updates.append(_Update(pair, pair.r // r, pair.alpha / divisor))
    return updates, tuple(left_out)


def _may_be_experts(trained: Trained, module: str) -> bool:
    """Whether one of `target_parameters` is a module's own: PEFT names its factors after the module that has it."""
    while module.endswith(".base_layer"):
        module = module.removesuffix(".base_layer")
    owners = [name.rpartition(".")[0] for name in trained.config.target_parameters or ()]
    return any(not owner or module == owner or module.endswith(f".{owner}") for owner in owners)


def _module_spectrum(update: _Update) -> ModuleSpectrum:
    module = update.pair.module
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        try:
            values = _singular_values(update)
        except np.linalg.LinAlgError:
            # Float64's own range was left on the way.
            values = None
        if values is None or not math.isfinite(update.scaling):
            return ModuleSpectrum(module, None, (), None, None, None)
        largest = float(values.max(initial=0))
        if largest == 0 or update.scaling == 0:
            return ModuleSpectrum(module, 0.0, (), 0, 0, 0)
        # Relative to the largest, no square leaves the range.
        energy = np.square(values / largest).sum(axis=0)
        total = float(energy.sum())
    norm = abs(update.scaling) * (largest * math.sqrt(total))
    kept = np.cumsum(energy) / total
    ranks = [int(np.searchsorted(kept, share - SLACK)) + 1 for share in SHARES]
    return ModuleSpectrum(module, norm if math.isfinite(norm) else None, tuple((energy / total).tolist()), *ranks)


def _singular_values(update: _Update) -> Array | None:
    """Return the singular values of B·A, a row an expert; None where a value is no finite number."""
    pair, experts, r = update.pair, update.experts, update.r
    if not pair.a.values or not pair.b.values:
        return np.zeros((experts, 0))
    # A is E × r × d, and B is h × r × E (`ParamWrapper.get_delta_weight`).
    a = _factor(pair.a, pair.module, "A").reshape(experts, r, -1)
    left = [_triangle(a[expert].T) for expert in range(experts)]
    del a
    b = _factor(pair.b, pair.module, "B").reshape(-1, r, experts)
    right = [_triangle(b[:, :, expert]) for expert in range(experts)]
    del b
    small = np.stack([high @ low.T for high, low in zip(right, left, strict=True)])
    # LAPACK does not come back from NaN.
    return np.linalg.svd(small, compute_uv=False) if np.isfinite(small).all() else None


def _factor(stored: Stored, module: str, name: str) -> Array:
    return read_array(stored, f"{name} of {module}")


def _triangle(thin: Array) -> Array:
    """Return R of the QR decomposition of a matrix with more rows than columns, or fewer, in float64."""
    triangle: Array = np.zeros((0, thin.shape[1]))
    step = max(SLICE_ROWS, 4 * thin.shape[1])
    for start in range(0, thin.shape[0], step):
        part = thin[start : start + step].astype(np.float64)
        if not np.isfinite(part).all():
            return np.full((1, thin.shape[1]), np.nan)
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, part]) if start else part, mode="r"))
    return triangle


def _saved(trained: Trained, updates: list[_Update], rank: int) -> tuple[int | None, int | None]:
    """Return the values and the bytes that the file would have fewer, with no rank over `rank`."""
    if trained.config.monteclora_config is not None:
        return None, None
    cut = dict(_cut(updates, rank))
    tensors = {key: (stored, cut.get(stored, stored.shape)) for key, stored in trained.tensors.items()}
    params = sum(stored.values - math.prod(shape) for stored, shape in tensors.values())
    if any(stored.dtype not in DTYPES for stored, _ in tensors.values()):
        return params, None
    small = written_bytes((key, _tensor(key, stored.dtype, shape)) for key, (stored, shape) in tensors.items())
    now = written_bytes((key, _tensor(key, stored.dtype, stored.shape)) for key, (stored, _) in tensors.items())
    return params, now - small


def _cut(updates: list[_Update], rank: int) -> Iterator[tuple[Stored, tuple[int, ...]]]:
    for pair, experts, _ in updates:
        left = min(rank, pair.r // experts) * experts
        yield pair.a, (left, *pair.a.shape[1:])
        yield pair.b, (pair.b.shape[0], left, *pair.b.shape[2:])


def _tensor(key: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
    return Tensor(key, shape, key, shape, dtype=dtype)
