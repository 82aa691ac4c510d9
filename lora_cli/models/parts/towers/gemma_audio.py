"""What Gemma's towers for sound begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lora_cli.models.parts.layers import Node, convolution, hollow, linear, norm, under


def shortened(
    d: int, convolutions: Iterable[tuple[str, int, Sequence[int]]], frequencies: int, activation: str
) -> Iterator[Node]:
    """Build the convolutions that leave fewer frames, each with its name, channels and kernel.

    A Linear takes all channels of the `frequencies` that are left.
    """
    channels = 1
    for name, after, kernel in convolutions:
        convolved = convolution("conv", channels, after, *kernel, bias=False), norm("norm", after), hollow(activation)
        yield from under(f"subsample_conv_projection.{name}", *convolved)
        channels = after
    yield from linear("subsample_conv_projection.input_proj_linear", channels * frequencies, d)
