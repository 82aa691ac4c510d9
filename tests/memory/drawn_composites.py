"""Random configs of models that see: a text decoder as its own family has it, and a small tower."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from tests.memory.drawn_decoder import Fields, decoder

TOWER = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 56,
    "patch_size": 14,
}
QWEN_TOWER = {"depth": 2, "num_heads": 4, "hidden_size": 128}


def seeing(random: Random, tower: str, texts: tuple[str, ...], **rest: object) -> Fields:
    """Return a text decoder of one of some families beside a tower, whose model type may be left out."""
    text = random.choice(texts)
    own = decoder(random, own_head_size=text != "qwen2") | {"model_type": text}
    vision = TOWER | ({"model_type": tower} if tower else {})
    return {"text_config": own, "vision_config": vision} | rest


def positions(own: Fields) -> Fields:
    """Return positions of three parts, which share the half of a head that is rotated."""
    half = own.get("head_dim", own["hidden_size"] // own["num_attention_heads"]) // 2
    part = 3 * half // 8
    return {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [half - 2 * part, part, part]}


def qwen_seeing(random: Random, text: str, **tower: object) -> Fields:
    """Return Qwen's decoder, whose positions have three parts, beside its tower."""
    own = decoder(random, own_head_size="qwen3" in text)
    own |= {"model_type": text, "rope_parameters": positions(own)}
    experts = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 128} if "moe" in text else {}
    sizes = {name: own["hidden_size"] if size == "text" else size for name, size in tower.items()}
    return {"text_config": own | experts, "vision_config": QWEN_TOWER | sizes, "image_token_id": 5}


LLAMAS = ("llama", "mistral")
TILES = {"image_token_index": 5, "image_grid_pinpoints": [[56, 112]]}
DEEP = {"out_hidden_size": "text", "intermediate_size": 256, "deepstack_visual_indexes": [0, 1]}
COMPOSITES: dict[str, Callable[[Random], Fields]] = {
    "llava": partial(seeing, tower="clip_vision_model", texts=LLAMAS, image_token_index=5),
    "llava_next": partial(seeing, tower="clip_vision_model", texts=LLAMAS, **TILES),
    "llava_onevision": partial(seeing, tower="siglip_vision_model", texts=("qwen2",), **TILES),
    "mistral3": partial(seeing, tower="pixtral", texts=("mistral",), image_token_index=5),
    "idefics3": partial(seeing, tower="", texts=("llama",), image_token_id=5, scale_factor=2),
    "smolvlm": partial(seeing, tower="", texts=("llama",), image_token_id=5, scale_factor=2),
    "gemma3": partial(seeing, tower="siglip_vision_model", texts=("gemma3_text",), mm_tokens_per_image=4),
    "qwen2_vl": partial(qwen_seeing, text="qwen2_vl_text", embed_dim=128, hidden_size="text"),
    "qwen2_5_vl": partial(qwen_seeing, text="qwen2_5_vl_text", out_hidden_size="text", intermediate_size=256),
    "qwen3_vl": partial(qwen_seeing, text="qwen3_vl_text", **DEEP),
    "qwen3_vl_moe": partial(qwen_seeing, text="qwen3_vl_moe_text", **DEEP),
}
