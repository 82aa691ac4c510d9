"""A model from local files: a config.json, a safetensors checkpoint, or both.

A family here, or an installed transformers, builds the model of a config.json, and the checkpoint is compared with
it. Without either, the names and shapes in the checkpoint are the model.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

from lora_cli.errors import InvalidInput, first_few, quote_long
from lora_cli.models.config import Config
from lora_cli.models.files import hint_below, names_in, read_config_object, read_object
from lora_cli.models.model import Model, names_dtype, read_config
from lora_cli.models.peft_names import ADAPTER_CONFIG
from lora_cli.models.registry import UnknownArchitecture
from lora_cli.models.sources.checkpoint import Checkpoint, adapter_as_model
from lora_cli.models.sources.other_formats import PIPELINE, instead_of_others

CONFIG = "config.json"
# The components of a pipeline that LoRA adapts first of all, each in a folder of its name.
DENOISERS = ("transformer", "unet")


def read_files(path: str) -> Model:
    """Return the model of a config.json, a checkpoint or a folder."""
    from lora_cli.models.checkpoints.shards import read_checkpoint

    denoiser = _denoiser(path)
    config, files = _files(denoiser or path)
    model = model_of(config, Checkpoint(files[0], lambda: read_checkpoint(files)) if files else None, denoiser or path)
    return model if denoiser is None else of_pipeline(model, path, os.path.basename(denoiser))


def of_pipeline(model: Model, source: str, denoiser: str) -> Model:
    """Return a pipeline's model under the name of the pipeline, and a note that says which model it is."""
    note = f"{quote_long(source)} is a pipeline of diffusers; its {denoiser} is the model here"
    return replace(model, name=source, notes=(note, *model.notes))


def _denoiser(path: str) -> str | None:
    """Return the folder of the model that LoRA adapts in a pipeline, or None if the path leads to no pipeline."""
    is_index = os.path.basename(path) == PIPELINE
    folder = (os.path.dirname(path) or ".") if is_index else path
    index, own = os.path.join(folder, PIPELINE), os.path.join(folder, CONFIG)
    if not os.path.lexists(index) or (os.path.lexists(own) and not is_index):
        return None
    folders = (os.path.join(folder, name) for name in DENOISERS)
    found = next((each for each in folders if os.path.lexists(os.path.join(each, CONFIG))), None)
    if found is None:
        raise _pipeline(folder, path)
    return found


def model_of(config: Config | None, checkpoint: Checkpoint | None, source: str) -> Model:
    """Return the model of a config.json, a checkpoint or both; `source` is its name."""
    if config is None:
        assert checkpoint is not None
        from lora_cli.models.sources.by_headers import read_headers

        return read_headers(None, checkpoint, source, f"{quote_long(source)} has no config.json beside it")
    try:
        model = read_config(config, source)
    except UnknownArchitecture as unknown:
        return _without_family(config, checkpoint, source, unknown)
    return _compared(_with_loading_warnings(model, config), config, checkpoint, source)


def _files(source: str) -> tuple[Config | None, list[str]]:
    """Return the config.json and the checkpoint files that a path leads to."""
    from lora_cli.models.checkpoints.shards import checkpoint_in, is_checkpoint

    if os.path.isdir(source):
        path, checkpoint = os.path.join(source, CONFIG), checkpoint_in(source)
    elif is_checkpoint(source):
        path, checkpoint = os.path.join(os.path.dirname(source), CONFIG), [source]
    else:
        return Config(read_config_object(source), quote_long(source)), []
    if os.path.lexists(path):
        return Config(read_object(path), quote_long(path)), checkpoint
    if not checkpoint:
        raise InvalidInput(
            f"{quote_long(source)} has neither a config.json nor a safetensors checkpoint; {_instead(source)}"
        )
    return None, checkpoint


def _pipeline(folder: str, source: str) -> InvalidInput:
    """Return the error for the source of a pipeline without a denoiser, with its components that are models, those of diffusers first."""
    index = read_object(os.path.join(folder, PIPELINE), "the index of a pipeline")
    named = [name for name in names_in(folder) if index.get(name) and CONFIG in _names_below(folder, name)]
    components = sorted(named, key=lambda name: "diffusers" not in str(index[name]))
    which = first_few(components) if components else "a folder with a config.json"
    return InvalidInput(
        f"{quote_long(source)} is a pipeline of diffusers, not one model; give the folder of one of its components: {which}"
    )


def _names_below(folder: str, name: str) -> list[str]:
    below = os.path.join(folder, name)
    return names_in(below) if os.path.isdir(below) else []


def _instead(folder: str) -> str:
    """Return what to do about a folder without a readable model."""
    below = hint_below(folder, [CONFIG, ADAPTER_CONFIG])
    return instead_of_others(names_in(folder)) or below or "give a folder with one of them"


def _with_loading_warnings(model: Model, config: Config) -> Model:
    """Return the model, with a warning of what transformers refuses in its config."""
    from lora_cli.models.loading import refused_fields

    layers = None if model.facts is None else model.facts.layers
    refused = ", ".join(refused_fields(config, layers))
    if not refused:
        return model
    warning = f"{config.source}: transformers does not load this model: {refused}; it is counted all the same"
    return replace(model, warnings=(*model.warnings, warning))


def _compared(model: Model, config: Config, checkpoint: Checkpoint | None, source: str) -> Model:
    """Return the model, with a warning if its checkpoint differs, and in the checkpoint's type if the config has none."""
    if checkpoint is not None and checkpoint.is_remote:
        return model
    if checkpoint is None:
        return model if names_dtype(config) else _in_type(model, _type_beside(source))
    from lora_cli.models.checkpoints.adapter_names import are_an_adapter
    from lora_cli.models.checkpoints.comparison import difference
    from lora_cli.models.checkpoints.packings import unpacked
    from lora_cli.models.checkpoints.value_type import value_type

    stored = checkpoint.read()
    if are_an_adapter(stored):
        raise adapter_as_model(checkpoint.name)
    if not names_dtype(config):
        model = _in_type(model, value_type(stored))
    differs = difference(model, unpacked(stored, model.all_parameters()).parameters)
    if differs is None:
        return model
    return replace(model, warnings=(*model.warnings, f"{quote_long(checkpoint.name)}: {differs}"))


def _in_type(model: Model, dtype: str | None) -> Model:
    """Return a model whose weights are of a type, if it is known."""
    return model if dtype is None else replace(model, dtype=dtype, assumes_dtype=False)


def _type_beside(path: str) -> str | None:
    """Return the type of the checkpoint beside a config.json, which is not read for anything else, or None without one."""
    from lora_cli.models.checkpoints.shards import checkpoint_in, read_checkpoint
    from lora_cli.models.checkpoints.value_type import value_type

    with suppress(InvalidInput):
        checkpoint = checkpoint_in(os.path.dirname(path) or ".")
        return value_type(read_checkpoint(checkpoint)) if checkpoint else None
    return None


def _without_family(config: Config, checkpoint: Checkpoint | None, source: str, unknown: UnknownArchitecture) -> Model:
    from lora_cli.models.sources.installed_transformers import build, is_installed

    reason = str(unknown)
    # diffusers' models are not transformers'.
    can_be_built = "model_type" in config.fields
    if can_be_built and is_installed():
        try:
            return _compared(build(config, source), config, checkpoint, source)
        except InvalidInput:
            # E.g. of a model with code of its own, of which headers tell more.
            if checkpoint is None:
                raise
            reason = f"the installed transformers does not build it, and {reason}"
    from lora_cli.models.sources.by_headers import OWN_CODE, read_headers

    if checkpoint is not None:
        try:
            return read_headers(config, checkpoint, source, reason)
        except InvalidInput as error:
            raise type(error)(f"{reason}; so its headers are needed: {error}") from error
    instead = "give its safetensors checkpoint, or its name on the Hub"
    if OWN_CODE in config.fields:
        instead = f"its code is its repository's own ({OWN_CODE}), which is never run: {instead}"
    elif can_be_built:
        instead = f"install torch and transformers, which can build it, or {instead}"
    raise InvalidInput(f"{unknown}; {instead}") from unknown
