"""Write the adapter_config.json of a fit, unless there already is one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from lora_cli.cli import streams
from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.models.peft_names import ADAPTER_CONFIG, ADAPTER_FILES

if TYPE_CHECKING:
    from lora_cli.analysis.fit.fit import Fit


def write_config(largest: Fit, folder: str, output: str | None) -> list[str]:
    """Write the config into `folder`, whole or not at all, and return the notes on it.

    `output` is the file that the answer goes to, if there is one.
    """
    path = os.path.join(folder, ADAPTER_CONFIG)
    if output is not None and os.path.realpath(output) == os.path.realpath(path):
        raise InvalidInput(
            f"{argument('output')} is the {ADAPTER_CONFIG} that {argument('write')} writes; give another FILE"
        )
    # The config of an adapter that was trained must stay the one that it was trained with.
    existing = next((name for name in ADAPTER_FILES if os.path.lexists(os.path.join(folder, name))), None)
    if existing is not None:
        raise InvalidInput(
            f"{argument('write')}: {quote_long(os.path.join(folder, existing))} exists already and is not replaced; "
            "give another folder"
        )
    fields = largest.config()
    with streams.new_file(folder, ADAPTER_CONFIG) as stream:
        stream.write(json.dumps(fields, indent=2) + "\n")
    alpha = largest.alpha_note()
    return [f"wrote {quote_long(path)}", *([] if alpha is None else [alpha])]
