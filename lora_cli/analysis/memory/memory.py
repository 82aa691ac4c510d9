"""The question "does it fit?": the GPU memory of one training step, and whether a card has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

from lora_cli.analysis.memory.arguments import TRAINED_FIELDS, TrainingArguments, read_arguments
from lora_cli.analysis.memory.case import Case
from lora_cli.analysis.memory.duration import train_time
from lora_cli.analysis.memory.remarks import allowance, assumptions, misfits, notes_of
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.training import UNQUANTISED
from lora_cli.analysis.memory.verdict import read_room
from lora_cli.analysis.result import Record, Result
from lora_cli.analysis.subject import Subject, read_subject
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.adaptation import UNCHANGED, Adaptation
from lora_cli.methods.registry import FULL
from lora_cli.models.model import Model
from lora_cli.quantities import Value

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.analysis.memory.serving.serving import Serving
    from lora_cli.models.model import Source

    Path = str | PathLike[str]

FIELDS = ("model", "method", "r", *TRAINED_FIELDS)
TIME_FIELDS = ("tokens", "utilisation", "train_seconds")
# What a server of adapters has in common with a training.
SERVED = ("adapter", "dtype")
# What a server has instead of a setting of a training.
SERVED_INSTEAD = {"r": "max_rank"}


class Memory(Result):
    """What GPU memory one training step takes, in bytes, and whether it fits on a card.

    The parts add up to `peak_bytes`, which is `torch.cuda.max_memory_allocated` of the step. README lists what each
    field means.
    """

    __slots__ = ("_case", "_recipe")

    model: str
    method: str
    r: int | None
    batch: int
    seq: int
    dtype: str
    quantize: str
    weights_bytes: int
    adapter_weights_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    activation_bytes: int
    loss_bytes: int
    temporary_bytes: int
    peak_bytes: int
    peak_phase: str
    reserved_bytes: int
    low_bytes: int | None
    high_bytes: int | None
    gpu: str | None
    gpu_bytes: int | None
    fits: str | None
    max_batch: int | None
    max_seq: int | None
    flops_per_token: int
    tokens: int | None
    utilisation: float | None
    train_seconds: float | None
    _case: Case
    _recipe: tuple[str, ...]

    @property
    def title(self) -> tuple[str, ...]:
        """What is asked, in words."""
        from lora_cli.analysis.count.titles import few
        from lora_cli.methods.registry import short_title

        method = "Full fine-tuning" if self.method == FULL else short_title(self.method)
        plan = self._case.setup.plan
        how = [] if self.r is None else [f"rank {self.r}"]
        targets = plan and plan.targets.config.target_modules
        how += [few(targets)] if targets else []
        stored = [] if self.quantize == UNQUANTISED else [self.quantize]
        return f"{method} on {self.model}", *how, f"batch {self.batch}", f"{self.seq:,} tokens", self.dtype, *stored

    @property
    def misfits(self) -> list[str]:
        """Why it is not sure to fit on the card, in a sentence; none where it is, and without a card."""
        return [*misfits(self._case)]

    @property
    def allowance(self) -> tuple[str, ...]:
        """What to allow for the process, in words, where its band is not known."""
        return allowance(self._case)

    @property
    def phases(self) -> dict[str, int]:
        """The peak of each phase of the step, in bytes."""
        step = self._case.footprint.step
        return {name: step.static_bytes + peak.total for name, peak in step.phases.items()}

    @property
    def flops(self) -> dict[str, dict[str, int]]:
        """The operations of one step: of each phase, by what is multiplied."""
        parts: dict[str, dict[str, int]] = {}
        for (phase, of), count in self._case.footprint.step.flops.items():
            parts.setdefault(phase, {})[of] = count
        return parts

    @property
    def assumptions(self) -> list[str]:
        """What the figures rest on, in sentences."""
        return [*self._recipe, *assumptions(self._case)]

    @property
    def training(self) -> dict[str, Value]:
        """How the model is trained, as `training` of `check`, `fit` and `sweep` takes it."""
        case = self._case
        settings = case.training.arguments(None if case.card is None else case.card.name)
        return settings if case.setup.plan else {name: settings[name] for name in settings if name != "adapter_dtype"}

    @property
    def config_fields(self) -> dict[str, Any]:
        """The adapter_config.json that says how the model is adapted; {} where all of it is trained."""
        plan = self._case.setup.plan
        return {} if plan is None else plan.config_fields

    @property
    def advice(self) -> list[dict[str, Value]]:
        """What each switch that is not turned yet would save, the largest saving first."""
        return [saving._asdict() for saving in self._case.savings]


@overload
def memory(
    model: Source | None = None,
    *,
    serve: SupportsIndex,
    max_rank: SupportsIndex | None = None,
    tp: SupportsIndex | None = None,
    adapter: Path | Sequence[Path] | None = None,
    dtype: str | None = None,
) -> Serving: ...
@overload
def memory(
    model: Source | None = None,
    r: SupportsIndex | None = None,
    *,
    method: str | None = None,
    target: str | Sequence[str] | None = None,
    settings: Mapping[str, object] | None = None,
    alpha: float | None = None,
    adapter: Path | None = None,
    adapter_dtype: str | None = None,
    batch: SupportsIndex | None = None,
    seq: SupportsIndex | None = None,
    dtype: str | None = None,
    quantize: str | None = None,
    kbit_prepare: bool | None = None,
    checkpointing: bool | None = None,
    attention: str | None = None,
    padded: bool | None = None,
    optimizer: str | None = None,
    autocast: bool | None = None,
    loss: str | None = None,
    logits_kept: bool | None = None,
    accumulate: SupportsIndex | None = None,
    gpu: str | None = None,
    vram: float | str | None = None,
    tokens: SupportsIndex | str | None = None,
    utilisation: SupportsFloat | str | None = None,
    recipe: Path | None = None,
) -> Memory: ...
def memory(
    model: Source | None = None,
    r: SupportsIndex | None = None,
    *,
    method: str | None = None,
    target: str | Sequence[str] | None = None,
    settings: Mapping[str, object] | None = None,
    alpha: float | None = None,
    adapter: Path | Sequence[Path] | None = None,
    adapter_dtype: str | None = None,
    batch: SupportsIndex | None = None,
    seq: SupportsIndex | None = None,
    dtype: str | None = None,
    quantize: str | None = None,
    kbit_prepare: bool | None = None,
    checkpointing: bool | None = None,
    attention: str | None = None,
    padded: bool | None = None,
    optimizer: str | None = None,
    autocast: bool | None = None,
    loss: str | None = None,
    logits_kept: bool | None = None,
    accumulate: SupportsIndex | None = None,
    gpu: str | None = None,
    vram: float | str | None = None,
    tokens: SupportsIndex | str | None = None,
    utilisation: SupportsFloat | str | None = None,
    serve: SupportsIndex | None = None,
    max_rank: SupportsIndex | None = None,
    tp: SupportsIndex | None = None,
    recipe: Path | None = None,
) -> Memory | Serving:
    """Say what GPU memory one training step takes, by a replay of what PyTorch allocates.

    `model`, `method`, `r`, `target`, `settings`, `alpha` and `adapter` are those of `count`; `method="full"` trains
    all weights. `kbit_prepare` is true where the base is quantised, and an adapter is trained in float32. `seq` is 2048 by default, or the model's longest input if that is shorter, and `dtype` that of its
    config.json. With `accumulate` above 1 the gradients of one batch are there while the next one runs; how many more follow
    changes nothing. With a `gpu` or `vram` (bytes, or a text like "24GB") the result says whether it fits. `tokens` and
    `utilisation` (a share of the card's peak) give `train_seconds`. With a `recipe`, the path of a trainer's own
    configuration, what is given beside it replaces what it says.

    With `serve` it says instead what vLLM preallocates for so many adapters: for ranks up to `max_rank` (16, or the
    highest of the adapters whose paths are given), on each of `tp` cards.

    `InvalidInput` is raised for what PEFT refuses, and for blocks, methods and options that have no replay.

    >>> found = memory("llama-3.1-8b", r=16, target="all-linear", batch=2, seq=1024)
    >>> found.peak_phase, round(found.peak_bytes / 1e9, 1)
    ('backward', 20.3)
    """
    paths = _paths(adapter)
    if isinstance(method, str) and method.lower() == FULL:
        method = FULL
    how = Adaptation(method, r, alpha, target, settings or {}, paths[0] if paths else None)
    given = {
        "batch": batch,
        "seq": seq,
        "dtype": dtype,
        "quantize": quantize,
        "kbit_prepare": kbit_prepare,
        "checkpointing": checkpointing,
        "attention": attention,
        "padded": padded,
        "optimizer": optimizer,
        "autocast": autocast,
        "adapter_dtype": adapter_dtype,
        "loss": loss,
        "logits_kept": logits_kept,
        "accumulate": accumulate,
        "gpu": gpu,
    }
    training: Mapping[str, Any] = {name: value for name, value in given.items() if value is not None}
    if model is None and not paths and recipe is None:
        raise InvalidInput(
            f"{argument('model')} is missing: memory is that of training a model, and one matrix is not trained alone"
        )
    if serve is not None:
        others = {"vram": vram, "tokens": tokens, "utilisation": utilisation, "recipe": recipe}
        _refuse_training({**how._asdict(), **training, **others})
        from lora_cli.analysis.memory.serving.serving import serving

        return serving(_model(model, how.adapter), serve, max_rank, 1 if tp is None else tp, paths, dtype)
    _refuse_serving({"max_rank": max_rank, "tp": tp}, paths)
    subject, (how,), training = _read(model, how, training, recipe)
    assert subject.model is not None
    arguments = read_arguments(training)
    room = read_room(arguments.card, vram)
    setup, label, said = _set_up(subject.model, how, adapter_dtype)
    case = Case(setup, label, arguments.training(setup), arguments.card, room)
    # Before the search for the largest batch and length, so that it refuses at once.
    time: Record = {}
    if tokens is not None or utilisation is not None:
        found = train_time(case.card, case.training.product_dtype, case.flops_per_token, tokens, utilisation)
        time = dict(zip(TIME_FIELDS, found, strict=True))
    record = {**case.record(), **time}
    warnings = [*said, *arguments.doubts(setup)]
    notes = [*subject.model.notes, *arguments.notes(subject.model), *notes_of(case)]
    return Memory(record, _case=case, _recipe=subject.assumptions, warnings=warnings, notes=notes)


def _read(
    model: Source | None, how: Adaptation, training: Mapping[str, Any], recipe: Path | None
) -> tuple[Subject, Sequence[Adaptation], Mapping[str, Any]]:
    """Return the subject, how it is adapted and how it is trained, as the arguments or a recipe say."""
    if recipe is None:
        return read_subject(None, None, model, how.adapter), [how], training
    from lora_cli.analysis.recipe import follow_recipe

    return follow_recipe(recipe, model, [how], training, allows_full=True)


def _paths(adapter: Path | Sequence[Path] | None) -> tuple[Path, ...]:
    """Return the adapters that are named, of which only a server has several."""
    if adapter is None:
        return ()
    return tuple(adapter) if isinstance(adapter, Sequence) and not isinstance(adapter, str) else (adapter,)


def _model(model: Source | None, adapter: Path | None) -> Model:
    """Return the model that is named, or else the one that the adapter names."""
    found = read_subject(None, None, model, adapter).model
    assert found is not None
    return found


def _refuse_training(given: Mapping[str, Any]) -> None:
    """Refuse what says how a model is trained, which a server does not do."""
    defaults = UNCHANGED._asdict() | TrainingArguments._field_defaults
    for name, value in given.items():
        if name not in SERVED and value != defaults.get(name):
            instead = SERVED_INSTEAD.get(name)
            fix = "drop one of them" if instead is None else f"give {argument(instead)} instead"
            raise InvalidInput(
                f"{argument(name)} says how a model is trained, and {argument('serve')} trains nothing; {fix}"
            )


def _refuse_serving(given: Mapping[str, Any], paths: Sequence[Path]) -> None:
    """Refuse what only a server of adapters has."""
    for name, value in given.items():
        if value is not None:
            raise InvalidInput(
                f"{argument(name)} says what a server holds; give {argument('serve')} too, or drop {argument(name)}"
            )
    if len(paths) > 1:
        raise InvalidInput(
            f"{argument('adapter')} is given {len(paths)} times, and a model is trained with one; drop the others, or give "
            f"{argument('serve')}"
        )


def _set_up(model: Model, how: Adaptation, adapter_dtype: str | None) -> tuple[Setup, str, list[str]]:
    """Return what is trained of a model, the method's name, and what to warn of."""
    # A model that has no replay is refused before targets are asked for.
    whole = Setup(model, None)
    if how.method == FULL:
        given = [name for name in ("r", "alpha", "target", "adapter") if getattr(how, name) is not None]
        given += ["settings"] if how.settings else []
        given += [] if adapter_dtype is None else ["adapter_dtype"]
        if given:
            raise InvalidInput(f"{argument('method')} full trains every weight; drop {argument(given[0])}")
        return whole, FULL, [*model.warnings]
    from lora_cli.analysis.count.model_count import count_model
    from lora_cli.analysis.count.remarks import warnings_of as warnings_of_count
    from lora_cli.methods.config.arguments import adapter_config

    config, unknown = adapter_config(how, of_model=True)
    cost = count_model(model, config)
    return Setup(model, cost.plan), config.label, [*unknown, *warnings_of_count(cost)]
