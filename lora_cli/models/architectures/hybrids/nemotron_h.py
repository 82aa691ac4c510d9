"""Nemotron-H and Nemotron 3, layers of Mamba-2, attention, feed-forward or experts: `transformers.models.nemotron_h`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lora_cli.models.config import MAX_LAYERS, Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.experts import corrected_router, experts
from lora_cli.models.parts.feed_forward import up_down
from lora_cli.models.parts.hybrid import mixer_classes, mixer_decoder
from lora_cli.models.parts.layer_types import ATTENTION, STATE, layer_kinds
from lora_cli.models.parts.layers import Node, Nodes, hollow, linear, under
from lora_cli.models.parts.state_space import Mamba2, mamba2

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 131072)
FEED_FORWARD, EXPERTS = "mlp", "moe"
# The letters of hybrid_override_pattern.
LETTERS = {"M": STATE, "E": EXPERTS, "*": ATTENTION, "-": FEED_FORWARD}


def kinds(config: Config) -> list[str]:
    """Return the kind of each layer, which also says how many there are, whatever num_hidden_layers says."""
    names = ("layer_types", "layers_block_type")
    pattern = config.text("hybrid_override_pattern", default="ME*-")
    written = config.items(*names)
    count = len(pattern) if written is None else len(written)
    if count > MAX_LAYERS:
        raise config.wrong("hybrid_override_pattern", f"a text of at most {MAX_LAYERS} letters")
    if written is None and not LETTERS.keys() >= set(pattern):
        raise config.wrong("hybrid_override_pattern", f"a text of the letters {' '.join(LETTERS)}")
    return layer_kinds(config, *names, layers=count, known=tuple(MIXERS), default=lambda index: LETTERS[pattern[index]])


def feed_forward(config: Config, d: int, inner: int) -> Nodes:
    """Build `NemotronHMLP`, which has no gate."""
    return up_down(d, inner, hollow("act_fn"), bias=config.flag("mlp_bias", default=False))


def mixture(config: Config) -> Iterator[Node]:
    """Build `NemotronHMoE`, whose experts can work in a space narrower than the model's."""
    d = hidden(config)
    count = config.size("num_local_experts", "n_routed_experts", default=8)
    inner = config.size("moe_intermediate_size", default=7688)
    narrow = config.size("moe_latent_size", default=d)
    bias = config.flag("mlp_bias", default=False)
    yield from experts(narrow, inner, count, router=corrected_router(d, count), gated=False)
    shared = config.size("moe_shared_expert_intermediate_size", default=7688)
    yield from under("shared_experts", feed_forward(config, d, shared))
    if config.fields.get("moe_latent_size") is None:
        yield from hollow("fc1_latent_proj", "fc2_latent_proj")
    else:
        yield from linear("fc1_latent_proj", d, narrow, bias=bias)
        yield from linear("fc2_latent_proj", narrow, d, bias=bias)


def state(config: Config) -> Nodes:
    """Build `NemotronHMamba2Mixer`."""
    count = config.size("mamba_num_heads", default=128)
    sizes = Mamba2(
        count,
        count * config.size("mamba_head_dim", default=64),
        config.number("mamba_n_groups", "n_groups", default=8),
        config.number("ssm_state_size", default=128),
        config.size("mamba_d_conv", "conv_kernel", default=4),
    )
    return mamba2(
        hidden(config),
        sizes,
        bias=config.flag("use_bias", default=False),
        convolution_bias=config.flag("mamba_conv_bias", "use_conv_bias", default=True),
    )


MIXERS: dict[str, Callable[[Config], Nodes]] = {
    STATE: state,
    EXPERTS: mixture,
    ATTENTION: lambda config: attention(hidden(config), *heads(config, hidden(config), count=32, groups=8, width=128)),
    FEED_FORWARD: lambda config: feed_forward(config, hidden(config), config.size("intermediate_size", default=21504)),
}


def body(config: Config) -> Nodes:
    """Build `NemotronHModel`."""
    mixers = {kind: list(mixer(config)) for kind, mixer in MIXERS.items()}
    return mixer_decoder(vocabulary(config), hidden(config), [mixers[kind] for kind in kinds(config)])


FAMILY = Family(
    "nemotron_h",
    mixer_classes("NemotronH", body, hidden=hidden, vocabulary=vocabulary, tie_names=()),
    PromptSizes(hidden=4096, layers=lambda config: len(kinds(config)), heads=32, groups=8, head_width=128),
    layers_from="list",
)
