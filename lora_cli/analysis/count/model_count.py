"""What one model costs to adapt: PEFT's two figures, without PEFT."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from lora_cli.analysis.count.count_plan import Plan, freed_biases, make_plan, plan_tensors
from lora_cli.analysis.count.rank_worth import Sides, rank_problems
from lora_cli.analysis.percentages import FIGURES, Percentages
from lora_cli.analysis.result import Record
from lora_cli.analysis.revisions import revisions
from lora_cli.methods.adapter_file.file_contents import base_tensors, file_tensors, prompt_file_tensors
from lora_cli.methods.adapter_file.file_size import written_bytes
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.targets import Targets
from lora_cli.methods.tensor import Tensor
from lora_cli.models.model import Model
from lora_cli.quantities import count_text

FIELDS = ("model", "method", "r", "adapted_modules", *FIGURES, "adapter_bytes")

A_KEYS = frozenset({"lora_A.weight", "lora_embedding_A"})


class CopiedParams(NamedTuple):
    """The parameters of a full copy, and those of them that are trained."""

    all: int
    trained: int


@dataclass(frozen=True)
class ModelCount(Percentages):
    """The cost of a config on a model; every figure follows from the tensors that it adds, copies and unfreezes.

    `added` are the tensors beside each adapted place, `shared` those that are there once for all of them, and
    `prompts` those that a prompt method adds to the model.
    """

    plan: Plan
    added: tuple[tuple[Place, tuple[Tensor, ...]], ...]
    shared: tuple[Tensor, ...]
    prompts: tuple[Tensor, ...]

    def at(self, plan: Plan) -> ModelCount:
        """Count another plan in the same way."""
        return type(self)(plan, *plan_tensors(plan))

    @property
    def subject(self) -> Model:
        """The model before any of its layers is stacked anew."""
        return self.plan.subject

    @property
    def config(self) -> AdapterConfig:
        """The config, as it was read."""
        return self.plan.config

    @property
    def how(self) -> Method[Any]:
        """The method's declaration."""
        return self.plan.method

    @property
    def settings(self) -> Any:
        """The method's own settings on this model."""
        return self.plan.settings

    @property
    def targets(self) -> Targets:
        """What the config adapts; a prompt method adapts nothing."""
        return self.plan.targets

    @property
    def unmatched(self) -> Sequence[str]:
        """The entries of the config that match nothing."""
        return self.targets.unmatched

    @property
    def model(self) -> str:
        """The model's name."""
        return self.subject.name

    @property
    def method(self) -> str:
        """The method's name, or that of its variant."""
        return self.config.label

    @property
    def r(self) -> int | None:
        """The rank where no pattern says otherwise; None for a method that has none."""
        return self.config.r or None

    @property
    def max_rank(self) -> int | None:
        """The highest rank of any place; None for a method that has none."""
        return max((place.r for place in self.targets.places), default=0) or None

    @property
    def adapted_modules(self) -> int:
        """How many places are adapted."""
        return len(self.targets.places)

    @property
    def full_params(self) -> int:
        """The base model's parameters, tied ones once, before any of its layers is stacked anew."""
        return self.subject.full_params

    @cached_property
    def adapter_params(self) -> int:
        """The parameters of those tensors, and of what is there once for all."""
        added = of_each((tensors for _, tensors in self.added), counted_params)
        return added + counted_params((*self.shared, *self.prompts))

    @cached_property
    def trained_adapter_params(self) -> int:
        """Those of them that are trained: not what lies inside a module that was copied, nor what a variant freezes."""
        added = (tensors for place, tensors in self.added if not self.is_copied(place))
        return of_each(added, trained_params) + trained_params((*self.shared, *self.prompts))

    def is_copied(self, place: Place) -> bool:
        """Whether a place lies inside a module that was copied, with what was added to it; the original is frozen."""
        copied = self.targets.full_copies
        return bool(copied.steps) and copied.contain(place.module.name)

    @cached_property
    def copies(self) -> Mapping[str, CopiedParams]:
        """The parameters of each full copy (`modules_to_save`), by the copied module."""
        copied, tied = self.targets.full_copies, self.targets.model.tied
        if not copied.names:
            return {}
        inside = [(p.name, p.params) for p in self.targets.model.all_parameters()]
        inside += [
            (f"{place.module.name}.{t.key}", t.params) for place, tensors in self.added for t in tensors if t.counted
        ]
        found: dict[tuple[str, str], tuple[int, bool]] = {}
        for name, params in inside:
            for module, trained in copied.copies(name):
                # What is tied within a copy stays tied, and is frozen under all of its names at once.
                shared = (module, tied.get(name, name))
                found[shared] = params, trained and found.get(shared, (0, True))[1]
        sums = dict.fromkeys(copied.names, CopiedParams(0, 0))
        for (module, _), (params, trained) in found.items():
            own = sums[module]
            sums[module] = CopiedParams(own.all + params, own.trained + params * trained)
        return sums

    @property
    def full_copy_params(self) -> int:
        """The parameters of the full copies that are trained (`modules_to_save`)."""
        return sum(copy.trained for copy in self.copies.values())

    @cached_property
    def token_params(self) -> int:
        """The rows of embeddings that are trained (`trainable_token_indices`)."""
        return sum(rows.params for rows in self.targets.rows)

    @cached_property
    def bias_params(self) -> int:
        """The base model's own biases that are trained (`bias`)."""
        return sum(freed_biases(self.plan).values())

    @property
    def unfrozen_params(self) -> int:
        """The parameters that belong to the model itself, which PEFT leaves trained beside a prompt, e.g. CLIP's logit_scale."""
        return sum(p.params for p in self.subject.others if "." not in p.name) if self.how.is_prompt else 0

    @property
    def trainable_params(self) -> int:
        """PEFT's `get_nb_trainable_parameters()[0]`."""
        trained = self.trained_adapter_params + self.full_copy_params + self.token_params
        return trained + self.bias_params + self.unfrozen_params

    @property
    def all_params(self) -> int:
        """PEFT's `get_nb_trainable_parameters()[1]`: base, adapter and copies."""
        return (
            self.targets.model.full_params
            + self.adapter_params
            + sum(copy.all for copy in self.copies.values())
            + self.token_params
        )

    @cached_property
    def adapter_bytes(self) -> int | None:
        """Size of the file that PEFT's `save_pretrained` writes, or None where it cannot write one."""
        saved = self.file_tensors
        if saved is None or any(tensor.stored is None for tensor in saved.values()):
            return None
        return written_bytes(saved.items())

    @cached_property
    def file_tensors(self) -> Mapping[str, Tensor] | None:
        """The tensors of that file, by key."""
        if self.how.prompt_tensors is not None:
            return prompt_file_tensors(self.targets, self.prompts)
        return file_tensors(self.targets, self.added, self.shared)

    @cached_property
    def base_tensors(self) -> Mapping[str, Tensor]:
        """The tensors of the base model once it is adapted, by the keys under which PEFT would load them."""
        return base_tensors(self.targets, self.added, self.shared)

    def rank_problems(self) -> Mapping[str, str]:
        """Return what makes ranks pointless, each sentence by the code of the finding."""
        return rank_problems(self._sides())

    def _sides(self) -> Iterator[tuple[str, Sides]]:
        """Yield each module to which LoRA adds an A and a B, with its rank and sides, unless these are in blocks.

        Of bare parameters only experts: all-linear reaches a mixture's small router too, at whatever rank the rest has.
        """
        if not self.how.has_lora_factors or self.config.lora.use_bdlora:
            return
        for place, tensors in self.added:
            a = next((tensor for tensor in tensors if tensor.key in A_KEYS), None)
            if a is not None and (place.experts > 1 or not place.parameter):
                module = place.module
                yield module.name, Sides(a.shape[0] // place.experts, prod(a.shape[1:]), module.h, module.groups)

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`."""
        return {field: getattr(self, field) for field in FIELDS} | self.revisions

    @property
    def revisions(self) -> dict[str, str]:
        """The commits of the model and of the config, where they are from the Hub."""
        return revisions(self.config.revision, self.subject.revision)

    def summary(self) -> str:
        """Return what PEFT's `print_trainable_parameters` prints."""
        return (
            f"trainable params: {count_text(self.trainable_params)} || all params: {count_text(self.all_params)} "
            f"|| trainable%: {self.trainable_percent:.4f}"
        )


def trained_params(tensors: Iterable[Tensor]) -> int:
    """Return the parameters of the tensors that are trained."""
    return sum(tensor.params for tensor in tensors if tensor.trained)


def counted_params(tensors: Iterable[Tensor]) -> int:
    """Return the parameters of the tensors that PEFT counts."""
    return sum(tensor.params for tensor in tensors if tensor.counted)


def of_each(groups: Iterable[tuple[Tensor, ...]], params: Callable[[tuple[Tensor, ...]], int]) -> int:
    """Return the sum of what `params` counts of each group; one that comes again is the same."""
    known: dict[int, int] = {}
    total = 0
    for tensors in groups:
        if id(tensors) not in known:
            known[id(tensors)] = params(tensors)
        total += known[id(tensors)]
    return total


def count_model(model: Model, config: AdapterConfig) -> ModelCount:
    """Count what `config` trains on `model`; a config that PEFT refuses raises `InvalidInput`."""
    return count_plan(make_plan(model, config))


def count_plan(plan: Plan) -> ModelCount:
    """Make the tensors of a plan, which is where some of PEFT's refusals come from, and count them."""
    return ModelCount(plan, *plan_tensors(plan))
