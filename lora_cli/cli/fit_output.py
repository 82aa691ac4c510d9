"""An adapter_config.json on disk, where there is none yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lora_cli.cli import streams
from lora_cli.cli.options.subject import ADAPTER_CONFIG
from lora_cli.errors import InvalidInput, quote_long

if TYPE_CHECKING:
    from lora_cli.analysis.fit.largest_size import Fitted, Opened

# What a folder may hold of an adapter already, whose config must stay the one that it was trained with.
THERE = (ADAPTER_CONFIG, "adapter_model.safetensors", "adapter_model.bin")


def write_config(opened: Opened, fitted: Fitted, folder: str, model: str, output: str | None) -> list[str]:
    """Write the config into `folder`, whole or not at all, and return what to note of it.

    `model` is the model's source, and `output` where the answer goes.
    """
    import json

    from lora_cli.analysis.fit.fitted_config import adapter_fields, default_alpha

    if output is not None and os.path.realpath(output) == os.path.realpath(os.path.join(folder, ADAPTER_CONFIG)):
        raise InvalidInput(f"--output is the {ADAPTER_CONFIG} that --write writes; give --output another FILE")
    there = next((name for name in THERE if os.path.lexists(os.path.join(folder, name))), None)
    if there is not None:
        raise InvalidInput(
            f"--write: {quote_long(os.path.join(folder, there))} is there already, and is kept; give another folder"
        )
    fields = adapter_fields(opened, fitted, _base(model))
    if opened.start.how.is_prompt and fields["task_type"] is None:
        raise InvalidInput(
            f"--write: PEFT's get_peft_model takes {opened.start.method} with a task_type alone, and the model's class "
            "tells none that leaves the count as it is; give one, as in --set task_type=CAUSAL_LM"
        )
    with streams.new_file(folder, ADAPTER_CONFIG) as stream:
        stream.write(json.dumps(fields, indent=2) + "\n")
    notes = [f"wrote {quote_long(os.path.join(folder, ADAPTER_CONFIG))}"]
    alpha, rank = opened.start.how.alpha, fitted.cost.r
    if alpha is not None and alpha not in opened.fields and rank and (value := default_alpha(opened.start)):
        notes.append(f"{alpha} is PEFT's default, {value}, at {opened.knob} {fitted.size}; --alpha sets it")
    return notes


def _base(model: str) -> str | None:
    """Return where the weights of a model are that was read from a path; a preset is on no disk."""
    if not os.path.lexists(model):
        return None
    return model if os.path.isdir(model) else os.path.dirname(model) or "."
