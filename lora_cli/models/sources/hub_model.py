"""A model by its name on the Hub: config.json, or else the headers of its checkpoint."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.errors import quote_long
from lora_cli.models.checkpoints.shards import read_checkpoint
from lora_cli.models.config import Config
from lora_cli.models.files import read_object
from lora_cli.models.model import Model
from lora_cli.models.sources.hub_files import HubFiles
from lora_cli.models.sources.hub_name import HubName
from lora_cli.models.sources.local_files import CONFIG, Checkpoint, model_of


def read_hub_model(name: HubName, files: HubFiles | None = None) -> Model:
    """Return the model of a repository, with its commit; `files` are those of the repository, if it was looked at before."""
    files = HubFiles(name) if files is None else files
    path = files.path(CONFIG)
    config = None if path is None else Config(read_object(path), quote_long(f"{name}/{CONFIG}"))
    local = files.local_checkpoint() if path is not None else []
    checkpoint = (
        Checkpoint(local[0], lambda: read_checkpoint(local))
        if local
        else Checkpoint(str(name), files.tensors, is_remote=True)
    )
    model = model_of(config, checkpoint, str(name))
    return replace(model, revision=files.commit, notes=(*files.notes, *model.notes))
