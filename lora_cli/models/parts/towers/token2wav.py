"""What makes sound of Qwen2.5-Omni's speech tokens: a diffusion transformer and the vocoder BigVGAN."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.nodes import Module, Parameter
from lora_cli.models.parts.convolutions import transposed_convolution
from lora_cli.models.parts.diffusion import attention, size_list
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    convolution,
    embedding,
    hollow,
    linear,
    listed,
    module_list,
    parameter,
    repeat,
    under,
)

CHANNELS, KERNELS, DILATIONS = [256, 256, 256, 256, 768], [5, 3, 3, 3, 1], [1, 2, 3, 4, 1]
RATES, RATE_KERNELS = [5, 3, 2, 2, 2, 2], [11, 7, 4, 4, 4, 4]
BLOCK_KERNELS, BLOCK_DILATIONS = [3, 7, 11], [[1, 3, 5]] * 3
# The convolutions on each path of a block.
BLOCK_DEPTH = 3
SINUSOIDS = 256


def _delayed(d: int, h: int, kernel: int) -> Nodes:
    """Build `TimeDelayNetBlock`."""
    return (*convolution("conv", d, h, kernel), *hollow("activation"))


def _excited(config: Config, d: int, h: int, kernel: int) -> Nodes:
    """Build `SqueezeExcitationRes2NetBlock`."""
    scale, squeezed = config.size("enc_res2net_scale", default=2), config.size("enc_se_channels", default=64)
    part = h // scale
    if not part:
        raise config.wrong("enc_res2net_scale", f"at most {h}, which is one of enc_channels")
    return (
        *under("tdnn1", _delayed(d, h, 1)),
        *repeat("res2net_block.blocks", scale - 1, _delayed(part, part, kernel)),
        *under("tdnn2", _delayed(h, h, 1)),
        *convolution("se_block.conv1", h, squeezed, 1),
        *convolution("se_block.conv2", squeezed, h, 1),
        *hollow("se_block.relu", "se_block.sigmoid"),
    )


def _speaker(config: Config, mels: int) -> Nodes:
    """Build `ECAPA_TimeDelayNet`, which hears whose voice it is."""
    channels = size_list(config, "enc_channels", default=CHANNELS)
    kernels = size_list(config, "enc_kernel_sizes", default=KERNELS, count=len(channels))
    size_list(config, "enc_dilations", default=DILATIONS, count=len(channels))
    attended, last = config.size("enc_attention_channels", default=64), channels[-1]
    middle = list(zip(channels, channels[1:], kernels[1:], strict=False))[:-1]
    return (
        *listed("blocks", [_delayed(mels, channels[0], kernels[0]), *(_excited(config, *each) for each in middle)]),
        *under("mfa", _delayed(last, last, kernels[-1])),
        *under("asp.tdnn", _delayed(3 * last, attended, 1)),
        *hollow("asp.tanh"),
        *convolution("asp.conv", attended, last, 1),
        *convolution("fc", 2 * last, config.size("enc_dim", default=128), 1),
    )


def _modulated(name: str, d: int, parts: int) -> Nodes:
    """Build a norm whose scales and shifts come from the time step."""
    return (*hollow(f"{name}.silu", f"{name}.norm"), *linear(f"{name}.linear", d, parts * d, bias=True))


def _diffusion(config: Config) -> Iterator[Node]:
    """Build `Qwen2_5OmniToken2WavDiTModel`, from speech tokens to frequencies."""
    d, mels = config.size("hidden_size", default=1024), config.size("mel_dim", default=80)
    words, width = config.size("num_embeds", default=8193), config.size("emb_dim", default=512)
    heard = config.size("enc_dim", default=128) + config.size("enc_emb_dim", default=192)
    heads = config.size("num_attention_heads", default=16) * config.size("head_dim", default=64)
    inner = d * config.size("ff_mult", default=2)
    yield from module_list("time_embed.time_mlp")
    yield from hollow("time_embed.time_embed", "time_embed.time_mlp.1", "rotary_embed")
    yield from linear("time_embed.time_mlp.0", SINUSOIDS, d, bias=True)
    yield from linear("time_embed.time_mlp.2", d, d, bias=True)
    yield from embedding("text_embed.codec_embed", words + 1, width)
    yield from linear("input_embed.proj", mels + heard + width, d, bias=True)
    yield from under("input_embed.spk_encoder", _speaker(config, mels))
    yield from repeat(
        "transformer_blocks",
        config.layers("num_hidden_layers", default=22),
        _modulated("attn_norm", d, 6),
        under("attn", attention(d, heads)),
        module_list("ff.ff"),
        linear("ff.ff.0", d, inner, bias=True),
        linear("ff.ff.3", inner, d, bias=True),
        hollow("ff_norm", "ff.ff.1", "ff.ff.2"),
    )
    yield from _modulated("norm_out", d, 2)
    yield from linear("proj_out", d, mels, bias=True)


def _snake(name: str, channels: int) -> Nodes:
    """Build an activation with two parameters for each channel, between filters that keep it from aliasing."""
    trained = *parameter(f"{name}.act.alpha", channels), *parameter(f"{name}.act.beta", channels)
    return (*trained, *hollow(f"{name}.upsample", f"{name}.downsample"))


def _residual(channels: int, kernel: int) -> Iterator[Node]:
    """Build `Qwen2_5OmniAMPBlock`."""
    for name in ("convs1", "convs2", "activations"):
        yield from module_list(name)
    for index in range(BLOCK_DEPTH):
        yield from convolution(f"convs1.{index}", channels, channels, kernel)
        yield from convolution(f"convs2.{index}", channels, channels, kernel)
    for index in range(2 * BLOCK_DEPTH):
        yield from _snake(f"activations.{index}", channels)


def _vocoder(config: Config) -> Iterator[Node]:
    """Build `Qwen2_5OmniToken2WavBigVGANModel`, each of whose stages halves the channels."""
    first = config.size("upsample_initial_channel", default=1536)
    rates = size_list(config, "upsample_rates", default=RATES)
    kernels = size_list(config, "upsample_kernel_sizes", default=RATE_KERNELS)
    stages = [first // 2**stage for stage in range(len(rates) + 1)]
    if not stages[-1]:
        raise config.wrong("upsample_initial_channel", f"at least {2 ** len(rates)}")
    blocks = size_list(config, "resblock_kernel_sizes", default=BLOCK_KERNELS)
    blocks = blocks[: len(config.items("resblock_dilation_sizes") or BLOCK_DILATIONS)]
    yield from convolution("conv_pre", config.size("mel_dim", default=80), first, 7)
    yield from module_list("ups")
    for index, shape in enumerate(zip(stages, stages[1:], kernels, strict=False)):
        yield from (*module_list(f"ups.{index}"), *transposed_convolution(f"ups.{index}.0", *shape))
    yield from listed("resblocks", (_residual(h, kernel) for h in stages[1:] for kernel in blocks))
    yield from _snake("activation_post", stages[-1])
    yield from convolution("conv_post", stages[-1], 1, 7, bias=False)


def token2wav(config: Config) -> Iterator[Node]:
    """Build `Qwen2_5OmniToken2WavModel`, whose values are float32 whatever the type of the model."""
    parts = {
        "code2wav_dit_model": _diffusion(config.section("dit_config")),
        "code2wav_bigvgan_model": _vocoder(config.section("bigvgan_config")),
    }
    for name, part in parts.items():
        for node in under(name, part):
            yield node._replace(dtype="F32") if isinstance(node, Module | Parameter) else node
