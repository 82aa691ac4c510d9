"""What a UNet of diffusers is conditioned on beside the image: the time step, a class, a text, an image and boxes.

`diffusers.models.unets.unet_2d_condition`; `diffusers.models.embeddings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lora_cli.models.config import Config
from lora_cli.models.parts.diffusion import time_embedding
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, norm, parameter, under

# Kinds of class_embed_type.
TIMESTEP, PROJECTION, SIMPLE, IDENTITY = "timestep", "projection", "simple_projection", "identity"
CLASSES = (TIMESTEP, PROJECTION, SIMPLE, IDENTITY)
# Kinds of addition_embed_type and of encoder_hid_dim_type.
TEXT, TEXT_TIME, IMAGE, TEXT_IMAGE = "text", "text_time", "image", "text_image"
ADDED = (TEXT_TIME, IMAGE, TEXT, TEXT_IMAGE)
TEXT_PROJECTION, IMAGE_PROJECTION, BOTH_PROJECTIONS = "text_proj", "image_proj", "text_image_proj"
PROJECTED = (TEXT_PROJECTION, IMAGE_PROJECTION, BOTH_PROJECTIONS)
# As how many words an image is given to the attention, alone and beside a text.
IMAGE_WORDS, IMAGE_WORDS_BESIDE_TEXT = 32, 10
# Kinds of attention_type, and the features that stand for a box without a text or without an image.
BOXES = {"gated": ("positive",), "gated-text-image": ("text", "image")}
BOX_WIDTH, BOX_PLACE = 512, 64


def conditions(config: Config, first: int, width: int) -> Nodes:
    """Build what embeds the time step, a class, the text, and what SDXL, Kandinsky or DeepFloyd IF add to the time step."""
    condition = config.number("time_cond_proj_dim", default=0)
    return (
        *hollow("time_proj"),
        *time_embedding("time_embedding", width, d=first),
        *(linear("time_embedding.cond_proj", condition, first) if condition else ()),
        *_projection(config),
        *_class(config, first, width),
        *_addition(config, width),
    )


def _class(config: Config, first: int, width: int) -> Nodes:
    """Build what embeds a class, or what stands for one, e.g. a sound that is described."""
    classes, kind = config.number("num_class_embeds", default=0), config.text("class_embed_type", default="")
    if not kind:
        return embedding("class_embedding", classes, width) if classes else ()
    if kind == IDENTITY:
        return hollow("class_embedding")
    inputs = first if kind == TIMESTEP else config.needed("projection_class_embeddings_input_dim")
    if kind == SIMPLE:
        return linear("class_embedding", inputs, width, bias=True)
    return time_embedding("class_embedding", width, d=inputs)


def _projection(config: Config) -> Nodes:
    """Build what makes words of a text, or of an image, as wide as the attention takes them."""
    hidden, kind = config.number("encoder_hid_dim", default=0), config.text("encoder_hid_dim_type", default="")
    if not hidden:
        if kind:
            raise config.wrong("encoder_hid_dim", f"a size, since encoder_hid_dim_type is {kind}")
        return ()
    context = config.size("cross_attention_dim", default=1280)
    if kind == BOTH_PROJECTIONS:
        image = linear("image_embeds", context, IMAGE_WORDS_BESIDE_TEXT * context, bias=True)
        return under("encoder_hid_proj", image, linear("text_proj", hidden, context, bias=True))
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
    if kind == TEXT_IMAGE:
        context = config.size("cross_attention_dim", default=1280)
        text, image = (linear(f"{each}_proj", context, width, bias=True) for each in ("text", "image"))
        return under("add_embedding", text, norm("text_norm", width, bias=True), image)
    hidden = config.number("encoder_hid_dim", default=0) or config.size("cross_attention_dim", default=1280)
    return under(
        "add_embedding",
        norm("norm1", hidden, bias=True),
        parameter("pool.positional_embedding", 1, hidden),
        *(linear(f"pool.{name}_proj", hidden, hidden, bias=True) for name in "kqv"),
        linear("proj", hidden, width, bias=True),
        norm("norm2", width, bias=True),
    )


def boxes(config: Config) -> Iterator[Node]:
    """Build `GLIGENTextBoundingboxProjection`, which says what is to be in which box, unless there are no boxes."""
    features = BOXES.get(config.text("attention_type", default="default"), ())
    if not features:
        return
    context = config.size("cross_attention_dim", default=1280)
    yield from (node for each in features for node in parameter(f"position_net.null_{each}_feature", context))
    yield from parameter("position_net.null_position_feature", BOX_PLACE)
    widths = [context + BOX_PLACE, BOX_WIDTH, BOX_WIDTH, context]
    for each in features:
        name = "position_net.linears" if len(features) == 1 else f"position_net.linears_{each}"
        for index, (d, h) in enumerate(pairwise(widths)):
            yield from linear(f"{name}.{2 * index}", d, h, bias=True)
        yield from hollow(name, f"{name}.1", f"{name}.3")
