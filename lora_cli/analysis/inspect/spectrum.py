"""How much of its rank a trained adapter's updates use, computed from A and B alone.

With B = Q·R and Aᵀ = P·S, where Q and P have orthonormal columns, B·A = Q·(R·Sᵀ)·Pᵀ has the singular values of the
small r × r matrix R·Sᵀ (Golub and Van Loan, "Matrix Computations", sections 5.2 and 5.5). Neither Q, P nor the d × h
product is formed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from lora_cli.analysis.computing.arrays import Array, read_array
from lora_cli.analysis.computing.cores import cores, on_cores
from lora_cli.analysis.inspect.spectrum_figures import LeftOut, ModuleSpectrum, Spectrum
from lora_cli.analysis.progress import Track
from lora_cli.dtypes import BY_NAME
from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.file_size import written_bytes
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.adapter_file.weight_update import subtracting_start
from lora_cli.methods.tensor import Tensor
from lora_cli.models.checkpoints.safetensors_header import Stored

SHARES = (0.9, 0.95, 0.99)
# Factors in float32 make sums of squares inexact by some units in its last place.
SLACK = 1e-6
THRESHOLDS = [share - SLACK for share in SHARES]
# QR takes the rows in slices, each below the triangle so far, so that only one slice is in memory as float64.
SLICE_ROWS = 2**14
# Factors with more values than this are computed one at a time, because several would take too much memory.
LARGE_VALUES = 2**23
# Modules are computed together up to that many values.
BATCH_VALUES = 2**16


class _Update(NamedTuple):
    """A module's factors, the number of experts that are stacked in them, and the scaling of each."""

    pair: Factors
    experts: int
    scaling: float

    @property
    def r(self) -> int:
        """The rank of each expert."""
        return self.pair.r // self.experts


def spectrum(trained: TrainedAdapter, track: Track | None = None) -> Spectrum:
    """Return the spectrum of each module that an adapter changes; `track` sees the modules go by.

    A file that has changed since its header was read raises `InvalidInput`. All cores take part. Set
    OPENBLAS_NUM_THREADS=1 before NumPy is imported, or NumPy's own threads compete for the same cores.
    """
    reason = trained.why_no_update
    if reason is not None:
        return Spectrum(reason=reason)
    updates, left_out = _updates(trained)
    if not updates:
        return Spectrum(reason="the file has no A and B whose shapes fit each other", left_out=left_out)
    batches = list(_batches(updates))
    workers = 1 if any(_size(update) > LARGE_VALUES for update in updates) else min(cores(), len(batches))
    results = chain.from_iterable(on_cores(workers, _spectra, batches))
    found = {module.module: module for module in (results if track is None else track(results, len(updates)))}
    modules = tuple(found[update.pair.module] for update in updates)
    needed = _largest([module.rank_99 for module in modules])
    saved = (None, None) if needed is None else _saved(trained, updates, max(needed, 1))
    return Spectrum(modules, needed, *saved, note=_note(trained), left_out=left_out)


def _note(trained: TrainedAdapter) -> str | None:
    start = subtracting_start(trained.config)
    if start is None:
        return None
    return (
        f"init_lora_weights {start} subtracted its first B * A from the base weights, so the update contains that too"
    )


def _size(update: _Update) -> int:
    return max(update.pair.a.values, update.pair.b.values)


def _largest(ranks: list[int | None]) -> int | None:
    known = [rank for rank in ranks if rank is not None]
    return max(known) if len(known) == len(ranks) else None


def _batches(updates: Iterable[_Update]) -> Iterator[list[_Update]]:
    """Yield the updates in batches of one shape, which NumPy computes together, as most modules of a model are alike."""
    batches: dict[tuple[object, ...], list[_Update]] = {}
    for update in updates:
        shape = (update.pair.a.shape, update.pair.b.shape, update.experts)
        batch = batches.setdefault(shape, [])
        batch.append(update)
        if len(batch) * (_size(update) + 1) >= BATCH_VALUES:
            yield batches.pop(shape)
    yield from batches.values()


def _updates(trained: TrainedAdapter) -> tuple[list[_Update], tuple[LeftOut, ...]]:
    """Return the updates that have a spectrum, and the modules of the file that have none."""
    updates: list[_Update] = []
    left_out = [LeftOut(module, reason) for module, reason in trained.unpaired()]
    for pair in trained.factors():
        update = _update(trained, pair)
        if isinstance(update, str):
            left_out.append(LeftOut(pair.module, update))
        else:
            updates.append(update)
    return updates, tuple(left_out)


def _update(trained: TrainedAdapter, pair: Factors) -> _Update | str:
    """Return a module's update, or why it has no spectrum."""
    if pair.scaling is None:
        return "its scaling is not known"
    if pair.groups > 1:
        return "it is a grouped convolution, whose update PEFT cannot merge"
    if math.prod(pair.b.shape[2:]) != 1:
        return "B has a kernel of its own, so the update is not a product of two matrices"
    if not trained.may_hold_experts(pair.module):
        return _Update(pair, 1, pair.scaling)
    if trained.config.rank_pattern or trained.config.alpha_pattern:
        return "it may be fused experts, whose number does not follow from the file with a rank or alpha pattern"
    r = trained.config.r
    if pair.r % r:
        return f"its A has {pair.r} rows, which is not a multiple of the config's rank"
    # Each expert has the config's rank, by which alpha is divided (`ParamWrapper.update_layer`).
    divisor = math.sqrt(r) if trained.fields.get("use_rslora") else r
    return _Update(pair, pair.r // r, (trained.alpha or 0.0) / divisor)


def _spectra(updates: Sequence[_Update]) -> list[ModuleSpectrum]:
    """Return the spectra of updates of one shape."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        try:
            values = _singular_values(updates)
        except np.linalg.LinAlgError:
            # A value left float64's range on the way, in one of them.
            if len(updates) > 1:
                return [spectrum for update in updates for spectrum in _spectra([update])]
            values = np.full((1, updates[0].experts, 1), np.nan)
        return [_module_spectrum(update, own) for update, own in zip(updates, values, strict=True)]


def _module_spectrum(update: _Update, values: Array) -> ModuleSpectrum:
    """Return the spectrum of the singular values of a module, a row for each expert."""
    module = update.pair.module
    if not np.isfinite(values).all() or not math.isfinite(update.scaling):
        return ModuleSpectrum(module, None, (), None, None, None)
    largest = float(values.max(initial=0))
    if largest == 0 or update.scaling == 0:
        return ModuleSpectrum(module, 0.0, (), 0, 0, 0)
    # Relative to the largest value, no square leaves the range.
    energy = np.square(values / largest).sum(axis=0)
    total = float(energy.sum())
    norm = abs(update.scaling) * (largest * math.sqrt(total))
    ranks = np.max([_ranks_for(expert) for expert in values], axis=0).tolist()
    return ModuleSpectrum(module, norm if math.isfinite(norm) else None, tuple((energy / total).tolist()), *ranks)


def _ranks_for(values: Array) -> Array:
    """Return the ranks that keep each share of the energy of singular values, largest first; 0 where all are zero."""
    if not values[0]:
        return np.zeros(len(THRESHOLDS), dtype=np.int64)
    kept = np.cumsum(np.square(values / values[0]))
    return np.searchsorted(kept / kept[-1], THRESHOLDS) + 1


def _singular_values(updates: Sequence[_Update]) -> Array:
    """Return the singular values of B·A of each update and expert; NaN for an update with a value that is not finite."""
    (pair, experts, _), r = updates[0], updates[0].r
    if not pair.a.values or not pair.b.values:
        return np.zeros((len(updates), experts, 0))
    # A is E × r × d, and B is h × r × E (`ParamWrapper.get_delta_weight`).
    a = _stack([_factor(update.pair.a, update.pair.module, "A").reshape(experts, r, -1) for update in updates])
    left = _triangles(a.swapaxes(2, 3))
    del a
    b = _stack([_factor(update.pair.b, update.pair.module, "B").reshape(-1, r, experts) for update in updates])
    right = _triangles(b.transpose(0, 3, 1, 2))
    del b
    small = right @ left.swapaxes(2, 3)
    finite = np.isfinite(small).all(axis=(1, 2, 3))
    # LAPACK does not return from NaN.
    values = np.linalg.svd(np.where(finite[:, None, None, None], small, 0), compute_uv=False)
    return np.where(finite[:, None, None], values, np.nan)


def _stack(arrays: Sequence[Array]) -> Array:
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _factor(stored: Stored, module: str, name: str) -> Array:
    return read_array(stored, f"{name} of {module}")


def _triangles(thin: Array) -> Array:
    """Return R of the QR decompositions of stacked matrices of any shape, in float64."""
    *stack, rows, columns = thin.shape
    triangle: Array = np.zeros((*stack, 0, columns))
    step = max(SLICE_ROWS, 4 * columns)
    for start in range(0, rows, step):
        part = thin[..., start : start + step, :].astype(np.float64)
        # LAPACK does not return from NaN, which what is made of the triangle keeps.
        lost = ~np.isfinite(part).all(axis=(-2, -1), keepdims=True)
        part = np.where(lost, 0, part) if lost.any() else part
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, part], axis=-2) if start else part, mode="r"))
        triangle[np.broadcast_to(lost, triangle.shape)] = np.nan
    return triangle


def _saved(trained: TrainedAdapter, updates: list[_Update], rank: int) -> tuple[int | None, int | None]:
    """Return by how many values and bytes the file would shrink with no rank above `rank`."""
    if trained.config.lora.monteclora_config is not None:
        return None, None
    cut = dict(_cut(updates, rank))
    tensors = {key: (stored, cut.get(stored, stored.shape)) for key, stored in trained.tensors.items()}
    params = sum(stored.values - math.prod(shape) for stored, shape in tensors.values())
    if any(not BY_NAME[stored.dtype].in_peft_files for stored, _ in tensors.values()):
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
