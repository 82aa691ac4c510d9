"""What CUDA does where the CPU does something else: which attention kernel, which fused kernels, which temporaries."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)

aten = torch.ops.aten
LOW = (torch.float16, torch.bfloat16)


def _up(size: int, to: int) -> int:
    return (size + to - 1) // to * to


def temporary_bytes(func: Any, args: Any) -> list[int]:
    """Return the sizes of what a CUDA kernel allocates and frees inside itself.

    Softmax's backward multiplies gradient and output first (SoftMax.cu). Softmax that is safe for rows without
    any token has a mask of bytes beside its result. Flash attention's backward has softmax_d and
    dq_accum in float32, and with grouped heads dk and dv for all heads (flash_api.cpp).
    """
    if func is aten._softmax_backward_data.default:
        return [args[1].numel() * args[1].element_size()]
    if func is aten._safe_softmax.default:
        return [args[0].numel()]
    if func is not aten._scaled_dot_product_flash_attention_backward.default:
        return []
    query, key = args[1], args[2]
    batch, heads, seq, size = query.shape
    rows, columns = _up(seq, 128), _up(size, 32 if size <= 128 else 64)
    sizes = [batch * heads * rows * 4, batch * rows * heads * columns * 4]
    if key.shape[1] != heads:
        sizes += 2 * [batch * key.shape[2] * heads * size * query.element_size()]
    return sizes


def run(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation; of a grouped product in a type that the CPU's lacks, return what it would be."""
    if func is not aten._grouped_mm.default or args[0].dtype is torch.bfloat16:
        return func(*args, **kwargs)

    def stand_in(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        dtype = torch.bfloat16 if value.is_floating_point() else value.dtype
        return torch.empty_strided(value.shape, value.stride(), dtype=dtype, device="meta")

    shape = func(*map(stand_in, args), **{name: stand_in(value) for name, value in kwargs.items()})
    return args[0].new_empty_strided(shape.shape, shape.stride())


def _autocast_dtype() -> torch.dtype | None:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None


def _efficient(query: Any, key: Any, value: Any, mask: Any, dropout_p: float, is_causal: bool, scale: Any) -> Any:
    """Memory-efficient attention: the mask becomes additive, in the query's type, padded to 16 columns."""
    if mask is not None:
        rows, columns = query.shape[2], key.shape[2]
        if mask.dtype == torch.bool:
            mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(mask.logical_not(), float("-inf"))
        if columns % 16:
            mask = F.pad(mask, (0, 16 - columns % 16))[..., :columns]
        mask = mask.expand(query.shape[0], query.shape[1], rows, columns)
    trained = [query, key, value] + ([mask] if mask is not None else [])
    saves = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in trained)
    return aten._scaled_dot_product_efficient_attention(
        query, key, value, mask, saves, dropout_p, is_causal, scale=scale
    )[0]


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Stand in for scaled_dot_product_attention with the kernel that CUDA takes (Ampere or newer, torch 2.11).

    Flash for 16-bit heads without a mask; else memory-efficient, which knows neither grouped heads nor sizes that are
    not whole vectors; else plain mathematics, in float32. cuDNN's kernel, which Hopper prefers, takes the same bytes.
    """
    if (low := _autocast_dtype()) is not None:
        query, key, value = (tensor.to(low) for tensor in (query, key, value))
        if attn_mask is not None and attn_mask.is_floating_point():
            attn_mask = attn_mask.to(low)
    size, half = query.shape[-1], query.dtype in LOW
    equal_sizes = size == value.shape[-1] == key.shape[-1]
    equal_heads = query.shape[1] == key.shape[1] == value.shape[1]
    if half and attn_mask is None and equal_sizes and size <= 256 and (equal_heads or enable_gqa):
        if pad := -size % 8:
            scale = scale if scale is not None else 1 / math.sqrt(size)
            query, key, value = (F.pad(tensor, (0, pad)) for tensor in (query, key, value))
        out = aten._scaled_dot_product_flash_attention(query, key, value, dropout_p, is_causal, False, scale=scale)[0]
        return out[..., :size] if pad else out
    step = 8 if half else 4
    if equal_heads and not size % step and not value.shape[-1] % step:
        return _efficient(query, key, value, attn_mask, dropout_p, is_causal, scale)
    if dropout_p:
        raise NotImplementedError("attention dropout on the path of plain mathematics is not modelled")
    return aten._scaled_dot_product_attention_math(
        query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa
    )[0]


def _float32(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.dtype in LOW else value


def _with_float32_inputs(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if torch.is_autocast_enabled("cpu"):
            args, kwargs = tuple(map(_float32, args)), {name: _float32(value) for name, value in kwargs.items()}
        return function(*args, **kwargs)

    return wrapped


def _with_float32_result(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(input: Any, *args: Any, **kwargs: Any) -> Any:
        low = isinstance(input, torch.Tensor) and input.dtype in LOW
        if torch.is_autocast_enabled("cpu") and low and kwargs.get("dtype") is None:
            kwargs["dtype"] = torch.float32
        return function(input, *args, **kwargs)

    return wrapped


def _cross_entropy(input: Any, target: Any, weight: Any = None, *_: Any, ignore_index: int = -100, **rest: Any) -> Any:
    """Take the softmax in the type of the scores, and only the rest in float32.

    `cross_entropy_loss` (LossNLL.cpp) names the type of its softmax, so that CUDA's autocast leaves it.
    """
    known = {"reduction": rest.get("reduction", "mean"), "ignore_index": ignore_index}
    return F.nll_loss(_float32(torch.log_softmax(input, dim=1, dtype=input.dtype)), target, weight, **known)


def _autocast_wrappers() -> list[tuple[Any, str, Callable[..., Any]]]:
    """Return CUDA autocast's float32 operations that CPU autocast has not.

    Plain replacements and not a mode for functions, which is lost where checkpointing recomputes inside the backward.
    """
    owners, tensor = (torch, torch.Tensor), torch.Tensor
    inputs: list[tuple[Any, str]] = [(F, "layer_norm"), (F, "softplus"), (tensor, "__pow__"), (tensor, "__rpow__")]
    inputs += [(owner, name) for name in ("pow", "rsqrt", "exp", "log", "reciprocal", "norm") for owner in owners]
    results: list[tuple[Any, str]] = [(F, "softmax"), (F, "log_softmax")]
    results += [(owner, name) for name in ("softmax", "log_softmax", "sum", "prod", "cumsum") for owner in owners]
    results += [(torch.linalg, "norm"), (torch.linalg, "vector_norm")]
    pairs = [(inputs, _with_float32_inputs), (results, _with_float32_result)]
    made = [(owner, name, wrap(getattr(owner, name))) for names, wrap in pairs for owner, name in names]
    return [*made, (F, "cross_entropy", _cross_entropy)]


def _replacements() -> list[tuple[Any, str, Callable[..., Any]]]:
    """Return what stands in for PyTorch's own functions, and what transformers must not ask of fake tensors."""
    import transformers.masking_utils as masking

    softmax = F.softmax

    def fused_softmax(input: Any, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
        # CUDA casts float16 to float32 inside the kernel, and bfloat16 before it (SoftMax.cpp).
        if dtype == torch.float32 and input.dtype == torch.float16:
            return aten._softmax(input, dim, True)
        return softmax(input, dim, dtype=dtype)

    def fused_dropout(input: Any, p: float = 0.5, training: bool = True, *_: Any, **__: Any) -> Any:
        # One byte a value for the mask, where the CPU keeps floats.
        return input if not training or p == 0 else torch.native_dropout(input, p, True)[0]

    def tensor_softmax(input: Any, dim: Any = None, dtype: Any = None, **_: Any) -> Any:
        return fused_softmax(input, dim, dtype=dtype)

    return [
        (F, "softmax", fused_softmax),
        (torch, "softmax", tensor_softmax),
        (F, "dropout", fused_dropout),
        (F, "scaled_dot_product_attention", attention),
        (masking, "find_packed_sequence_indices", lambda _: None),
    ]


@contextlib.contextmanager
def cuda_like(autocast: bool) -> Iterator[None]:
    """Let PyTorch's CPU build allocate as CUDA does."""
    with contextlib.ExitStack() as undo:
        for make in (_replacements, *([_autocast_wrappers] if autocast else [])):
            for owner, name, new in make():
                undo.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, new)
        yield
