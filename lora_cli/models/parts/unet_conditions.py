"""What a UNet of diffusers is conditioned on beside the image: the time step, a class, a text and an image.

`diffusers.models.unets.unet_2d_condition`; `diffusers.models.embeddings`.
"""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.diffusion import time_embedding
from lora_cli.models.parts.layers import Nodes, embedding, hollow, linear, norm, parameter, under

# Kinds of addition_embed_type and of encoder_hid_dim_type.
TEXT, TEXT_TIME, IMAGE = "text", "text_time", "image"
ADDED = (TEXT_TIME, IMAGE, TEXT)
TEXT_PROJECTION, IMAGE_PROJECTION = "text_proj", "image_proj"
PROJECTED = (TEXT_PROJECTION, IMAGE_PROJECTION)
IMAGE_WORDS = 32


def conditions(config: Config, first: int, width: int) -> Nodes:
    """Build what embeds the time step, a class, the text, and what SDXL, Kandinsky or DeepFloyd IF add to the time step."""
    condition = config.number("time_cond_proj_dim", default=0)
    classes, kind = config.number("num_class_embeds", default=0), config.text("class_embed_type", default="")
    inputs = config.needed("projection_class_embeddings_input_dim") if kind == "projection" else first
    return (
        *hollow("time_proj"),
        *time_embedding("time_embedding", width, d=first),
        *(linear("time_embedding.cond_proj", condition, first) if condition else ()),
        *_projection(config),
        *(embedding("class_embedding", classes, width) if classes and not kind else ()),
        *(time_embedding("class_embedding", width, d=inputs) if kind else ()),
        *_addition(config, width),
    )


def _projection(config: Config) -> Nodes:
    """Build what makes words of a text, or of an image, as wide as the attention takes them."""
    hidden, kind = config.number("encoder_hid_dim", default=0), config.text("encoder_hid_dim_type", default="")
    if not hidden:
        if kind:
            raise config.wrong("encoder_hid_dim", f"a size, since encoder_hid_dim_type is {kind}")
        return ()
    context = config.size("cross_attention_dim", default=1280)
    if kind != IMAGE_PROJECTION:
        return linear("encoder_hid_proj", hidden, context, bias=True)
    projected = linear("image_embeds", hidden, IMAGE_WORDS * context, bias=True)
    return under("encoder_hid_proj", projected, norm("norm", context, bias=True))


def _addition(config: Config, width: int) -> Nodes:
    """Build what is added to the embedding of the time step."""
    kind = config.text("addition_embed_type", default="")
    if not kind:
        return ()
    if kind == TEXT_TIME:
        inputs = config.needed("projection_class_embeddings_input_dim")
        return (*hollow("add_time_proj"), *time_embedding("add_embedding", width, d=inputs))
    if kind == IMAGE:
        hidden = config.needed("encoder_hid_dim")
        return under(
            "add_embedding", linear("image_proj", hidden, width, bias=True), norm("image_norm", width, bias=True)
        )
    hidden = config.number("encoder_hid_dim", default=0) or config.size("cross_attention_dim", default=1280)
    return under(
        "add_embedding",
        norm("norm1", hidden, bias=True),
        parameter("pool.positional_embedding", 1, hidden),
        *(linear(f"pool.{name}_proj", hidden, hidden, bias=True) for name in "kqv"),
        linear("proj", hidden, width, bias=True),
        norm("norm2", width, bias=True),
    )
