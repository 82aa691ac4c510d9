"""What one model costs to adapt: PEFT's two figures, without PEFT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lora_cli.analysis.count import Record
from lora_cli.analysis.figures import Figures
from lora_cli.errors import quote, quote_long
from lora_cli.methods.adapter_config import INPUT_EMBEDDINGS, LoraConfig
from lora_cli.methods.lora_places import place_tensors
from lora_cli.methods.targets import Place, Targets, targets
from lora_cli.methods.tensors import file_bytes
from lora_cli.models.model import Model
from lora_cli.models.module import Parameter
from lora_cli.quantities import count_text

FIELDS = (
    "model",
    "method",
    "r",
    "adapted_modules",
    "full_params",
    "trainable_params",
    "all_params",
    "percent_of_full",
    "percent_saved",
    "reduction_factor",
    "trainable_percent",
    "adapter_bytes",
)
# Where one of these is a target, PEFT saves the whole embedding with the adapter.
SAVED_WITH_TARGETS = ("embed_tokens", "lm_head")
FUSED_DIMENSIONS = 3
MODULE_FIELDS = ("name", "kind", "d", "h", "r", "full_params", "trainable_params", "percent_of_full")


@dataclass(frozen=True)
class ModelCount(Figures):
    """The cost of a LoRA config on a model; every figure follows from what it adapts, saves and frees."""

    subject: Model
    config: LoraConfig

    @property
    def model(self) -> str:
        """The model's name."""
        return self.subject.name

    @property
    def method(self) -> str:
        """The method's name."""
        return "lora"

    @property
    def r(self) -> int:
        """The rank where no pattern says otherwise."""
        return self.config.r

    @cached_property
    def targets(self) -> Targets:
        """What the config adapts."""
        return targets(self.subject, self.config)

    @property
    def adapted_modules(self) -> int:
        """How many places are adapted."""
        return len(self.targets.places)

    @property
    def full_params(self) -> int:
        """The base model's parameters, tied ones once."""
        return self.subject.full_params

    @cached_property
    def adapter_params(self) -> int:
        """The parameters of the tensors that are put beside the adapted weights."""
        return sum(place_params(place, self.config) for place in self.targets.places)

    @cached_property
    def saved_params(self) -> int:
        """The parameters of the full copies that are trained (`modules_to_save`)."""
        saved = self.targets.saved
        return sum(self._copy_params(name) for name in saved if not name.startswith(tuple(f"{n}." for n in saved)))

    @cached_property
    def idle_params(self) -> int:
        """Copies that PEFT makes and does not train: of a saved module inside another, and of adapters in one."""
        saved = self.targets.saved
        inside = tuple(f"{name}." for name in saved)
        adapters = sum(
            place_params(place, self.config)
            for place in self.targets.places
            if place.parameter and place.module.name.startswith(inside)
        )
        return sum(self._copy_params(name) for name in saved) - self.saved_params + adapters

    def _copy_params(self, name: str) -> int:
        """Return the parameters of a copy of a module; what is tied within it stays tied."""
        return self._once(p for p in self.subject.all_parameters() if p.name.startswith(f"{name}."))

    def _once(self, parameters: Iterable[Parameter]) -> int:
        """Return the size of parameters, those that share their values counted once."""
        tied = self.subject.tied
        return sum({tied.get(parameter.name, parameter.name): parameter.params for parameter in parameters}.values())

    @cached_property
    def token_params(self) -> int:
        """The rows of embeddings that are trained (`trainable_token_indices`)."""
        rows = 0
        for entry, tokens in self.config.trainable_token_indices.items():
            ending = (self.subject.embeddings or ".") if entry == INPUT_EMBEDDINGS else entry
            rows += sum(len(tokens) * module.h for module in self.subject.modules if module.name.endswith(ending))
        return rows

    @cached_property
    def bias_params(self) -> int:
        """The base model's own biases that are trained (`bias`)."""
        if self.config.bias == "none":
            return 0
        owners = {place.owner for place in self.targets.places}
        inside = tuple(f"{name}." for name in self.targets.saved)
        tied = self.subject.tied
        # What a copy was made of stays frozen, under each of its names.
        copied = {tied.get(p.name, p.name) for p in self.subject.all_parameters() if p.name.startswith(inside)}
        freed = (
            parameter
            for parameter in self.subject.all_parameters()
            if parameter.name.rpartition(".")[2] == "bias"
            if self.config.bias == "all" or parameter.name.rpartition(".")[0] in owners
            if tied.get(parameter.name, parameter.name) not in copied
        )
        return self._once(freed)

    @property
    def trainable_params(self) -> int:
        """PEFT's `get_nb_trainable_parameters()[0]`."""
        return self.adapter_params + self.saved_params + self.token_params + self.bias_params

    @property
    def all_params(self) -> int:
        """PEFT's `get_nb_trainable_parameters()[1]`: base, adapter and copies."""
        return self.full_params + self.adapter_params + self.saved_params + self.idle_params + self.token_params

    @property
    def adapter_bytes(self) -> int | None:
        """Size of the file that PEFT's `save_pretrained` writes, or None where it holds more than adapters.

        Full copies, rows of embeddings, the base's biases and adapted embeddings bring tensors of the
        base model into the file, in the base's dtype; those are not counted here yet.
        """
        config, places = self.config, self.targets.places
        plain = not self.targets.saved and not config.trainable_token_indices and config.bias == "none"
        wanted = config.target_modules if isinstance(config.target_modules, str) else ""
        embeddings = any(name in wanted for name in SAVED_WITH_TARGETS)
        adapted = any(place.module.name.endswith(SAVED_WITH_TARGETS) for place in places)
        kinds = {place.module.kind for place in places}
        if not plain or embeddings or adapted or not kinds <= {"Linear", "Conv1D"}:
            return None
        return file_bytes((place.module.name, tensor) for place in places for tensor in place_tensors(place, config))

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`."""
        return {field: getattr(self, field) for field in FIELDS}

    def modules(self) -> Iterator[Record]:
        """Yield a record per adapted module, in the order of `MODULE_FIELDS`."""
        for place in self.targets.places:
            full, trained = place.full_params, place_params(place, self.config)
            module = place.module
            figures = (module.name, module.kind, module.d, module.h, place.r, full, trained, 100 * trained / full)
            yield dict(zip(MODULE_FIELDS, figures, strict=True))

    def groups(self) -> list[Record]:
        """Return the adapted modules by name and shape, with how many there are and their share."""
        found: dict[tuple[str, int, int, int], list[int]] = {}
        for place in self.targets.places:
            module = place.module
            key = (module.name.removesuffix(".weight").rsplit(".", 1)[-1], module.d, module.h, place.r)
            found.setdefault(key, []).append(place_params(place, self.config))
        return [
            {
                "module": name,
                "count": len(params),
                "d": d,
                "h": h,
                "r": r,
                "trainable_params": sum(params),
                "percent": 100 * sum(params) / self.trainable_params,
            }
            for (name, d, h, r), params in found.items()
        ]

    def summary(self) -> str:
        """Return what PEFT's `print_trainable_parameters` prints."""
        return (
            f"trainable params: {count_text(self.trainable_params)} || all params: {count_text(self.all_params)} "
            f"|| trainable%: {self.trainable_percent:.4f}"
        )

    def warnings(self) -> list[str]:
        """Say what of the source is in doubt, what in the config matched nothing, and which copy is most of it."""
        found = [*self.subject.warnings]
        found += [f"{what} matched nothing in {self.model}" for what in self.targets.unmatched]
        for name in self.targets.saved:
            share = 100 * self._copy_params(name)
            if share > 50 * self.trainable_params:
                found.append(
                    f"the full copy of {quote(name)} is {share / self.trainable_params:.1f} % of what is trained"
                )
        return found

    def notes(self) -> list[str]:
        """Say what surprises people: experts that no target reaches, and a tied weight that is trained on one side."""
        return [*self.subject.notes, *self._idle_experts(), *self._untied()]

    def _idle_experts(self) -> Iterator[str]:
        experts = [p for p in self.subject.others if ".experts." in p.name and len(p.shape) == FUSED_DIMENSIONS]
        reached = {place.module.name for place in self.targets.places if place.parameter}
        inside = tuple(f"{name}." for name in self.targets.saved)
        if experts and not any(p.name in reached or p.name.startswith(inside) for p in experts):
            idle = self._once(experts)
            names = dict.fromkeys(".".join(p.name.rsplit(".", 2)[1:]) for p in experts)
            yield (
                f"no target reaches the experts, {100 * idle / self.full_params:.1f} % of the model; "
                f"target_parameters adapts them: {', '.join(map(quote_long, names))}"
            )

    def _untied(self) -> Iterator[str]:
        trained = {place.owner for place in self.targets.places} | set(self.targets.saved)
        for name, other in self.subject.tied.items():
            owners = name.rpartition(".")[0], other.rpartition(".")[0]
            if len(trained.intersection(owners)) == 1:
                yield (
                    f"{quote_long(owners[0])} is tied to {quote_long(owners[1])}, which full_params counts once; "
                    "only one of them is trained, and merging unties them"
                )


def place_params(place: Place, config: LoraConfig) -> int:
    """Return the parameters that the config adds at one place."""
    return sum(tensor.params for tensor in place_tensors(place, config))


def count_model(model: Model, config: LoraConfig) -> ModelCount:
    """Count what `config` trains on `model`; a config that PEFT refuses raises `InvalidInput`."""
    cost = ModelCount(model, config)
    # Some of PEFT's refusals come with the tensors that it makes.
    _ = cost.adapter_params
    return cost
