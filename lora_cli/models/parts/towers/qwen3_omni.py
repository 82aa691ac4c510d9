"""What Qwen3-Omni hears, sees and speaks with."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.attention import attention_with_head_norms, biased, heads
from lora_cli.models.parts.convolutions import depthwise, transposed_convolution
from lora_cli.models.parts.decoder import block
from lora_cli.models.parts.diffusion import size_list
from lora_cli.models.parts.experts import experts, shared_expert
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    Skeleton,
    convolution,
    embedding,
    hollow,
    linear,
    listed,
    module_list,
    norm,
    parameter,
    repeat,
    under,
)
from lora_cli.models.parts.towers.deepstack import blocks, stacks
from lora_cli.models.parts.towers.qwen import merged
from lora_cli.models.parts.towers.whisper_like import layers, renamed

# The convolutions of a step that makes a sound longer, each of which looks further.
RESIDUALS = 3
AUDIO_CONVOLUTION = "conv2d1"


def heard(config: Config) -> Iterator[Node]:
    """Build Whisper's layers behind three convolutions of images."""
    d, channels = config.size("d_model", default=1280), config.size("downsample_hidden_size", default=480)
    before, mels = 1, config.size("num_mel_bins", default=128)
    for name in (AUDIO_CONVOLUTION, "conv2d2", "conv2d3"):
        yield from convolution(name, before, channels, 3, 3)
        before, mels = channels, (mels + 1) // 2
    yield from linear("conv_out", channels * mels, d)
    yield from hollow("positional_embedding")
    yield from layers(config, key_bias=True)
    yield from norm("ln_post", d, bias=True)


def audio(config: Config) -> Skeleton:
    """Build `Qwen3OmniMoeAudioEncoder`, which projects its outputs."""
    config = renamed(config)
    d, h = config.size("d_model", default=1280), config.size("output_dim", default=3584)
    projected = (*linear("proj1", d, d, bias=True), *hollow("act"), *linear("proj2", d, h, bias=True))
    return Skeleton([*heard(config), *projected])


def _merger(wide: int, h: int, normed: int) -> Nodes:
    layers = linear("mlp.0", wide, wide, bias=True), hollow("mlp.1"), linear("mlp.2", wide, h, bias=True)
    return [*norm("ln_q", normed, bias=True), *module_list("mlp"), *(node for each in layers for node in each)]


def visual(config: Config) -> Skeleton:
    """Build `Qwen3OmniMoeVisionEncoder`: that of Qwen3-VL with other names."""
    d = config.size("hidden_size", default=1152)
    wide, h = merged(config, d), config.size("out_hidden_size", default=3584)
    mergers = repeat("merger_list", stacks(config), _merger(wide, h, wide))
    return Skeleton([*blocks(config, d), *mergers, *under("merger", _merger(wide, h, d))])


def _text(config: Config, d: int) -> Iterator[Node]:
    """Build `Qwen3OmniMoeTalkerModel`, each of whose layers has experts; there is no default for the shared one."""
    inner, count = (
        config.size("moe_intermediate_size", default=384),
        config.number("num_local_experts", "num_experts", default=128),
    )
    shared = config.needed("shared_expert_intermediate_size")
    yield from repeat(
        "layers",
        config.layers("num_hidden_layers", default=20),
        block(
            d,
            attention_with_head_norms(config, d, heads(config, d, count=16, groups=2)),
            (*experts(d, inner, count), *shared_expert(d, shared)),
        ),
    )
    yield from norm("norm", d)
    yield from hollow("rotary_emb")
    yield from embedding("codec_embedding", config.size("vocab_size", default=3072), d)


def _predictor(config: Config) -> Iterator[Node]:
    """Build `Qwen3OmniMoeTalkerCodePredictorModelForConditionalGeneration`, with words and a head for each group of codes."""
    d, words = config.size("hidden_size", default=1024), config.size("vocab_size", default=2048)
    groups = range(config.size("num_code_groups", default=32) - 1)
    shape = heads(config, d, count=16, groups=8, width=128)
    inner = config.size("intermediate_size", default=3072)
    yield from repeat(
        "model.layers",
        config.layers("num_hidden_layers", default=5),
        block(d, attention_with_head_norms(config, d, shape), gated(d, inner)),
    )
    yield from norm("model.norm", d)
    yield from hollow("model.rotary_emb")
    yield from module_list("model.codec_embedding")
    yield from (node for index in groups for node in embedding(f"model.codec_embedding.{index}", words, d))
    yield from module_list("lm_head")
    yield from (node for index in groups for node in linear(f"lm_head.{index}", d, words))


def talker(config: Config) -> Iterator[Node]:
    """Build `Qwen3OmniMoeTalkerForConditionalGeneration`, which writes speech tokens."""
    # It changes no shape, but the class reads it, and its config has no default for it.
    config.needed("spatial_merge_size")
    text = config.section("text_config")
    d, wide = text.size("hidden_size", default=1024), config.size("thinker_hidden_size", default=2048)
    inner = text.size("intermediate_size", default=2048)
    fc1, fc2 = linear("linear_fc1", wide, inner, bias=True), linear("linear_fc2", inner, d, bias=True)
    yield from under("model", _text(text, d))
    for name in ("text_projection", "hidden_projection"):
        yield from under(name, fc1, fc2, hollow("act_fn"))
    yield from linear("codec_head", d, text.size("vocab_size", default=3072))
    yield from under("code_predictor", _predictor(config.section("code_predictor_config")))


def _snake(name: str, channels: int) -> Nodes:
    return (*parameter(f"{name}.alpha", channels), *parameter(f"{name}.beta", channels))


def _longer(d: int, h: int, rate: int) -> Iterator[Node]:
    """Build `Qwen3OmniMoeCode2WavDecoderBlock`, which makes a sound `rate` times as long."""
    yield from module_list("block")
    yield from _snake("block.0", d)
    yield from transposed_convolution("block.1.conv", d, h, 2 * rate)
    residual = [
        *_snake("act1", h),
        *convolution("conv1.conv", h, h, 7),
        *_snake("act2", h),
        *convolution("conv2.conv", h, h, 1),
    ]
    for index in range(RESIDUALS):
        yield from under(f"block.{index + 2}", residual)


def _widened(d: int, factor: int) -> Iterator[Node]:
    """Build a transposed convolution and `Qwen3OmniMoeConvNeXtBlock`."""
    yield from transposed_convolution("0.conv", d, d, factor)
    yield from under(
        "1",
        depthwise("dwconv.conv", d, 7),
        norm("norm", d, bias=True),
        linear("pwconv1", d, 4 * d, bias=True),
        hollow("act"),
        linear("pwconv2", 4 * d, d, bias=True),
        parameter("gamma", d),
    )


def code2wav(config: Config) -> Iterator[Node]:
    """Build `Qwen3OmniMoeCode2Wav`, which makes sound of speech tokens."""
    d, first = config.size("hidden_size", default=1024), config.size("decoder_dim", default=1536)
    rates = size_list(config, "upsample_rates", default=[8, 5, 4, 3])
    # The class adds up the two lists, and a default is a tuple.
    if (config.items("upsample_rates") is None) != (config.items("upsampling_ratios") is None):
        raise config.wrong("upsampling_ratios", "a list where upsample_rates is one, and missing where it is")
    stages = [first // 2**stage for stage in range(len(rates) + 1)]
    if not stages[-1]:
        raise config.wrong("decoder_dim", f"at least {2 ** len(rates)}")
    attention = biased(config, d, heads(config, d, count=16, groups=16))
    yield from repeat(
        "pre_transformer.layers",
        config.layers("num_hidden_layers", default=8),
        block(d, attention, gated(d, config.size("intermediate_size", default=3072))),
        hollow("self_attn.q_norm", "self_attn.k_norm"),
        parameter("self_attn_layer_scale.scale", d),
        parameter("mlp_layer_scale.scale", d),
    )
    yield from norm("pre_transformer.norm", d)
    yield from hollow("pre_transformer.rotary_emb")
    codes = config.size("codebook_size", default=2048) * config.size("num_quantizers", default=16)
    yield from embedding("code_embedding", codes, d)
    factors = size_list(config, "upsampling_ratios", default=[2, 2])
    yield from listed("upsample", ([*_widened(d, factor)] for factor in factors))
    yield from (node for index in range(len(factors)) for node in module_list(f"upsample.{index}"))
    steps = (_longer(d, h, rate) for d, h, rate in zip(stages, stages[1:], rates, strict=False))
    yield from listed("decoder", [convolution("conv", d, first, 7), *steps])
    yield from _snake(f"decoder.{len(rates) + 1}", stages[-1])
    yield from convolution(f"decoder.{len(rates) + 2}.conv", stages[-1], 1, 7)
