"""LoRA beside a Linear: `peft.tuners.lora.layer.Linear.forward`, and `bnb.Linear4bit.forward` beside a quantised one."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.operations import add, cast, clone, dropout, embedding, scale
from lora_cli.analysis.memory.replay.parts.weight_decomposition import add_decomposed, embed_decomposed
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights
from lora_cli.methods.config.lora_settings import LoraSettings

# The variants that compute in another way.
UNKNOWN = ("alora_invocation_tokens", "kasa_config", "monteclora_config", "use_bdlora", "velora_config")


def linear(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Add B·A of the input, of which an adapter in another type takes a copy of its own."""
    a, b = own.adapter["lora_A.weight"], own.adapter["lora_B.weight"]
    r = a.numel // own.d
    out = device.base(own, x)
    width = out.width

    def update(x: Tensor) -> Tensor:
        low = device.multiply(dropout(x, own.settings.lora_dropout), a, None, own.d, r)
        return scale(device.multiply(low, b, own.adapter.get("lora_B.bias"), r, own.h))

    if own.settings.use_dora:
        out = clone(out) if own.is_cloned else out
        return cast(add_decomposed(device, own, cast(x, a.width), out), width)
    if own.is_quantised:
        out = clone(out) if own.is_cloned else out
        return add(out, cast(update(cast(x, a.width)), width))
    x = cast(x, a.width)
    return cast(add(out, update(x)), width)


def embed(device: Runner, own: Weights, tokens: int) -> Tensor:
    """Look up tokens in A, and multiply by B (`Embedding.forward`)."""
    a, b = own.adapter["lora_embedding_A"], own.adapter["lora_embedding_B"]
    r = a.numel // own.d
    out = device.look_up(own, own.weight, tokens)
    width = out.width
    if own.settings.use_dora:
        return cast(embed_decomposed(device, own, tokens, out), width)
    low = embedding(device.tape, a, tokens, r)
    update = scale(device.multiply(low, b, None, r, own.h))
    return cast(add(out, scale(update) if device.is_scaled(own) else update), width)


def unknown(settings: LoraSettings) -> Iterator[str]:
    """Yield the fields of variants that have no replay."""
    return (field for field in UNKNOWN if getattr(settings, field))


ADAPTER = Adapter(linear, embed, unknown=unknown, runs_quantised=True, runs_parameters=True)
