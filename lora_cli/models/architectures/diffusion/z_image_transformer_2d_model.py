"""Z-Image: `diffusers.models.transformers.transformer_z_image`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import TIME_CHANNELS, attention, head_norms, size_list
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, module_list, norm, parameter, repeat, under

# The width of the embedded time step, where the model itself is not narrower.
MOST_TIME, INSIDE_TIME = 256, 1024


def _block(d: int, heads: int, time: int, *, has_norms: bool) -> Nodes:
    """Build `ZImageTransformerBlock`; without a `time` it is not modulated."""
    inner = int(d / 3 * 8)
    norms = head_norms(d // heads, "norm") if has_norms else ()
    return (
        *under("attention", attention(d, d // heads * heads, bias=False, out_bias=False), norms),
        *under("feed_forward", linear("w1", d, inner), linear("w2", inner, d), linear("w3", d, inner)),
        *(node for part in ("attention_norm", "ffn_norm") for side in "12" for node in norm(f"{part}{side}", d)),
        *(linear("adaLN_modulation.0", time, 4 * d, bias=True) if time else ()),
    )


def _patches(config: Config, d: int, time: int) -> Nodes:
    """Build the first and the last Linear for each size of patches, by which they are named."""
    sides = size_list(config, "all_patch_size", default=[2])
    frames = size_list(config, "all_f_patch_size", default=[1], count=len(sides))
    channels = config.size("in_channels", default=16)
    sizes = {f"{side}-{many}": side * side * many * channels for side, many in zip(sides, frames, strict=True)}
    return (
        *module_list("all_x_embedder"),
        *module_list("all_final_layer"),
        *(node for name, size in sizes.items() for node in linear(f"all_x_embedder.{name}", size, d, bias=True)),
        *(node for name, size in sizes.items() for node in under(f"all_final_layer.{name}", _last(d, size, time))),
    )


def _last(d: int, size: int, time: int) -> Nodes:
    modulation = under("adaLN_modulation", hollow("0"), linear("1", time, d, bias=True))
    return (*hollow("norm_final"), *linear("linear", d, size, bias=True), *modulation)


def _features(name: str, features: int, d: int) -> Nodes:
    return under(name, norm("0", features), linear("1", features, d, bias=True))


def build(config: Config) -> Skeleton:
    """Build `ZImageTransformer2DModel`."""
    d, heads = config.size("dim", default=3840), config.size("n_heads", default=30)
    axes = size_list(config, "axes_dims", default=[32, 48, 48])
    if d // heads != sum(axes):
        raise InvalidInput(
            f"{config.source}: axes_dims must add up to {d // heads}, the width of a head; they are {axes}"
        )
    time = min(d, MOST_TIME)
    has_norms = config.flag("qk_norm", default=True)
    refiners = config.layers("n_refiner_layers", default=2)
    plain, modulated = (_block(d, heads, each, has_norms=has_norms) for each in (0, time))
    image = config.number("siglip_feat_dim", default=0)
    return Skeleton(
        [
            *_patches(config, d, time),
            *repeat("noise_refiner", refiners, modulated),
            *repeat("context_refiner", refiners, plain),
            *linear("t_embedder.mlp.0", TIME_CHANNELS, INSIDE_TIME, bias=True),
            *hollow("t_embedder.mlp.1"),
            *linear("t_embedder.mlp.2", INSIDE_TIME, time, bias=True),
            *_features("cap_embedder", config.size("cap_feat_dim", default=2560), d),
            *(_features("siglip_embedder", image, d) if image else ()),
            *(repeat("siglip_refiner", refiners, plain) if image else ()),
            *(parameter("siglip_pad_token", 1, d) if image else ()),
            *parameter("x_pad_token", 1, d),
            *parameter("cap_pad_token", 1, d),
            *repeat("layers", config.layers("n_layers", default=30), modulated),
        ]
    )


COMPONENT = Component("ZImageTransformer2DModel", build)
