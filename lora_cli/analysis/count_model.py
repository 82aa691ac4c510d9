"""What one model costs to adapt: PEFT's two figures, without PEFT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lora_cli.analysis.count import Record
from lora_cli.analysis.figures import Figures
from lora_cli.errors import quote_long
from lora_cli.methods.adapter_config import LoraConfig
from lora_cli.methods.lora_places import place_tensors
from lora_cli.methods.places import Place
from lora_cli.methods.targets import Targets, targets
from lora_cli.methods.tensors import Tensor, file_bytes
from lora_cli.methods.tying import EMBEDDING_LAYERS
from lora_cli.models.model import Model
from lora_cli.models.module import around
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
GROUP_FIELDS = ("module", "count", "d", "h", "r", "trainable_params", "percent")
# Percent of what is trained that full copies may be before they are worth a word.
MOST_OF_IT = 50
MOST_NAMED = 3
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
        """The base model's parameters, tied ones once, before any of its layers is stacked anew."""
        return self.subject.full_params

    @cached_property
    def added(self) -> tuple[tuple[Place, tuple[Tensor, ...]], ...]:
        """The tensors that are put beside each adapted weight."""
        return tuple((place, place_tensors(place, self.config)) for place in self.targets.places)

    @cached_property
    def adapter_params(self) -> int:
        """The parameters of those tensors."""
        return sum(tensor.params for _, tensors in self.added for tensor in tensors)

    @cached_property
    def trained_adapter_params(self) -> int:
        """Those of them that are trained: not what lies inside a module that was copied, nor what a variant freezes."""
        copied = self.targets.copied
        return sum(trained_params(tensors) for place, tensors in self.added if not copied.holds(place.module.name))

    @cached_property
    def copies(self) -> Mapping[bool, int]:
        """The parameters of full copies (`modules_to_save`), those that are trained and those that are idle."""
        copied, tied = self.targets.copied, self.targets.model.tied
        sums = {True: 0, False: 0}
        if not copied.names:
            return sums
        inside = [(p.name, p.params) for p in self.targets.model.all_parameters()]
        inside += [(f"{place.module.name}.{t.key}", t.params) for place, tensors in self.added for t in tensors]
        found: dict[tuple[str, str], tuple[int, bool]] = {}
        for name, params in inside:
            for module, trained in copied.copies(name):
                # What is tied within a copy stays tied, and is frozen under all of its names at once.
                shared = (module, tied.get(name, name))
                found[shared] = params, trained and found.get(shared, (0, True))[1]
        for params, trained in found.values():
            sums[trained] += params
        return sums

    @property
    def saved_params(self) -> int:
        """The parameters of the full copies that are trained (`modules_to_save`)."""
        return self.copies[True]

    @cached_property
    def token_params(self) -> int:
        """The rows of embeddings that are trained (`trainable_token_indices`)."""
        return sum(rows.params for rows in self.targets.rows)

    @cached_property
    def bias_params(self) -> int:
        """The base model's own biases that are trained (`bias`)."""
        if self.config.bias == "none":
            return 0
        model, whole = self.targets.model, self.targets.copied
        owners = {place.owner for place in self.targets.places}
        frozen, tied = frozenset((*whole.names, *whole.tied)), model.tied
        # What a copy was made of stays frozen, under each of its names.
        copied = {tied.get(p.name, p.name) for p in model.all_parameters() if not frozen.isdisjoint(around(p.name))}
        freed = {
            tied.get(p.name, p.name): p.params
            for p in model.all_parameters()
            if p.name.rpartition(".")[2] == "bias"
            if self.config.bias == "all" or p.name.rpartition(".")[0] in owners
        }
        return sum(params for name, params in freed.items() if name not in copied)

    @property
    def trainable_params(self) -> int:
        """PEFT's `get_nb_trainable_parameters()[0]`."""
        return self.trained_adapter_params + self.saved_params + self.token_params + self.bias_params

    @property
    def all_params(self) -> int:
        """PEFT's `get_nb_trainable_parameters()[1]`: base, adapter and copies."""
        return self.targets.model.full_params + self.adapter_params + sum(self.copies.values()) + self.token_params

    @property
    def adapter_bytes(self) -> int | None:
        """Size of the file that PEFT's `save_pretrained` writes, or None where it holds more than adapters.

        Full copies, rows of embeddings, the base's biases and adapted embeddings bring tensors of the
        base model into the file, in the base's dtype; those are not counted here yet.
        """
        config, places = self.config, self.targets.places
        plain = not self.targets.saved and not self.targets.rows and config.bias == "none"
        wanted = config.target_modules if isinstance(config.target_modules, str) else ""
        # Where one of these is a target, PEFT saves the whole embedding with the adapter.
        embeddings = any(name in wanted for name in EMBEDDING_LAYERS)
        adapted = any(place.module.name.endswith(EMBEDDING_LAYERS) for place in places)
        kinds = {place.module.kind for place in places}
        if not plain or config.velora_config or embeddings or adapted or not kinds <= {"Linear", "Conv1D"}:
            return None
        return file_bytes((place.module.name, tensor) for place, tensors in self.added for tensor in tensors)

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`."""
        return {field: getattr(self, field) for field in FIELDS}

    def modules(self) -> Iterator[Record]:
        """Yield a record per adapted module, in the order of `MODULE_FIELDS`."""
        for place, tensors in self.added:
            full, trained = place.full_params, trained_params(tensors)
            module = place.module
            figures = (module.name, module.kind, module.d, module.h, place.r, full, trained, 100 * trained / full)
            yield dict(zip(MODULE_FIELDS, figures, strict=True))

    def groups(self) -> list[Record]:
        """Return the adapted modules by name and shape, with how many there are and their share."""
        found: dict[tuple[str, int, int, int], list[int]] = {}
        for place, tensors in self.added:
            module = place.module
            key = (module.name.removesuffix(".weight").rsplit(".", 1)[-1], module.d, module.h, place.r)
            found.setdefault(key, []).append(trained_params(tensors))
        rows: list[Record] = [
            self._share(name, len(params), d, h, r, sum(params)) for (name, d, h, r), params in found.items()
        ]
        return rows + [self._share(what, count, "", "", "", params) for what, count, params in self._beside() if params]

    def _share(self, module: str, count: int | str, d: int | str, h: int | str, r: int | str, params: int) -> Record:
        percent = 100 * params / self.trainable_params
        figures = (module, count, d, h, r, params, percent)
        return dict(zip(GROUP_FIELDS, figures, strict=True))

    def _beside(self) -> Iterator[tuple[str, int | str, int]]:
        """Yield what is trained beside the adapters: what it is, how many there are, and its parameters."""
        yield "full copies", len(self.targets.saved), self.saved_params
        yield "embedding rows", sum(len(rows.tokens) for rows in self.targets.rows), self.token_params
        yield "biases", "", self.bias_params

    def summary(self) -> str:
        """Return what PEFT's `print_trainable_parameters` prints."""
        return (
            f"trainable params: {count_text(self.trainable_params)} || all params: {count_text(self.all_params)} "
            f"|| trainable%: {self.trainable_percent:.4f}"
        )

    def warnings(self) -> list[str]:
        """Say what of the source is in doubt, what in the config matched nothing, and when copies are most of it."""
        found = [*self.subject.warnings]
        found += [f"{what} matched nothing in {self.model}" for what in self.targets.unmatched]
        share = 100 * self.saved_params / self.trainable_params
        if share > MOST_OF_IT:
            names = ", ".join(map(quote_long, self.targets.saved[:MOST_NAMED]))
            found.append(f"full copies ({names}) are {share:.1f} % of what is trained")
        return found

    def notes(self) -> list[str]:
        """Say what surprises people: experts that no target reaches, and tied weights that training unties."""
        return [*self.subject.notes, *self._idle_experts(), *self._untied()]

    def _idle_experts(self) -> Iterator[str]:
        experts = [p for p in self.subject.others if ".experts." in p.name and len(p.shape) == FUSED_DIMENSIONS]
        reached = {place.module.name for place in self.targets.places if place.parameter}
        if experts and not any(p.name in reached or self.targets.copied.holds(p.name) for p in experts):
            idle = sum(p.params for p in experts)
            names = dict.fromkeys(".".join(p.name.rsplit(".", 2)[1:]) for p in experts)
            yield (
                f"no target reaches the experts, {100 * idle / self.full_params:.1f} % of the model; "
                f"target_parameters adapts them: {', '.join(map(quote_long, names))}"
            )

    def _untied(self) -> Iterator[str]:
        trained = {place.owner for place in self.targets.places} | set(self.targets.saved)
        for name, other in self.subject.tied.items() if not self.config.ensure_weight_tying else ():
            owners = name.rpartition(".")[0], other.rpartition(".")[0]
            if not trained.isdisjoint(owners):
                yield (
                    f"{quote_long(owners[0])} is tied to {quote_long(owners[1])}, which full_params counts once; "
                    "what is trained on either unties them when it is merged (ensure_weight_tying keeps them tied)"
                )


def trained_params(tensors: Iterable[Tensor]) -> int:
    """Return the parameters of the tensors that are trained."""
    return sum(tensor.params for tensor in tensors if tensor.trained)


def count_model(model: Model, config: LoraConfig) -> ModelCount:
    """Count what `config` trains on `model`; a config that PEFT refuses raises `InvalidInput`."""
    cost = ModelCount(model, config)
    # Some of PEFT's refusals come with the tensors that it makes.
    _ = cost.adapter_params
    return cost
