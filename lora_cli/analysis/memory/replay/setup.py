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
from lora_cli.models.nodes import Module
from lora_cli.models.parts.forward_pass import Body
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
        """Whether bitsandbytes replaces a module: each Linear but the head and what is trained as a full copy.

        Subclasses of it stay as they are.
        """
        module = self.modules[name]
        if module.kind != "Linear" or self.body.own_linear or name == self.model.output or self.is_copied(name):
            return False
        return training.is_quantised

    def copies(self, training: Training) -> Iterator[int]:
        """Yield the bytes of each tensor that is trained as a part of a copied module."""
        if self.plan is None or not self.plan.targets.full_copies.names:
            return
        for parameter in self.model.all_parameters():
            if self.is_copied(parameter.name.rpartition(".")[0]):
                yield parameter.params * training.plain_width

    def added(self, training: Training, *, trained: bool) -> Iterator[int]:
        """Yield the bytes of each tensor that the method adds, either of those that are trained or of the others."""
        if self.plan is None:
            return
        _, shared, prompts = plan_tensors(self.plan)
        for tensors in (*self.adapters.values(), shared, prompts):
            for tensor in tensors:
                if tensor.trained is trained:
                    yield tensor.params * added_width(tensor, training)


def added_width(tensor: Added, training: Training) -> int:
    """Return the bytes of a value of a tensor that a method adds, which is float32 beside weights that are no floats."""
    if tensor.type_of != OF_ADAPTER:
        return training.plain_width
    return WIDTHS["float32" if training.is_quantised else training.adapter_dtype]


def _described(model: Model) -> tuple[Body, Head]:
    """Return what the family of a model says of its body and of its class's head."""
    family, config = find_family(model.model_type), model.config
    if config is None or family is None or family.forward is None:
        raise InvalidInput(
            f"{model.name}: what the model type {quote(model.model_type)} allocates in a training step is not known"
        )
    name = str(class_name(config, family.classes))
    head = next((head for ending, head in family.heads.items() if name.endswith(ending)), None)
    if head is None:
        raise InvalidInput(f"{model.name}: what the class {quote(name)} allocates in a training step is not known")
    return family.forward(config), head(config)
