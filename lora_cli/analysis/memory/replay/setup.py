"""What a step works on: a model's body, what adapts it, and what of it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from lora_cli.analysis.count.count_plan import Plan, plan_tensors
from lora_cli.analysis.memory.training import WIDTHS, Training
from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.tensor import OF_ADAPTER
from lora_cli.methods.tensor import Tensor as Added
from lora_cli.models.model import Model
from lora_cli.models.nodes import Buffer, Module, Parameter
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import LANGUAGE_MODEL
from lora_cli.models.parts.passes.class_heads import Head
from lora_cli.models.registry import class_name, find_family


class Setup:
    """A plan on a model whose body is known, or full fine-tuning where there is no plan."""

    def __init__(self, model: Model, plan: Plan | None) -> None:
        self.model = model if plan is None else plan.targets.model
        self.plan = plan
        self.body, self.head = _described(self.model)
        self.modules: Mapping[str, Module] = {module.name: module for module in self.model.modules}

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
    def prefix(self) -> str:
        """What stands before the names of the body in the model's."""
        embeddings = self.model.embeddings or ""
        return embeddings.removesuffix(self.body.embeddings.name)

    def is_copied(self, name: str) -> bool:
        """Whether a module or a parameter is trained as a full copy."""
        return self.plan is not None and self.plan.targets.full_copies.cover(name)

    def is_trained(self, name: str) -> bool:
        """Whether the values of a module or a parameter of the model are trained."""
        return self.plan is None or self.is_copied(name)

    def is_quantised(self, name: str, training: Training) -> bool:
        """Whether bitsandbytes replaces a module: each Linear but the head and what is trained as a full copy."""
        module = self.modules[name]
        if module.kind != "Linear" or name == self.model.output or self.is_copied(name):
            return False
        return training.is_quantised

    @cached_property
    def unreached(self) -> tuple[str, ...]:
        """The parts of a composite that a batch of text does not run, with what comes after their names."""
        return tuple(f"{name}." for name, what in self.model.parts.items() if what != LANGUAGE_MODEL)

    def is_reached(self, name: str) -> bool:
        """Whether the pass runs a module, so that what is trained of it has a gradient."""
        return not f"{name}.".startswith(self.unreached)

    def copies(self, training: Training, *, reached: bool) -> Iterator[int]:
        """Yield the bytes of each tensor that is trained as a part of a copied module, `reached` by the pass or not."""
        if self.plan is None or not self.plan.targets.full_copies.names:
            return
        for parameter in self.model.all_parameters():
            name = parameter.name.rpartition(".")[0]
            if self.is_copied(name) and self.is_reached(name) is reached:
                yield parameter.params * width_of(parameter, training)

    def added(self, training: Training, *, trained: bool, reached: bool = True) -> Iterator[int]:
        """Yield the bytes of the tensors that the method adds: of those that are trained, or of the others.

        Either beside modules that the pass reaches, with what all share, or beside others.
        """
        if self.plan is None:
            return
        _, shared, prompts = plan_tensors(self.plan)
        beside = [tensors for name, tensors in self.adapters.items() if self.is_reached(name) is reached]
        for tensors in (*beside, *((shared, prompts) if reached else ())):
            for tensor in tensors:
                if tensor.trained is trained:
                    yield tensor.params * added_width(tensor, training)


def width_of(node: Parameter | Module | Buffer, training: Training) -> int:
    """Return the bytes of a value of what is not quantised: some routers are always of float32."""
    return WIDTHS["float32"] if node.dtype == "F32" else training.plain_width


def added_width(tensor: Added, training: Training) -> int:
    """Return the bytes of a value of a tensor that a method adds, which is float32 beside weights that are no floats."""
    if tensor.type_of != OF_ADAPTER:
        return training.plain_width
    return WIDTHS["float32" if training.is_quantised else training.adapter_dtype]


def _described(model: Model) -> tuple[Body, Head]:
    """Return what the family of a model says of its body and of its class's head."""
    family, config = find_family(model.model_type), model.config
    forward = None if family is None else family.forward
    body = None if config is None or forward is None else forward(config)
    if config is None or family is None or body is None:
        raise InvalidInput(
            f"{model.name}: what the model type {quote(model.model_type)} allocates in a training step is not known"
        )
    name = str(class_name(config, family.classes))
    head = next((head for ending, head in family.heads.items() if name.endswith(ending)), None)
    if head is None:
        raise InvalidInput(f"{model.name}: what the class {quote(name)} allocates in a training step is not known")
    return body, head(config)
