"""A file of adapters is never counted as a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkpoints import write

from lora_cli.errors import InvalidInput
from lora_cli.models.checkpoints.adapter_names import is_adapters
from lora_cli.models.sources.read_model import read_model

WRITTEN = {
    "PEFT": "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
    "PEFT's VeRA": "base_model.model.model.layers.0.self_attn.q_proj.vera_lambda_b",
    "a prompt": "prompt_embeddings",
    "kohya": "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight",
    "LyCORIS": "lora_unet_mid_block_attentions_0_proj_in.hada_w1_a",
    "LoKr": "lycoris_mid_block_attentions_0_proj_in.lokr_w1",
    "diffusers": "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight",
    "old diffusers": "down_blocks.0.attentions.0.processor.to_q_lora.down.weight",
    "ComfyUI": "diffusion_model.blocks.0.cross_attn.k.lora_down.weight",
    "mlx-lm": "model.layers.0.self_attn.q_proj.lora_a",
    "torchtune": "layers.0.attn.q_proj.lora_b.weight",
}
MODELS = (
    "model.layers.0.self_attn.kv_a_proj_with_mqa.weight",
    "model.layers.0.self_attn.q_b_proj.weight",
    "transformer.h.0.attn.c_attn.weight",
    "explora_A.weight",
)


@pytest.mark.parametrize("writer", WRITTEN)
def test_an_adapter_is_not_a_model(writer: str, tmp_path: Path) -> None:
    """Neither alone nor beside a config.json; the message says what to give instead."""
    path = tmp_path / "style.safetensors"
    write(path, {WRITTEN[writer]: ("F32", (4, 8))})
    with pytest.raises(InvalidInput, match="holds a trained adapter, not a model"):
        read_model(path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(InvalidInput, match="holds a trained adapter, not a model"):
        read_model(path)


@pytest.mark.parametrize("name", MODELS)
def test_names_of_models_are_not_adapters(name: str) -> None:
    """Whatever they look like."""
    assert not is_adapters(name)
