"""Where trained adapters are to be loaded, as a check asks for it. Most checks do without, and import no loader."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lora_cli.analysis.limits import MAX_RANK, Limits
from lora_cli.errors import quote_long

if TYPE_CHECKING:
    from lora_cli.analysis.loaders.destination import Destination
    from lora_cli.models.model import Model


def destination_of(loads_in: str | None, peft_version: str | None, limits: Limits) -> Destination | None:
    """Return where adapters are to be loaded, with the limit on their ranks; None where nothing is asked of it."""
    if loads_in is None and peft_version is None:
        return None
    from lora_cli.analysis.loaders.destination import read_destination

    return read_destination(loads_in, peft_version, limits.get(MAX_RANK))


def check_destination(loads_in: str | None, peft_version: str | None) -> None:
    """Refuse a loader or a release that is not known, also where the other one is still to be chosen."""
    if loads_in is not None:
        from lora_cli.analysis.loaders.registry import loader_named

        loader_named(loads_in)
    if peft_version is not None:
        from lora_cli.methods.config.peft_releases import read_release

        read_release(peft_version)


def bundled_base(path: str) -> Model | None:
    """Return the model that the config of an adapter here names as its base, with a note, or None if that is not bundled.

    What a loader leaves out shows only beside a model, and a bundled one costs no network.
    """
    from lora_cli.analysis.subject import base_model_name
    from lora_cli.methods.adapter_file.read_adapter import adapter_without_tensors
    from lora_cli.models.sources.preset import is_preset, read_preset

    name = base_model_name(adapter_without_tensors(path).fields)
    if name is None or not is_preset(name):
        return None
    note = f"compared with the bundled model {quote_long(name)}, the base_model_name_or_path of its config"
    return replace(read_preset(name), notes=(f"{path}: {note}",))
