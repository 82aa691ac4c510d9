"""The keys by which diffusers knows a part of a pipeline, and those of other trainers; from the source of 0.42.1.

`lora_state_dict` of each pipeline's class in `diffusers/loaders/lora_pipeline.py` looks at all keys to tell who wrote a
file, and `diffusers/loaders/lora_conversion_utils.py` renames the keys. Those with a UNet rename kohya's files only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# The parts of a pipeline that adapters are loaded into, as the first part of a key: those of a pipeline with a
# transformer, a UNet or Wuerstchen's prior, text encoders, and what LTX-2 and Anima have between these.
TRANSFORMERS = ("transformer.", "transformer_2.", "transformer_ref.")
UNETS = ("unet.", "prior.")
TEXT_ENCODERS = ("text_encoder.", "text_encoder_2.")
BETWEEN = ("connectors.", "text_conditioner.")
PARTS = (*TRANSFORMERS, *UNETS, *TEXT_ENCODERS, *BETWEEN)
# The prefixes by which a pipeline with a UNet knows a file of kohya's, if all of its keys have one.
KOHYA = ("lora_te_", "lora_unet_", "lora_te1_", "lora_te2_")
# The first parts of a UNet's names, of which kohya's have their own.
UNET_BLOCKS = re.compile(
    r"lora_unet_(?:(?:down|up)_blocks|mid_block|input_blocks|output_blocks|middle_block|conv_(?:in|out)|out_2"
    r"|time_embed|label_emb|add_embedding)"
)
# Those that no transformer has.
ONLY_UNET = re.compile(r"lora_unet_(?:(?:down|up|input|output)_blocks|mid(?:dle)?_block)")
# What no pipeline with a transformer has: PEFT's and kohya's roots, a UNet's blocks, and the layers of a language model.
NEVER_BARE = r"(?!base_model\.|model\.layers\.|(?:(?:down|up)_blocks|mid_block)\.|.*\blora_(?:unet|te\d?)_)[^.]+\..+"
# What some pipelines with a transformer take for another trainer's file, each in its own way.
OTHERS = re.compile(
    "|".join(
        (
            # ComfyUI, AI Toolkit and musubi-tuner; LTX-2's connectors.
            r"(?:diffusion_model|text_embedding_projection)\.",
            # OneTrainer, for Flux, and LyCORIS, for Flux 2.
            r"lora_transformer_|lycoris_(?:single_)?transformer_blocks_",
            # PEFT's own files: Flux and Flux 2, Krea 2, ERNIE-Image and ACE-Step.
            r"base_model\.model\.(?:double|single)_blocks\.",
            r"base_model\.model\.(?:blocks\.\d+\.(?:attn\.(?:w[qkvo]|gate)|mlp\.(?:gate|up|down))|txtfusion\..+)\.lora_",
            r"base_model\.model\.layers\.\d+\.(?:self_attention|cross_attn)\.",
            # Names of modules without a prefix: kohya's tensors, LoKr's, an alpha, and an adapter's name.
            rf"{NEVER_BARE}\.(?:lora_(?:down|up)\.weight|lokr_w[12](?:_[ab])?|alpha|lora_[AB]\.default\.weight)$",
            # XLabs' processors, BFL's control LoRA, HunyuanVideo, Ideogram 4 and MiniMax-H3.
            r".+\.processor\.(?:qkv|proj)_lora[12]?\.(?:down|up)\.weight$",
            r".+\.query_norm\.scale$",
            rf"{NEVER_BARE}\.(?:img_attn_qkv|attention\.qkv)\.",
            r"(?:token_refiner\.)?blocks\.\d+\.(?:attn\.(?:qkv|out)_proj|mlp\.fc[12]|adaln_proj\.linear)\.",
        )
    ),
    re.DOTALL,
)
# Those that a pipeline takes beside keys of its transformer: Anima, and ERNIE-Image.
BESIDE_TRANSFORMER = re.compile(r"diffusion_model\.|base_model\.model\.layers\.\d+\.self_attention\.")


def is_kohya(keys: Mapping[str, object]) -> bool:
    """Whether every key is kohya's.

    >>> is_kohya({"lora_unet_mid_block_q.alpha": 1}), is_kohya({"unet.mid_block.q.lora_A.weight": 1})
    (True, False)
    """
    return all(key.startswith(KOHYA) for key in keys)


def is_kohya_unet(keys: Mapping[str, object]) -> bool:
    """Whether every key is kohya's, and those of an image model are a UNet's.

    >>> is_kohya_unet({"lora_unet_mid_block_q.alpha": 1}), is_kohya_unet({"lora_unet_single_blocks_0_linear1.alpha": 1})
    (True, False)
    """
    return is_kohya(keys) and not any(key.startswith("lora_unet_") and not UNET_BLOCKS.match(key) for key in keys)


def is_kohya_without_lora(keys: Mapping[str, object]) -> bool:
    """Whether every key is kohya's and none is LoRA's, as in a file of LoKr or LoHa.

    >>> is_kohya_without_lora({"lora_unet_single_blocks_0_linear1.lokr_w1": 1})
    True
    """
    return is_kohya(keys) and not any(".lora_" in key for key in keys)


def has_any(keys: Mapping[str, object], prefixes: tuple[str, ...]) -> bool:
    """Whether a key begins with one of the prefixes."""
    return any(key.startswith(prefixes) for key in keys)


def renamed_keys(keys: Mapping[str, object]) -> list[str]:
    """Return the keys of no part that some pipeline with a transformer may rename, so that they name one.

    A pipeline with a UNet renames none of them beside a UNet's own.

    >>> other = "diffusion_model.blocks.0.q.lora_A.weight"
    >>> renamed_keys({other: 1}), renamed_keys({other: 1, "unet.conv_in.lora_A.weight": 1})
    (['diffusion_model.blocks.0.q.lora_A.weight'], [])
    """
    if is_kohya(keys):
        return [] if is_kohya_unet(keys) or is_kohya_without_lora(keys) else [*keys]
    if has_any(keys, UNETS) or any(map(ONLY_UNET.match, keys)):
        return []
    bare = [key for key in keys if not key.startswith(PARTS)]
    if has_any(keys, TRANSFORMERS):
        return [key for key in bare if BESIDE_TRANSFORMER.match(key)]
    return bare if any(map(OTHERS.match, bare)) else []
