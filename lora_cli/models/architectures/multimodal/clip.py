"""CLIP, both towers and each alone: `transformers.models.clip`."""

from __future__ import annotations

from lora_cli.models.architectures.vision.vit import classifier, feed_forward
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, embedding, linear, norm, parameter, repeat, under

TOKENS = "embeddings.token_embedding"
PATCHES = "embeddings.patch_embedding"


def _text_hidden(config: Config) -> int:
    return config.size("hidden_size", default=512)


def _vision_hidden(config: Config) -> int:
    return config.size("hidden_size", default=768)


def _projection(name: str, config: Config, d: int) -> Nodes:
    return linear(name, d, config.size("projection_dim", default=512))


def _encoder(config: Config, d: int, *, heads: int, inner: int) -> Nodes:
    """Give `CLIPEncoder`; the arguments are the defaults in which the towers differ."""
    config.share(d, "hidden_size", config.size("num_attention_heads", default=heads), "num_attention_heads")
    inner = config.size("intermediate_size", default=inner)
    return repeat(
        "encoder.layers",
        config.layers("num_hidden_layers", default=12),
        under("self_attn", *(linear(name, d, d, bias=True) for name in ("k_proj", "v_proj", "q_proj", "out_proj"))),
        norm("layer_norm1", d, bias=True),
        feed_forward(d, inner),
        norm("layer_norm2", d, bias=True),
    )


def _text(config: Config) -> Nodes:
    """Give `CLIPTextModel`."""
    d = _text_hidden(config)
    return [
        *embedding(TOKENS, config.size("vocab_size", default=49408), d),
        *embedding("embeddings.position_embedding", config.size("max_position_embeddings", default=77), d),
        *_encoder(config, d, heads=8, inner=2048),
        *norm("final_layer_norm", d, bias=True),
    ]


def _vision(config: Config) -> Nodes:
    """Give `CLIPVisionModel`, which calls its first norm pre_layrnorm."""
    d = _vision_hidden(config)
    patch = config.size("patch_size", default=32)
    # An image that is no multiple of the patch loses its edge, as in the convolution.
    patches = (config.size("image_size", default=224) // patch) ** 2
    return [
        *parameter("embeddings.class_embedding", d),
        *convolution(PATCHES, config.size("num_channels", default=3), d, patch, patch, bias=False),
        *embedding("embeddings.position_embedding", patches + 1, d),
        *norm("pre_layrnorm", d, bias=True),
        *_encoder(config, d, heads=12, inner=3072),
        *norm("post_layernorm", d, bias=True),
    ]


def _sections(config: Config) -> tuple[Config, Config]:
    """Return the towers' configs; the older name replaces the newer one where config.json has both."""
    return config.section("text_config_dict", "text_config"), config.section("vision_config_dict", "vision_config")


def _both(config: Config) -> Skeleton:
    """Give `CLIPModel`, whose get_input_embeddings() is not implemented."""
    text, vision = _sections(config)
    return Skeleton(
        [
            *under("text_model", _text(text)),
            *under("vision_model", _vision(vision)),
            *_projection("visual_projection", config, _vision_hidden(vision)),
            *_projection("text_projection", config, _text_hidden(text)),
            *parameter("logit_scale"),
        ]
    )


def _images(config: Config) -> Skeleton:
    """Give `CLIPForImageClassification`, whose get_input_embeddings() is not implemented."""
    _, vision = _sections(config)
    return Skeleton([*under("vision_model", _vision(vision)), *classifier(_vision_hidden(vision), config.labels())])


def _text_alone(config: Config) -> Skeleton:
    return Skeleton(_text(config), embeddings=TOKENS)


def _text_projected(config: Config) -> Skeleton:
    head = _projection("text_projection", config, _text_hidden(config))
    return Skeleton([*under("text_model", _text(config)), *head], embeddings=f"text_model.{TOKENS}")


def _vision_alone(config: Config) -> Skeleton:
    return Skeleton(_vision(config), embeddings=PATCHES)


def _vision_projected(config: Config) -> Skeleton:
    head = _projection("visual_projection", config, _vision_hidden(config))
    return Skeleton([*under("vision_model", _vision(config)), *head], embeddings=f"vision_model.{PATCHES}")


CLASSES = {
    "clip": {"CLIPModel": _both, "CLIPForImageClassification": _images},
    "clip_text_model": {"CLIPTextModel": _text_alone, "CLIPTextModelWithProjection": _text_projected},
    "clip_vision_model": {"CLIPVisionModel": _vision_alone, "CLIPVisionModelWithProjection": _vision_projected},
}
