"""A model by its name on the Hub: config.json, or else the headers of its checkpoint."""

from __future__ import annotations

import os
from dataclasses import replace

from lora_cli.errors import quote_long
from lora_cli.models.checkpoints.shards import read_checkpoint
from lora_cli.models.config import Config
from lora_cli.models.files import read_object
from lora_cli.models.model import Model
from lora_cli.models.sources.checkpoint import Checkpoint
from lora_cli.models.sources.hub_files import HubFiles
from lora_cli.models.sources.hub_name import HubName
from lora_cli.models.sources.local_files import CONFIG, DENOISERS, model_of, of_pipeline


def read_hub_model(name: HubName, files: HubFiles | None = None) -> Model:
    """Return the model of a repository, with its commit; `files` are those of the repository, if it was looked at before."""
    files = HubFiles(name) if files is None else files
    place = _config(files)
    path = None if place is None else files.path(place)
    config = None if path is None else Config(read_object(path), quote_long(f"{name}/{place}"))
    folder = os.path.dirname(place or "")
    local = files.local_checkpoint(folder) if path is not None else []
    checkpoint = (
        Checkpoint(local[0], lambda: read_checkpoint(local))
        if local
        else Checkpoint(str(name), lambda: files.tensors(folder), is_remote=True)
    )
    model = model_of(config, checkpoint, str(name))
    return _fetched(of_pipeline(model, str(name), folder) if folder else model, files)


def _config(files: HubFiles) -> str | None:
    """Return the place of the model's config.json: of the repository's own, or of the denoiser of a pipeline."""
    own, *others = CONFIG, *(f"{denoiser}/{CONFIG}" for denoiser in DENOISERS)
    for place in (own, *others):
        if files.has(place):
            return place
    if files.path(own) is not None:
        return own
    return next((place for place in others if place in files.names()), None)


def _fetched(model: Model, files: HubFiles) -> Model:
    """Return the model with the commit of its files and a note of what was fetched."""
    return replace(model, revision=files.commit, notes=(*files.notes, *model.notes))
