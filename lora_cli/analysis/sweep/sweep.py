"""The question "what do all of these cost?": counts over a grid, a row per point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from lora_cli.analysis.count.count import Count
from lora_cli.analysis.count.plain_lora import FIELDS as MATRIX_FIELDS
from lora_cli.analysis.count.titles import head
from lora_cli.analysis.limits import Amount, read_limits
from lora_cli.analysis.result import html_table, text_table
from lora_cli.analysis.subject import refuse_name, refuse_target
from lora_cli.analysis.sweep.axes import Axes, Axis, listed, names_of, read_axis
from lora_cli.analysis.sweep.matrix_grid import MatrixGrid, matrix_grid
from lora_cli.analysis.sweep.selection import EVERYTHING, Selection, read_selection
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.adaptation import Adaptation, Target
from lora_cli.methods.config.arguments import adapter_config, missing, shared_settings
from lora_cli.methods.registry import check_name, method_named
from lora_cli.quantities import Value

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.analysis.progress import Track
    from lora_cli.analysis.result import Record
    from lora_cli.analysis.sweep.model_grid import ModelGrid
    from lora_cli.analysis.sweep.training_grid import TrainingGrid
    from lora_cli.models.model import Source

# The number of rows that a notebook shows.
SHOWN_ROWS = 60
# The number that `print` shows.
PRINTED_ROWS = 10
DEFAULT = "default"


@dataclass(frozen=True, repr=False)
class Sweep:
    """The counts of a grid, in its order or the one that was asked for: iterate over them, index or slice them, or pass them on, e.g. to `pandas.DataFrame`.

    Nothing is counted before it is asked for, and no more than a batch is held at a time. `assumptions` are what a
    recipe said.
    """

    fields: tuple[str, ...]
    _grids: tuple[MatrixGrid | ModelGrid, ...]
    _selection: Selection = EVERYTHING
    assumptions: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of rows, also where it is more than `len` can return."""
        return self._points if self._selection.is_everything else len(self._rows)

    @property
    def _points(self) -> int:
        return sum(grid.size for grid in self._grids)

    @cached_property
    def _rows(self) -> list[Sequence[Value]]:
        """The values of the selected rows."""
        places = {field: place for place, field in enumerate(self.fields)}
        rows = chain.from_iterable(self._batches())
        return self._selection.of(rows, lambda row, field: row[places[field]])

    @property
    def title(self) -> tuple[str, ...]:
        """What is counted, in words: the methods on their subjects, and the targets where there is one set."""
        methods = dict.fromkeys(name for grid in self._grids for name in grid.methods)
        (first, *_) = self._grids
        targets = [f"{DEFAULT} targets" if name == DEFAULT else name for name in first.targets]
        return head(methods, first.subjects), *(targets if len(targets) == 1 else ())

    @cached_property
    def training(self) -> dict[str, Value]:
        """How all models are trained, beside what rows say, as `training` takes it; {} where only counts are wanted."""
        (first, *_) = self._grids
        return {} if isinstance(first, MatrixGrid) else first.settings()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to doubt about the models, the targets and the ranks of the rows, each sentence once."""
        grids = [grid for grid in self._grids if not isinstance(grid, MatrixGrid)]
        rows: list[Record] | None = None
        if not self._selection.is_everything:
            rows = [dict(zip(self.fields, row, strict=True)) for row in self._rows]
        return tuple(chain.from_iterable(grid.warnings(rows) for grid in grids))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said of the sources of the models."""
        return tuple(chain.from_iterable(grid.notes() for grid in self._grids if not isinstance(grid, MatrixGrid)))

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Count]:
        return self._counts() if self._selection.is_everything else iter(self._selected)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Count: ...
    @overload
    def __getitem__(self, index: slice) -> list[Count]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Count | list[Count]:
        """Return the count at a place, or those of a slice; of rows in the grid's order no other is counted."""
        if isinstance(index, slice):
            start, stop, step = index.indices(self.size)
            return [self._at(place) for place in range(start, stop, step)]
        place = index.__index__()
        if not -self.size <= place < self.size:
            raise IndexError(f"point {place} of a sweep of {self.size:,}")
        return self._at(place % self.size)

    def _at(self, place: int) -> Count:
        if not self._selection.is_everything:
            return self._selected[place]
        for grid in self._grids:
            if place < grid.size:
                return grid.at(place)
            place -= grid.size
        raise AssertionError("a place inside the sweep is inside one of its grids")

    def _counts(self) -> Iterator[Count]:
        return chain.from_iterable(grid.counts() for grid in self._grids)

    @cached_property
    def _selected(self) -> list[Count]:
        """The counts of the selected rows."""
        return self._selection.of(self._counts(), lambda count, field: count[field])

    def batches(self) -> Iterable[Iterable[Sequence[Value]]]:
        """Return the rows of values in batches, in the order of `fields`."""
        return self._batches() if self._selection.is_everything else [self._rows]

    def _batches(self) -> Iterable[Iterable[Sequence[Value]]]:
        # A single grid is passed on as it is: it can work on several batches at a time.
        if len(self._grids) == 1:
            return self._grids[0].batches()
        return chain.from_iterable(grid.batches() for grid in self._grids)

    def __repr__(self) -> str:
        return f"Sweep({self.size} points of {', '.join(self.fields)})"

    def __str__(self) -> str:
        """Return the table that `print` shows: the first rows, and how many more there are."""
        table = text_table((tuple(count.values()) for count in islice(self, PRINTED_ROWS)), self.fields)
        rest = self.size - PRINTED_ROWS
        return f"{table}\nand {rest:,} more" if rest > 0 else table or repr(self)

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows: the first rows, and how many there are if there are more."""
        table = html_table(self.fields, (tuple(count.values()) for count in islice(self, SHOWN_ROWS)))
        return table if self.size <= SHOWN_ROWS else f"{table}<p>The first {SHOWN_ROWS} of {self.size:,} points</p>"


def sweep(
    d: Axis | None = None,
    h: Axis | None = None,
    r: Axis | None = None,
    *,
    square: bool = False,
    method: str | Sequence[str] | None = None,
    settings: Mapping[str, object] | None = None,
    model: Source | Sequence[Source] | None = None,
    target: Target | Sequence[Target] | None = None,
    max_params: Amount | None = None,
    max_percent: Amount | None = None,
    max_bytes: Amount | None = None,
    sort: str | None = None,
    limit: SupportsIndex | None = None,
    memory: bool = False,
    batch: Axis | None = None,
    seq: Axis | None = None,
    quantize: str | Sequence[str] | None = None,
    gpu: str | Sequence[str] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: str | PathLike[str] | None = None,
    track: Track | None = None,
) -> Sweep:
    """Count every combination of `d`, `h` and `r`, or of `model`, `target` and `r`, for one or several methods.

    d, h, r        a value, a list, a `range` or a text like "8:64:8" or "8:64:x2"; the last axis, r, runs fastest, and
                   for models is PEFT's default without it
    square         h follows d
    method         one name or several, LoRA without it; a method without a rank is counted once in place of each rank
    settings       fields of the methods' PEFT configs, given to those that have them
    model          one or several, as `count` takes them
    target         one or several sets of modules, each as `count` takes it
    max_...        only rows inside these limits are kept, as `fit` takes them
    sort           field that the rows are sorted by, with - before it for the largest first
    limit          number of rows that are wanted
    memory         also the GPU memory of training each model, as `memory` says it
    batch, seq     axes of that
    quantize       one kind of quantisation or several, slower than these
    gpu            one graphics card or several, the slowest
    training       how it is trained otherwise: keywords of `memory`, e.g. {"optimizer": "sgd"}
    recipe         path of a trainer's own configuration of a model; what is given beside it replaces what it says
    track          wrapper that sees the points of models go by

    >>> [(c.d, c.h, c.r, c.trainable_params) for c in sweep([512, 1024], r=[4, 8], square=True)]
    [(512, 512, 4, 4096), (512, 512, 8, 8192), (1024, 1024, 4, 8192), (1024, 1024, 8, 16384)]
    >>> [(c.target, c.trainable_params) for c in sweep(model="gpt2", target=["c_attn", "all-linear"], r=8)]
    [('c_attn', 294912), ('all-linear', 1179648)]
    """
    names = [None] if method is None else [check_name(name) for name in names_of(method)]
    if not names:
        raise InvalidInput(f"{argument('method')}: the list is empty; give at least one")
    if "r" in (settings or {}):
        raise InvalidInput(f"{argument('settings')}: r is an axis of a sweep; give {argument('r')} instead")
    hows = [Adaptation(name, settings=settings or {}) for name in names]
    if recipe is not None:
        from lora_cli.analysis.sweep.recipe_axes import recipe_axes

        own = {
            "r": r,
            "target": target,
            "gpu": gpu,
            "quantize": quantize,
            "batch": batch,
            "seq": seq,
            "training": training,
            "memory": memory,
        }
        arguments, assumptions = recipe_axes(recipe, listed(model), hows, own, d=d, h=h)
        limited: dict[str, Any] = {"max_params": max_params, "max_percent": max_percent, "max_bytes": max_bytes}
        found = sweep(square=square, memory=memory, sort=sort, limit=limit, track=track, **limited, **arguments)
        return replace(found, assumptions=assumptions)
    if settings:
        hows = shared_settings(hows, of_model=model is not None)
    axes = {"gpu": gpu, "quantize": quantize, "batch": batch, "seq": seq}
    given = [name for name, value in axes.items() if value is not None] + list(training or ())
    if given and not memory:
        from lora_cli.analysis.memory.arguments import read_arguments

        read_arguments(training or {})
        raise InvalidInput(
            f"{argument(given[0])} says how a model is trained, which only {argument('memory')} depends on; give that "
            "too, or drop it"
        )
    limits = read_limits(max_params=max_params, max_percent=max_percent, max_bytes=max_bytes)
    if model is not None:
        if d is not None or h is not None or square:
            raise InvalidInput(
                f"{argument('d')}, {argument('h')} and {argument('square')} describe one matrix, "
                f"{argument('model')} a whole model; drop one of them"
            )
        return _selected(
            _model_sweep(
                model, target, hows, _ranks(r, hows), _trainings(axes, training or {}) if memory else None, track
            ),
            limits,
            sort,
            limit,
        )
    if memory:
        raise InvalidInput(
            f"{argument('memory')} is that of training a model, and one matrix is not trained alone; give "
            f"{argument('model')}, or drop {argument('memory')}"
        )
    if target is not None:
        refuse_target(Adaptation(target=""))
    sizes = _matrix_axes(d, h, _ranks(r, hows), square=square)
    # A method that is refused is refused before the first row of another one is written.
    grids = tuple(matrix_grid(sizes, how) for how in hows)
    return _selected(Sweep(MATRIX_FIELDS, grids), limits, sort, limit)


def _trainings(axes: Mapping[str, Any], training: Mapping[str, Any]) -> TrainingGrid:
    # What a training takes is not needed for counts alone.
    from lora_cli.analysis.sweep.training_grid import training_grid

    return training_grid(axes, training)


def _selected(grid: Sweep, limits: Mapping[str, int | float], sort: str | None, limit: SupportsIndex | None) -> Sweep:
    return replace(grid, _selection=read_selection(grid.fields, grid.size, limits, sort, limit))


def _ranks(r: Axis | None, hows: Sequence[Adaptation]) -> Sequence[int] | None:
    """Return the axis r, which methods without a rank do without, or None where it is not given."""
    if r is not None:
        return read_axis("r", r)
    if all(method_named(how.method_name).rank is None for how in hows):
        return range(1, 2)
    return None


def _matrix_axes(d: Axis | None, h: Axis | None, ranks: Sequence[int] | None, *, square: bool) -> Axes:
    if ranks is None:
        raise InvalidInput(f"{argument('r')} is missing; give the ranks to sweep, e.g. 8,16 or 4:64:x2")
    if d is None:
        raise missing("d")
    refuse_name(d)
    if square and h is not None:
        raise InvalidInput(f"{argument('square')} ties h to d, so {argument('h')} conflicts with it; drop one of them")
    if not square and h is None:
        raise InvalidInput(f"{argument('h')} is missing; give it, or {argument('square')} to tie it to d")
    return Axes(read_axis("d", d), None if h is None else read_axis("h", h), ranks)


def _model_sweep(
    model: Source | Sequence[Source],
    target: Target | Sequence[Target] | None,
    hows: Sequence[Adaptation],
    ranks: Sequence[int] | None,
    training: TrainingGrid | None,
    track: Track | None,
) -> Sweep:
    from lora_cli.analysis.sweep.model_grid import ModelGrid, TargetSet
    from lora_cli.models.sources.read_model import read_model

    targets: Sequence[Target | None] = [target] if target is None or isinstance(target, str) else target
    models: list[Source] = listed(model)
    if not models or not targets:
        raise InvalidInput(f"{argument('model' if not models else 'target')}: the list is empty; give at least one")
    sets = [
        TargetSet(_target_name(each), adapter_config(how._replace(target=each), of_model=True)[0])
        for each in targets
        for how in hows
    ]
    grid = ModelGrid([read_model(each) for each in models], sets, ranks, training, track)
    return Sweep(grid.fields, (grid,))


def _target_name(target: Target | None) -> str:
    if target is None:
        return DEFAULT
    return target if isinstance(target, str) else ",".join(map(str, target))
