"""What an adapter's config costs on modules of the shapes in its file: enough to resize it where no model is at hand."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import InvalidInput
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module
from lora_cli.time_limit import TookTooLong


def file_cost(adapter: InspectedAdapter) -> ModelCount | None:
    """Return the cost of LoRA on the linear modules that the file has an A and a B for, or None for any other file."""
    types = {stored.dtype for stored in adapter.tensors.values()}
    shapes = [(pair.module, pair.a.shape, pair.b.shape) for pair in adapter.factors.values()]
    if len(types) != 1 or adapter.has_stacked_factors or any(len(a) != 2 or len(b) != 2 for _, a, b in shapes):
        return None
    modules = tuple(Module(name, a[1], b[0]) for name, a, b in shapes)
    try:
        model = Model(adapter.path, "", modules, {}, None, None)
        return count_model(model, replace(adapter.trained.config, adapter_dtype=types.pop()))
    except TookTooLong:
        raise
    except InvalidInput:
        return None
