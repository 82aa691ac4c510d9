"""PEFT's adapter beside what its config promises."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from sys import intern

from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter, Sizes
from lora_cli.analysis.inspect.lora_names import A_NAMES, B_NAMES, EMBEDDING_A, OTHER_FACTOR
from lora_cli.analysis.inspect.peft_updates import PeftUpdates
from lora_cli.methods.adapter_file.adapter_keys import canonical_key, spellings, tensors_beside_a_module
from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.methods.adapter_file.moved_keys import moved_keys
from lora_cli.methods.adapter_file.old_names import key_when_loaded, shapes_when_loaded
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.parts.lora_start import rank_at_start
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.name_matching import ranker
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.methods.tensor import Tensor
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.peft_names import BASE_MODEL


@dataclass(frozen=True)
class InspectedPeft(InspectedAdapter):
    """An adapter that PEFT saved, or should have: its config says what the file has, on the model if there is one."""

    @cached_property
    def is_lora(self) -> bool:
        """Whether the method adds the A and B of LoRA."""
        return self.trained.has_lora_factors

    @cached_property
    def tensors(self) -> Mapping[str, Stored]:
        """The file's tensors by the keys that PEFT would write, as far as these are known."""
        own, renamed = self.trained.tensors, self.renamed_keys
        return {renamed.get(key, key): stored for key, stored in own.items()} if renamed else own

    @cached_property
    def renamed_keys(self) -> Mapping[str, str]:
        """The keys that PEFT would write, by those of the file that are others."""
        own = self.trained.tensors
        right = {key: name for key in own if (name := self._key(key)) != key}
        if self.expected is None:
            return right
        loaded = self._loaded({right.get(key, key): stored for key, stored in own.items()})
        missing = {key: tensor.stored or () for key, tensor in self.expected.items() if key not in loaded}
        unknown = {key: sizes for key, sizes in loaded.items() if key not in self.expected} if missing else {}
        moved = moved_keys(unknown, missing)
        return right | {key: moved[name] for key in own if (name := right.get(key, key)) in moved}

    def _key(self, key: str) -> str:
        """Return the key that PEFT would write for a tensor, or the key itself where that is not known."""
        if self.expected is not None:
            if key in self.expected or key_when_loaded(key, self._converted_type) in self.expected:
                return key
            return next(filter(self.expected.__contains__, self._possible_keys(key)), key)
        right = canonical_key(key) if self.own_tensors else key
        if not self.is_lora or self._ending(right):
            return right
        return next(filter(self._ending, self._possible_keys(key)), right)

    def _possible_keys(self, key: str) -> Iterator[str]:
        return (spelling.key for spelling in spellings(key, self.own_tensors))

    def _loaded(self, tensors: Mapping[str, Stored]) -> Mapping[str, Sizes]:
        return shapes_when_loaded({key: stored.shape for key, stored in tensors.items()}, self._converted_type)

    @property
    def _converted_type(self) -> str:
        """The model type by which PEFT converts keys, which it does for LoRA only."""
        return self.model.model_type if self.is_lora and self.model is not None else ""

    @cached_property
    def loaded(self) -> Mapping[str, Sizes]:
        """The shapes of the tensors by the keys under which PEFT loads them into the model."""
        return self._loaded(self.tensors)

    @cached_property
    def renamed(self) -> TrainedAdapter:
        """The adapter with the keys that PEFT would write."""
        return replace(self.trained, tensors=self.tensors)

    @cached_property
    def expected(self) -> Mapping[str, Tensor] | None:
        """The tensors that PEFT saves of the config on the model; None without a model, or where they are not known."""
        tensors = None if self.cost is None else self.cost.file_tensors
        return None if tensors is None or any(tensor.stored is None for tensor in tensors.values()) else tensors

    @cached_property
    def is_of_other_model(self) -> bool:
        """Whether the file has nothing of what the config has on the model, or no module of the size that it has there."""
        if self.broken is not None or not self.expected:
            return False
        return self.expected.keys().isdisjoint(self.loaded) or self.other_size is not None

    @property
    def comparable(self) -> Mapping[str, Tensor] | None:
        """The tensors that PEFT saves, where those of the file can be compared with them one by one."""
        return None if self.broken is not None or self.is_of_other_model else self.expected

    @cached_property
    def shapes_on_model(self) -> Mapping[str, Sizes]:
        """The shapes that the file's tensors have on the model: those that PEFT would write, and the base model's own."""
        if self.cost is None or self.expected is None:
            return {}
        expected = {key: tensor.stored or () for key, tensor in self.expected.items()}
        # The whole model is looked at only if the file has what PEFT would not write.
        if expected.keys() >= self.loaded.keys():
            return expected
        return {key: tensor.stored or () for key, tensor in self.cost.base_tensors.items()} | expected

    @cached_property
    def other_shapes(self) -> Mapping[str, tuple[Sizes, Sizes]]:
        """The tensors of another shape than on the model, with both; a rank or a transposed pair explains others."""
        ranks = self.other_ranks
        wrong = {}
        for key, theirs in self.shapes_on_model.items():
            ours = self.loaded.get(key)
            if ours is not None and ours != theirs and 0 not in ours:
                module, _ = self.split(key) or ("", "")
                if module not in self.transposed and not _differ_by_ranks(ours, theirs, ranks.get(module)):
                    wrong[key] = ours, theirs
        return wrong

    @cached_property
    def other_size(self) -> tuple[str, Sizes, Sizes] | None:
        """A tensor with both shapes, where no module of the file has the inputs and outputs of its weight in the model.

        Embeddings tell nothing, as a vocabulary may be resized, nor do shapes that only the config decides.
        """
        model = self.model
        sides = {module.name: {module.d, module.h} for module in model.modules} if model else {}
        told = sides.keys() - ({model.embeddings, model.output} if model else ())
        shared = {part[0] for key in self.loaded if key in self.shapes_on_model and (part := self.split(key))} & told
        other: dict[str, tuple[str, Sizes, Sizes]] = {}
        for key, (ours, theirs) in self.other_shapes.items():
            module, _ = self.split(key) or ("", "")
            if module in shared and _differ_by_sides(ours, theirs, sides[module]):
                other.setdefault(module, (key, ours, theirs))
        return next(iter(other.values())) if shared and other.keys() == shared else None

    @property
    def stands_alone(self) -> bool:
        """Whether LoRA's tensors can only be compared with each other: the model, if any, does not take the config."""
        return self.is_lora and self.expected is None and self.broken is None

    @cached_property
    def own_tensors(self) -> Mapping[str, Tensor]:
        """The tensors that the method adds beside a module, by the ends of their keys; empty where modules decide."""
        return tensors_beside_a_module(self.trained)

    @cached_property
    def _endings(self) -> Sequence[str]:
        return [f".{name}" for name in self.own_tensors]

    def _ending(self, key: str) -> str | None:
        """Return the end of a key that is one of the method's own tensors."""
        return next(filter(key.endswith, self._endings), None)

    def split(self, key: str) -> tuple[str, str] | None:
        """Return the module and the method's tensor that a key names; None for a key of another kind."""
        ending = self._ending(key)
        return None if ending is None else (key.removesuffix(ending).removeprefix(BASE_MODEL), ending[1:])

    @cached_property
    def by_module(self) -> Mapping[str, Mapping[str, Stored]]:
        """The method's own tensors by module and name."""
        modules: dict[str, dict[str, Stored]] = {}
        for key, stored in self.tensors.items():
            if part := self.split(key):
                modules.setdefault(intern(part[0]), {})[part[1]] = stored
        return modules

    @cached_property
    def updates(self) -> Mapping[str, ModuleUpdate]:
        """The method's tensors of each module, with LoRA's sizes and scalings."""
        constants = frozenset(name for name, tensor in self.own_tensors.items() if not tensor.trained)
        return PeftUpdates(self.trained.config.label, self.by_module, self.factors, constants)

    @property
    def knows_modules(self) -> bool:
        """Whether the method's tensors are known by their keys."""
        return bool(self.own_tensors)

    @property
    def trainable_params(self) -> int | None:
        """What the method trains: on the model, or else in a file that holds what is trained and no more."""
        if self.cost is not None:
            return self.cost.trainable_params
        config = self.trained.config
        follows = method_named(config.method).file_tells_trained and config.bias == "none"
        if self.broken is not None or not self.own_tensors or not follows or config.ensure_weight_tying:
            return None
        return sum(stored.values for key, stored in self.tensors.items() if self._is_trained(key))

    def _is_trained(self, key: str) -> bool:
        part = self.split(key)
        return self.own_tensors[part[1]].trained if part else not self.is_frozen(key)

    @property
    def max_rank(self) -> int | None:
        """The largest rank of a module: LoRA's in the file, that of another method or of experts by the config."""
        if not self.has_stacked_factors and (self.factors or self.is_lora or not self.trained.config.r):
            return max((pair.r for pair in self.factors.values()), default=None)
        if self.cost is not None:
            return self.cost.max_rank
        rank = ranker(self.trained.config)
        with matching_time_limit(len(self.by_module)):
            return max(map(rank, self.by_module), default=None)

    @property
    def full_params(self) -> int | None:
        """The base model's parameters, where PEFT puts the config on it."""
        return None if self.cost is None else self.cost.full_params

    @property
    def all_params(self) -> int | None:
        """Base and adapter together."""
        return None if self.cost is None else self.cost.all_params

    def is_b(self, key: str) -> bool:
        """Whether a key is that of LoRA's B."""
        return key.endswith(B_NAMES)

    @cached_property
    def factors(self) -> Mapping[str, Factors]:
        """LoRA's pairs of A and B, by module, without empty ones."""
        pairs = self.renamed.factors() if self.is_lora else ()
        return {pair.module: pair for pair in pairs if pair.a.values and pair.b.values}

    @cached_property
    def config_ranks(self) -> Mapping[str, int]:
        """The ranks that PEFT gives the modules of these pairs with this config."""
        config = self.trained.config
        rank = ranker(config)
        with matching_time_limit(len(self.factors)):
            return {
                module: rank(module)
                if EMBEDDING_A in self.by_module.get(module, ())
                else rank_at_start(rank(module), pair.a.shape[1], pair.b.shape[0], config.lora)
                for module, pair in self.factors.items()
            }

    @cached_property
    def transposed(self) -> frozenset[str]:
        """The modules whose A and B are both stored transposed, so that the rank is the other side of each."""
        rank = ranker(self.trained.config)
        sides = (
            (module, tensors[name].shape, tensors[OTHER_FACTOR[name]].shape)
            for module, tensors in self.by_module.items()
            for name in A_NAMES
            if name in tensors and OTHER_FACTOR[name] in tensors
        )
        with matching_time_limit(len(self.by_module)):
            return frozenset(
                module
                for module, a, b in sides
                if len(a) == len(b) == 2 and a[1] == b[0] == rank(module) < min(a[0], b[1])
            )

    @property
    def has_stacked_factors(self) -> bool:
        """Whether an A and a B may be those of several experts or blocks in one tensor."""
        return bool(self.trained.config.target_parameters or self.trained.config.lora.use_bdlora)

    @property
    def other_ranks(self) -> dict[str, tuple[int, int]]:
        """The modules whose rank in the file is not the config's, with both."""
        if self.has_stacked_factors:
            return {}
        ranks = ((module, (pair.r, self.config_ranks[module])) for module, pair in self.factors.items())
        return {module: both for module, both in ranks if both[0] != both[1] and module not in self.transposed}


def _differ_by_ranks(ours: Sizes, theirs: Sizes, ranks: tuple[int, int] | None) -> bool:
    """Whether two shapes differ by the rank, or by a group's part of it, and nothing else."""
    different = {pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]}
    if ranks is None or len(ours) != len(theirs) or len(different) != 1:
        return False
    (our_part, their_part), (our_rank, their_rank) = *different, ranks
    return our_part * their_rank == their_part * our_rank


def _differ_by_sides(ours: Sizes, theirs: Sizes, sides: Collection[int]) -> bool:
    """Whether two shapes differ where one has a side of the weight; another order of the same sizes is none."""
    is_of_sizes = len(ours) == len(theirs) and sorted(ours) != sorted(theirs)
    return is_of_sizes and any(a != b and b in sides for a, b in zip(ours, theirs, strict=True))
