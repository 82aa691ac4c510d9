"""The question "how many parameters does this train?", for one matrix and for a whole model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from lora_cli.analysis.count.plain_lora import matrix_rank_problems, plain_figures
from lora_cli.analysis.result import Record, Result
from lora_cli.analysis.subject import Subject, matrix_sizes, read_subject, refuse_target
from lora_cli.methods.config.adaptation import UNCHANGED, Adaptation
from lora_cli.methods.parts.plain_lora import plain
from lora_cli.methods.registry import DEFAULT_METHOD
from lora_cli.models.matrix import dimension

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.analysis.count.model_count import ModelCount
    from lora_cli.methods.tensor import Tensor
    from lora_cli.models.model import Source


class Count(Result):
    """What an adapter trains of one matrix or of a model, and what that saves.

    `d`, `h` and `break_even_rank` are of one matrix; `model` and `adapted_modules` are of a model, and `target` is
    what a sweep adapts in this row. Counts are whole
    numbers of parameters, sizes are bytes; README lists what each field means. `model_revision` and `adapter_revision`
    are the commits of what was read from the Hub. `assumptions` are what a recipe said.
    """

    __slots__ = ("_cost", "_how", "_tensors", "assumptions")
    # Whether a search chose the size.
    _has_size = False

    method: str
    model: str | None
    target: str | None
    d: int | None
    h: int | None
    r: int | None
    adapted_modules: int | None
    full_params: int
    trainable_params: int
    all_params: int
    percent_of_full: float
    percent_saved: float
    reduction_factor: float | None
    trainable_percent: float
    break_even_rank: float | None
    adapter_bytes: int | None
    adapter_revision: str | None
    model_revision: str | None
    _cost: ModelCount | None
    _how: Adaptation | None
    _tensors: tuple[Tensor, ...]
    assumptions: tuple[str, ...]

    def __init__(
        self,
        record: Record,
        *,
        tensors: Sequence[Tensor] = (),
        cost: ModelCount | None = None,
        how: Adaptation | None = None,
        warnings: Sequence[str] = (),
        notes: Sequence[str] = (),
        assumptions: Sequence[str] = (),
        **others: object,
    ) -> None:
        own = {"_tensors": tuple(tensors), "_cost": cost, "_how": how, "assumptions": tuple(assumptions)}
        super().__init__(record, warnings=warnings, notes=notes, **own, **others)

    @property
    def how(self) -> Adaptation:
        """How the subject is adapted, as the caller asked for it."""
        return UNCHANGED if self._how is None else self._how

    @property
    def title(self) -> tuple[str, ...]:
        """What is counted, in words: the method on its subject, and the targets or the config where any are given."""
        from lora_cli.analysis.count.titles import ONE_MATRIX, chosen, head

        return head([self.method], [self.model or ONE_MATRIX]), *chosen(self.how)

    @property
    def defaults(self) -> tuple[str, ...]:
        """What PEFT chose where the caller did not say, e.g. `r 8` and `targets c_attn`."""
        from lora_cli.analysis.count.titles import defaults

        if self._cost is None:
            return ()
        return tuple(defaults(self._cost, self.how, is_model=self.model is not None, has_size=self._has_size))

    @property
    def cost(self) -> ModelCount | None:
        """What the figures follow from: the tensors of a config. None where there are only figures."""
        sizes = self.pair_sizes
        if self._cost is not None or sizes is None:
            return self._cost
        from lora_cli.analysis.count.adapted_matrix import count_matrix
        from lora_cli.methods.config.adapter_config import AdapterConfig

        d, h, r = sizes
        return count_matrix(d, h, AdapterConfig(r=r, target_modules=("W",)))

    @property
    def max_rank(self) -> int | None:
        """The highest rank of any module, where the method has ranks."""
        return None if self.cost is None else self.cost.max_rank

    @property
    def memory_bytes(self) -> int | None:
        """What a card must have for its training, where that is asked for."""
        found: int | None = getattr(self._cost, "memory_bytes", None)
        return found

    def with_cost(self, cost: ModelCount) -> Count:
        """Return the same count with another cost behind its figures."""
        return Count(
            self._record,
            tensors=self._tensors,
            cost=cost,
            how=self._how,
            warnings=self.warnings,
            notes=self.notes,
            assumptions=self.assumptions,
        )

    @property
    def config_fields(self) -> dict[str, Any]:
        """The adapter_config.json that says how a model is adapted; {} of one matrix."""
        return {} if self._cost is None or self.model is None else self._cost.plan.config_fields

    @property
    def tensors(self) -> list[dict[str, object]]:
        """What is put beside one matrix: `name`, `shape` and `params` of each tensor."""
        return [{"name": tensor.name, "shape": tensor.shape, "params": tensor.params} for tensor in self._tensors]

    @property
    def pair_sizes(self) -> tuple[int, int, int] | None:
        """The d, h and r of LoRA's A and B beside one matrix; None for any other count."""
        if self.d is None or self.h is None or self.r is None or self.method != DEFAULT_METHOD:
            return None
        return self.d, self.h, self.r

    @property
    def modules(self) -> list[Record]:
        """A record per adapted module of a model and per piece beside these; they add up to `trainable_params`."""
        if self._cost is None or self.model is None:
            return []
        from lora_cli.analysis.count.breakdown import modules

        return list(modules(self._cost))

    @property
    def groups(self) -> list[Record]:
        """What a model trains, by module name and shape; the rows add up to `trainable_params`."""
        if self._cost is None or self.model is None:
            return []
        from lora_cli.analysis.count.breakdown import groups

        return groups(self._cost)

    @property
    def group_names(self) -> list[str]:
        """What people call each of the groups, so that two of the same module name can be told apart."""
        if self._cost is None or self.model is None:
            return []
        from lora_cli.analysis.count.breakdown import group_names

        return group_names(self._cost)

    @property
    def summary(self) -> str | None:
        """The line that PEFT's `print_trainable_parameters` prints of a model."""
        return None if self._cost is None or self.model is None else self._cost.summary()


def count(
    d: SupportsIndex | None = None,
    h: SupportsIndex | None = None,
    r: SupportsIndex | None = None,
    method: str | None = None,
    settings: Mapping[str, object] | None = None,
    *,
    model: Source | None = None,
    target: str | Sequence[str] | None = None,
    alpha: float | None = None,
    adapter: str | PathLike[str] | None = None,
    adapter_dtype: str | None = None,
    recipe: str | PathLike[str] | None = None,
) -> Count:
    """Count what an adapter trains on one matrix, `d` × `h`, or in a `model`.

    d, h           inputs and outputs of the matrix
    r              rank; for a model, PEFT's default without it
    method         a name that `lora-cli methods` lists; LoRA without it
    settings       fields of the method's PEFT config, e.g. {"use_rslora": True}
    model          a bundled name, a Hub name, a path, or what `read_model` returned
    target         modules to adapt: names, "all-linear" or a regular expression; without it, PEFT's defaults
    alpha          the method's alpha, which changes no count
    adapter        path or Hub name of an adapter_config.json, instead of r, method, settings, target and alpha;
                   without a model, it is counted on the base model that it names
    adapter_dtype  type in which the file is stored, e.g. "bfloat16"; without it, PEFT's own choice
    recipe         path of a trainer's own configuration; what is given beside it replaces what it says

    Sizes and ranks are whole numbers from 1 to 2³¹−1, NumPy's too. `InvalidInput` is raised for anything else, and
    for what PEFT refuses. For a model the figures are those of PEFT's `get_nb_trainable_parameters()`.

    >>> count(d=1024, h=1024, r=32).trainable_params
    65536
    >>> count(model="llama-3.1-8b", target="all-linear", r=16).trainable_params
    41943040

    The notebook's toy matrix, and a rank that saves nothing:

    >>> count(6, 8, 2).trainable_params, count(6, 8, 2).percent_of_full
    (28, 58.333333333333336)
    >>> count(6, 8, 4).percent_saved < 0
    True

    VeRA trains h + r:

    >>> count(3072, 3072, 256, "vera").trainable_params
    3328
    """
    how = Adaptation(method, r, alpha, target, settings or {}, adapter, adapter_dtype)
    if recipe is not None:
        from lora_cli.analysis.recipe import follow_recipe

        subject, (how,), _ = follow_recipe(recipe, model, [how], d=d, h=h)
        return count_subject(subject, how)
    if model is not None or (adapter is not None and d is None and h is None):
        return count_subject(read_subject(d, h, model, adapter), how)
    sizes = matrix_sizes(d, h, ("d", "h", "r"))
    refuse_target(how)
    if how.is_plain and how.r is not None:
        return plain_count(*sizes, dimension("r", how.r))
    return count_subject(Subject(None, *sizes), how)


def plain_count(d: int, h: int, r: int) -> Count:
    """Count LoRA without any variant, which needs neither a config nor a model."""
    return Count(plain_figures(d, h, r), tensors=plain(d, h, r), warnings=[*matrix_rank_problems(d, h, r).values()])


def count_subject(subject: Subject, how: Adaptation) -> Count:
    """Count how a model or a matrix is adapted."""
    from lora_cli.analysis.count.model_count import count_model
    from lora_cli.analysis.count.remarks import notes_of, warnings_of
    from lora_cli.methods.config.arguments import adapter_config

    config, warnings = adapter_config(how, of_model=subject.model is not None)
    # A count can be pickled, and the default settings cannot.
    how = how._replace(settings=dict(how.settings))
    if subject.model is not None:
        cost = count_model(subject.model, config)
        return Count(
            cost.record(),
            cost=cost,
            how=how,
            warnings=[*warnings, *warnings_of(cost)],
            notes=[*notes_of(cost)],
            assumptions=subject.assumptions,
        )
    from lora_cli.analysis.count.adapted_matrix import count_matrix

    matrix_cost = count_matrix(subject.d, subject.h, config)
    return Count(
        matrix_cost.record(),
        tensors=matrix_cost.tensors,
        how=how,
        cost=matrix_cost,
        warnings=[*warnings, *warnings_of(matrix_cost)],
        notes=[*notes_of(matrix_cost)],
    )
