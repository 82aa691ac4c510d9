"""Multi-head latent attention: `DeepseekV3Attention` and `DeepseekV2Attention`."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import concatenate, makes, part, record, split
from lora_cli.analysis.memory.replay.parts.attention import look_up
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.parts.rotary import TURNS
from lora_cli.analysis.memory.replay.tape import Node, Tensor
from lora_cli.models.parts.forward_pass import LatentAttention, Norm


def attend_by_latents(device: Device, name: str, own: LatentAttention, x: Tensor) -> Tensor:
    """Run an attention with its output projection."""
    scores, tokens = own.scores, device.training.tokens
    q_plain, q = _parted(_query(device, name, own, x), tokens * scores.heads * scores.rotary)
    latent, k = _parted(device.linear(f"{name}.kv_a_proj_with_mqa", x), tokens * scores.rotary, is_transposed=False)
    latent = _normed(device, f"{name}.kv_a_layernorm", latent)
    q, k = TURNS[scores.rotary_kind](device, scores, q, k)
    q = concatenate(q_plain, q)
    k_plain, v = _parted(device.linear(f"{name}.kv_b_proj", latent), tokens * scores.heads * own.value)
    # Queries that were put together lie in memory head by head; eager attention copies them all the same.
    scores = scores._replace(by_heads=device.training.attention == "sdpa")
    return device.linear(f"{name}.o_proj", look_up(device, scores, q, _copied(k_plain, k, scores.heads), v))


def _query(device: Device, name: str, own: LatentAttention, x: Tensor) -> Tensor:
    if own.whole_query:
        return device.linear(f"{name}.q_proj", x)
    latent = _normed(device, f"{name}.q_a_layernorm", device.linear(f"{name}.q_a_proj", x))
    return device.linear(f"{name}.q_b_proj", latent)


def _normed(device: Device, name: str, x: Tensor) -> Tensor:
    return normalise(device, name, Norm(name), x)


def _parted(x: Tensor, second: int, *, is_transposed: bool = True) -> list[Tensor]:
    """Return the two parts of each row; the gradient of heads is copied to lie token by token again."""
    return split(part(x, x.numel) if is_transposed else x, x.numel - second, second)


def _copied(plain: Tensor, shared: Tensor, heads: int) -> Tensor:
    """Copy the parts of keys into a new tensor one after the other, the second of them to each head (`CopySlices`)."""
    tape, width = plain.tape, plain.width
    sizes = plain.numel * width, shared.numel * heads * width

    def first(_: Storage) -> Sequence[Storage]:
        whole = Storage(tape, sum(sizes))
        made = Storage(tape, sizes[0])
        del whole
        return (made,)

    def second(_: Storage) -> Sequence[Storage]:
        whole = Storage(tape, sum(sizes))
        made, zeros = Storage(tape, sizes[1]), Storage(tape, sizes[1])
        del zeros
        return whole, made

    out = record([plain], sum(sizes) // width, width, first)
    if not (plain.requires_grad or shared.requires_grad):
        return out
    every = _for_each_head(shared, heads)
    return Tensor(out.storage, out.numel, width, node=Node(tape, [out, every], (), second))


def _for_each_head(x: Tensor, heads: int) -> Tensor:
    """Return a view of the same for all heads, whose gradients are summed (`expand`)."""
    node = Node(x.tape, [x], (), makes(x.numel * x.width)) if x.requires_grad else None
    return Tensor(x.storage, x.numel * heads, x.width, node=node)
