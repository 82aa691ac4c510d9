"""Folders as diffusers saves them: a pipeline with a folder for each component, and the component itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkpoints
import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.nodes import Buffer
from lora_cli.models.sources import installed_transformers
from lora_cli.models.sources.read_model import read_model

SMALL = {
    "_class_name": "SD3Transformer2DModel",
    "_diffusers_version": "0.42.1",
    "attention_head_dim": 8,
    "caption_projection_dim": 16,
    "joint_attention_dim": 12,
    "num_attention_heads": 2,
    "num_layers": 1,
    "pooled_projection_dim": 12,
    "pos_embed_max_size": 4,
}
INDEX = {
    "_class_name": "StableDiffusion3Pipeline",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
    "text_encoder_3": [None, None],
    "transformer": ["diffusers", "SD3Transformer2DModel"],
}


def tensors(config: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return what a checkpoint of a config holds: its parameters and buffers, in half precision."""
    model = read_config(Config(config), "small")
    found = {parameter.name: ("F16", parameter.shape) for parameter in model.all_parameters()}
    return found | {node.name: ("F16", node.shape) for node in model.nodes if isinstance(node, Buffer)}


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """Make the folder of a small pipeline."""
    (tmp_path / "model_index.json").write_text(json.dumps(INDEX))
    for component, name, fields in (
        ("transformer", "config.json", SMALL),
        ("text_encoder", "config.json", {"model_type": "clip_text_model"}),
        ("scheduler", "scheduler_config.json", {}),
    ):
        (tmp_path / component).mkdir()
        (tmp_path / component / name).write_text(json.dumps(fields))
    checkpoints.write(tmp_path / "transformer" / "diffusion_pytorch_model.safetensors", tensors(SMALL))
    return tmp_path


def test_a_component_is_confirmed_by_its_headers(pipeline: Path) -> None:
    """Its type is that of its values, and its buffers are not parameters."""
    model = read_model(pipeline / "transformer")
    assert (model.model_type, model.dtype, model.warnings) == ("SD3Transformer2DModel", "F16", ())
    assert model.full_params == read_config(Config(SMALL), "small").full_params


def test_a_second_checkpoint_in_half_precision_is_left_alone(pipeline: Path) -> None:
    """Repositories have `fp16` and `non_ema` files beside the one that diffusers loads."""
    folder = pipeline / "transformer"
    checkpoints.write(folder / "diffusion_pytorch_model.fp16.safetensors", {"other.weight": ("F16", (2, 2))})
    assert read_model(folder).warnings == ()


def test_shards_of_a_component_are_read_by_their_index(pipeline: Path) -> None:
    """As diffusers splits a large one."""
    folder = pipeline / "transformer"
    (folder / "diffusion_pytorch_model.safetensors").unlink()
    whole = tensors(SMALL)
    halves = dict(list(whole.items())[:9]), dict(list(whole.items())[9:])
    checkpoints.write_shards(folder, *halves).rename(folder / "diffusion_pytorch_model.safetensors.index.json")
    assert read_model(folder).warnings == ()


def test_a_checkpoint_of_another_size_is_noticed(pipeline: Path) -> None:
    """The place of the difference is named."""
    (pipeline / "transformer" / "config.json").write_text(json.dumps(SMALL | {"joint_attention_dim": 13}))
    (warning,) = read_model(pipeline / "transformer").warnings
    assert "context_embedder -16" in warning


@pytest.mark.parametrize("source", ["", "model_index.json"])
def test_a_pipeline_is_the_model_that_its_loras_adapt(pipeline: Path, source: str) -> None:
    """Under the pipeline's own name, confirmed by the headers in its folder."""
    model, transformer = read_model(pipeline / source), read_model(pipeline / "transformer")
    assert (model.nodes, model.dtype, model.warnings) == (transformer.nodes, "F16", ())
    assert model.name == str(pipeline / source)
    assert model.notes[0].endswith("is a pipeline of diffusers; its transformer is the model here")


@pytest.mark.parametrize("source", ["", "model_index.json"])
def test_a_pipeline_without_a_denoiser_is_answered_with_its_components(pipeline: Path, source: str) -> None:
    """Only those that are models, the ones of diffusers first."""
    (pipeline / "transformer").rename(pipeline / "vae")
    (pipeline / "model_index.json").write_text(json.dumps({**INDEX, "vae": ["diffusers", "AutoencoderKL"]}))
    with pytest.raises(InvalidInput, match=r"is a pipeline of diffusers.*: 'vae', 'text_encoder'$"):
        read_model(pipeline / source)


def test_a_pipeline_without_its_components_says_what_to_give(tmp_path: Path) -> None:
    """The index alone leads to no model."""
    (tmp_path / "model_index.json").write_text(json.dumps(INDEX))
    with pytest.raises(InvalidInput, match=r"is a pipeline of diffusers.*: a folder with a config\.json$"):
        read_model(tmp_path)


def test_the_index_of_a_pipeline_is_called_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by its folder, which is '.' here."""
    monkeypatch.chdir(tmp_path)
    Path("model_index.json").write_text(json.dumps(INDEX))
    with pytest.raises(InvalidInput, match=r"^'model_index\.json' is a pipeline of diffusers"):
        read_model("model_index.json")


def test_an_unknown_class_is_read_by_its_headers(pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transformers can build it, installed or not."""
    monkeypatch.setattr(installed_transformers, "is_installed", lambda: True)
    folder = pipeline / "transformer"
    (folder / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL"}))
    model = read_model(folder)
    assert "_class_name 'AutoencoderKL' is not known" in model.warnings[0]
    (folder / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(InvalidInput, match=r"give its safetensors checkpoint, or its name on the Hub$") as caught:
        read_model(folder)
    assert "transformers" not in str(caught.value)
