"""What a step works on: a model's body, what adapts it, and what of it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from lora_cli.analysis.count.count_plan import Plan, freed_biases, plan_tensors
from lora_cli.analysis.memory.replay.adapter_registry import adapter_of
from lora_cli.analysis.memory.replay.optimizers import Trained
from lora_cli.analysis.memory.replay.quantised import PACKINGS
from lora_cli.analysis.memory.replay.refusals import check_attention, check_replay, check_routers
from lora_cli.analysis.memory.training import WIDTHS, Training
from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.method import LINEARS
from lora_cli.methods.targeting.token_rows import TokenRows
from lora_cli.methods.tensor import OF_ADAPTER
from lora_cli.methods.tensor import Tensor as Added
from lora_cli.models.model import Model
from lora_cli.models.nodes import Buffer, Module
from lora_cli.models.nodes import Parameter as ModelParameter
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import LANGUAGE_MODEL
from lora_cli.models.parts.passes.class_heads import Head
from lora_cli.models.registry import class_name, find_family

# Some of the model types whose steps are known, one of each kind.
EXAMPLES = ("llama", "qwen3", "gemma3", "mixtral", "gpt2", "bert", "t5", "vit")


class Setup:
    """A plan on a model whose body is known, or full fine-tuning where there is no plan."""

    def __init__(self, model: Model, plan: Plan | None) -> None:
        self.model = model if plan is None else plan.targets.model
        self.plan = plan
        self.body, self.head = _described(self.model)
        check_attention(self.body)
        if plan is not None:
            check_replay(plan, self.body, self.head)
        self.modules: Mapping[str, Module] = {module.name: module for module in self.model.modules}
        if self.body.mixtures:
            shapes = {each.name: each.shape for each in self.model.others}
            check_routers(self.body, shapes, self.prefix)

    @property
    def settings(self) -> Any:
        """The method's own settings."""
        return None if self.plan is None else self.plan.settings

    @property
    def is_scaled(self) -> bool:
        """Whether LoRA multiplies its updates by another number than 1."""
        plan = self.plan
        return plan is not None and (plan.settings.use_rslora or plan.settings.lora_alpha != plan.config.r)

    @cached_property
    def adapters(self) -> Mapping[str, tuple[Added, ...]]:
        """The tensors beside each adapted module, by its name."""
        if self.plan is None:
            return {}
        added, _, _ = plan_tensors(self.plan)
        return {place.module.name: tensors for place, tensors in added}

    @cached_property
    def prompts(self) -> tuple[Added, ...]:
        """The tensors of a prompt method, which adapts no module."""
        return () if self.plan is None else plan_tensors(self.plan)[2]

    @property
    def virtual_tokens(self) -> int:
        """The tokens that a prompt method puts before each text."""
        return self.settings.num_virtual_tokens if self.prompts else 0

    def extended(self, training: Training) -> Training:
        """Return the training of texts that a prompt method makes longer."""
        return training._replace(seq=training.seq + self.virtual_tokens)

    @cached_property
    def prefix(self) -> str:
        """What stands before the names of the body in the model's."""
        words, own = self.model.embeddings or "", self.body.embeddings.name
        sharing = (name for name, of in self.model.tied.items() if of == f"{words}.weight")
        names = (words, *(name.removesuffix(".weight") for name in sharing))
        return next((name for name in names if name.endswith(own)), words).removesuffix(own)

    def is_copied(self, name: str) -> bool:
        """Whether a module or a parameter is trained as a full copy."""
        return self.plan is not None and self.plan.targets.full_copies.cover(name)

    def is_trained(self, name: str) -> bool:
        """Whether a parameter is trained, by its name; one in a module that shares a full copy is."""
        if self.plan is None:
            return True
        owner = name.rpartition(".")[0]
        if owner in self._copied_norms or owner in self.plan.targets.full_copies.tied:
            return True
        return self.is_copied(owner) or name in self.freed

    @cached_property
    def _copied_norms(self) -> frozenset[str]:
        """The norms in whose place a method trains copies."""
        places = () if self.plan is None else self.plan.targets.places
        return frozenset(place.module.name for place in places if place.whole)

    @cached_property
    def freed(self) -> frozenset[str]:
        """The biases of the model itself that are trained."""
        return frozenset() if self.plan is None else frozenset(freed_biases(self.plan))

    @cached_property
    def trained_parts(self) -> Sequence[str]:
        """The modules and parameters of the model that a plan trains."""
        return () if self.plan is None else (*self.plan.targets.full_copies.names, *sorted(self.freed))

    @cached_property
    def rows(self) -> Mapping[str, TokenRows]:
        """The trained rows of each module that has some, or that shares them."""
        if self.plan is None:
            return {}
        targets = self.plan.targets
        rows = {each.module.name: each for each in targets.rows}
        shared = dict.fromkeys(targets.row_ties, rows.get(self.model.embeddings or ""))
        return {**rows, **{name: each for name, each in shared.items() if each is not None}}

    def is_quantised(self, name: str, training: Training) -> bool:
        """Whether bitsandbytes replaces a module, as transformers asks it to (`get_keys_to_not_convert`).

        It leaves out the head, what is tied, the last module, what is kept in float32, and classes derived from Linear. What is trained whole must
        be left out by hand.
        """
        if not training.is_quantised or self.modules[name].kind not in LINEARS or self.body.own_linear:
            return False
        if self.is_copied(name) or name.endswith(self.body.in_float):
            return False
        return name != self.model.output and f"{name}.weight" not in self._unconverted

    def width_of(self, node: ModelParameter | Module | Buffer, training: Training) -> int:
        """Return the bytes of a value of what is not quantised: some routers are always of float32."""
        kept = training.dtype == "float16" and any(word in node.name for word in self.body.in_float)
        return WIDTHS["float32"] if kept or node.dtype == "F32" else training.plain_width

    @cached_property
    def _unconverted(self) -> frozenset[str]:
        tied = self.model.tied
        return frozenset((*tied, *tied.values(), [each.name for each in self.model.all_parameters()][-1]))

    @cached_property
    def _unreached(self) -> tuple[str, ...]:
        return tuple(f"{name}." for name, what in self.model.parts.items() if what != LANGUAGE_MODEL)

    def is_reached(self, name: str) -> bool:
        """Whether the pass runs a module: a batch of text runs neither a tower nor its projector."""
        return not f"{name}.".startswith(self._unreached)

    def copies(self, training: Training) -> Iterator[Trained]:
        """Yield each tensor that is trained as a part of a copied module."""
        if self.plan is None or not self.plan.targets.full_copies.names:
            return
        for parameter in self.model.all_parameters():
            if self.is_copied(parameter.name.rpartition(".")[0]):
                yield self._trained(parameter, self.width_of(parameter, training))

    def trained_base(self, training: Training) -> Iterator[Trained]:
        """Yield each tensor of the model itself that is trained."""
        for parameter in self.model.all_parameters():
            if parameter.name not in self.model.tied and (self.plan is None or parameter.name in self.freed):
                owner, width = parameter.name.rpartition(".")[0], self.width_of(parameter, training)
                if owner in self.modules and self.is_quantised(owner, training):
                    width = PACKINGS[training.quantize].bias_width(training)
                yield self._trained(parameter, width)

    def _trained(self, parameter: ModelParameter, width: int) -> Trained:
        owner = self.modules.get(parameter.name.rpartition(".")[0])
        of_embedding = owner is not None and owner.kind == "Embedding"
        return Trained(parameter.shape, width, of_embedding, self.is_reached(parameter.name))

    def added(self, training: Training, *, trained: bool) -> Iterator[Trained]:
        """Yield each tensor that the method adds, either those that are trained or the others.

        PEFT keeps the rows that it trains, and beside them what they were.
        """
        if self.plan is None:
            return
        _, shared, prompts = plan_tensors(self.plan)
        for name, tensors in (*self.adapters.items(), ("", shared), ("", prompts)):
            for tensor in tensors:
                if tensor.trained is trained:
                    yield Trained(tensor.shape, added_width(tensor, training), reached=self.is_reached(name))
        if not trained:
            buffers = adapter_of(self.plan.method.name).buffers
            for tensors in self.adapters.values():
                yield from (Trained((size,), 1) for size in buffers({each.key: each.shape for each in tensors}))
        for rows in self.plan.targets.rows:
            yield Trained((len(rows.tokens), rows.width), WIDTHS[training.adapter_dtype])


def added_width(tensor: Added, training: Training) -> int:
    """Return the bytes of a value of a tensor that a method adds."""
    return training.adapter_width if tensor.type_of == OF_ADAPTER else training.plain_width


def has_replay(model: Model) -> bool:
    """Whether a training step of a model can be replayed; a method on it may still have no replay.

    >>> from lora_cli.models.sources.preset import read_preset
    >>> has_replay(read_preset("gpt2")), has_replay(read_preset("gpt-j-6b"))
    (True, False)
    """
    try:
        Setup(model, None)
    except InvalidInput:
        return False
    return True


def _described(model: Model) -> tuple[Body, Head]:
    """Return what the family of a model says of its body and of its class's head."""
    family, config = find_family(model.model_type), model.config
    forward = None if family is None else family.forward
    body = None if config is None or forward is None else forward(config)
    if config is None or family is None or body is None:
        raise InvalidInput(
            f"{model.name}: what the model type {quote(model.model_type)} allocates in a training step is not known; "
            f"it is known of other types, such as {', '.join(EXAMPLES)}"
        )
    name = str(class_name(config, family.classes))
    head = next((head for ending, head in family.heads.items() if name.endswith(ending)), None)
    if head is None:
        raise InvalidInput(f"{model.name}: what the class {quote(name)} allocates in a training step is not known")
    return body, head(config)
