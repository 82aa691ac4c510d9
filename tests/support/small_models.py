"""Small models of several families, and what a config adapts in them: small enough to check by hand."""

from __future__ import annotations

from typing import Any

from small_llama import llama

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

BERT: dict[str, Any] = llama(model_type="bert")
GPT2: dict[str, Any] = {
    "model_type": "gpt2",
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "vocab_size": 100,
    "n_positions": 32,
}
MIXTRAL: dict[str, Any] = llama(model_type="mixtral", intermediate_size=96, num_key_value_heads=2, num_local_experts=3)
VIT: dict[str, Any] = {
    "model_type": "vit",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
FLUX: dict[str, Any] = {
    "_class_name": "FluxTransformer2DModel",
    "attention_head_dim": 8,
    "axes_dims_rope": [2, 2, 4],
    "in_channels": 4,
    "joint_attention_dim": 16,
    "num_attention_heads": 2,
    "num_layers": 1,
    "num_single_layers": 2,
    "patch_size": 1,
    "pooled_projection_dim": 8,
}
SMALL = {"llama": llama(num_hidden_layers=4), "bert": BERT, "gpt2": GPT2, "mixtral": MIXTRAL, "vit": VIT}


def model(model_type: str = "llama", **fields: Any) -> Model:
    """Return a small model of that type, or of transformers' sizes where none is small here."""
    return read_config(Config(SMALL.get(model_type, {"model_type": model_type}) | fields), "small")


def cost(subject: Model | None = None, **fields: Any) -> ModelCount:
    """Return the count of a config on a small model, Llama unless another is given."""
    own = {name: fields.pop(name) for name in LoraSettings.__dataclass_fields__ if name in fields}
    return count_model(subject or model(), AdapterConfig(settings=LoraSettings(**own), **fields))


def names(subject: Model | None = None, **fields: Any) -> list[str]:
    """Return the names of the places that a config adapts."""
    return [place.module.name for place in cost(subject, **fields).targets.places]


def leaves(subject: Model | None = None, **fields: Any) -> set[str]:
    """Return the last parts of the names of the places that a config adapts."""
    return {name.rsplit(".", 1)[-1] for name in names(subject, **fields)}


def layers(**fields: Any) -> list[int]:
    """Return the layers in which a config on q_proj adapts it."""
    return [int(name.split(".")[2]) for name in names(target_modules=("q_proj",), **fields)]
