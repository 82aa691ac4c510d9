"""The checkpoint beside a config.json, of which headers alone are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.errors import InvalidInput, argument, quote_long

if TYPE_CHECKING:
    from lora_cli.models.checkpoints.safetensors_header import Stored


class Checkpoint(NamedTuple):
    """The files of a checkpoint: a name for messages, and how their headers are read.

    One that `is_remote` is read only where config.json does not tell enough.
    """

    name: str
    read: Callable[[], dict[str, Stored]]
    is_remote: bool = False


def adapter_as_model(path: str) -> InvalidInput:
    """Return the error for a file of adapters where a model is expected."""
    return InvalidInput(
        f"{quote_long(path)} holds a trained adapter, not a model; give its base model as {argument('model')}"
    )
