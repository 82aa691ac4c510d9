"""bitsandbytes as far as memory goes: what its layers store, save for backward and allocate on the way (0.50, CUDA).

PEFT asks for the package by name, so this one stands in for it while a model is built: PEFT's own layers for quantised
bases run. Nothing is computed. A 4-bit weight is always dequantised before the product, as bitsandbytes does for more
than 1536 tokens (below that a fused kernel may be taken). No activation is an outlier to int8.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn

BLOCK, NESTED_BLOCK = 64, 256


def _blocks(count: int, size: int) -> int:
    return (count + size - 1) // size


class Dequantised(torch.autograd.Function):
    """MatMul4Bit: one dequantised weight lives during the product, in the forward and again in the backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: Linear4bit, bias: torch.Tensor | None) -> torch.Tensor:
        """Multiply with the weight in the input's type."""
        ctx.layer = layer
        scales = layer.scales()
        weight = x.new_empty(layer.weight_shape)
        del scales
        return nn.functional.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Return the input's gradient."""
        return torch.matmul(grad, ctx.layer.dequantised().to(grad.dtype)), None, None


class Linear4bit(nn.Linear):
    """NF4 in blocks of 64, each with a float32 scale, or with an 8-bit one in blocks of 256."""

    def __init__(self, linear: nn.Linear, compute: torch.dtype, double: bool) -> None:
        nn.Module.__init__(self)
        self.out_features, self.in_features = self.weight_shape = tuple(linear.weight.shape)
        self.compute_dtype, self.stored, self.double = compute, linear.weight.dtype, double
        count = linear.weight.numel()
        self.weight = nn.Parameter(torch.empty((count + 1) // 2, 1, dtype=torch.uint8), requires_grad=False)
        self.weight.compress_statistics, self.weight.quant_type, self.weight.quant_state = double, "nf4", None
        blocks = _blocks(count, BLOCK)
        parts = {"code": (16, torch.float32), "absmax": (blocks, torch.uint8 if double else torch.float32)}
        if double:
            second = _blocks(blocks, NESTED_BLOCK)
            parts |= {"absmax2": (second, torch.float32), "code2": (256, torch.float32), "offset": (1, torch.float32)}
        for name, (size, dtype) in parts.items():
            self.register_buffer(name, torch.empty(size, dtype=dtype))
        self.bias = linear.bias

    def scales(self) -> torch.Tensor:
        """Return the scales of all blocks in float32."""
        if not self.double:
            return self.absmax
        return torch.empty_like(self.absmax, dtype=torch.float32).add_(self.offset)

    def dequantised(self) -> torch.Tensor:
        """Return the weight in the type that it was quantised from."""
        scales = self.scales()
        weight = self.absmax.new_empty(self.weight_shape, dtype=self.stored)
        del scales
        return weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply in the compute type and return the input's."""
        dtype, x = x.dtype, x.to(self.compute_dtype)
        if self.bias is not None and self.bias.dtype != x.dtype:
            self.bias.data = self.bias.data.to(x.dtype)
        return Dequantised.apply(x, self, self.bias).to(dtype)


class Int8Product(torch.autograd.Function):
    """MatMul8bitLt. The input is kept as an attribute, where checkpointing does not see it."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: Linear8bitLt, bias: torch.Tensor | None) -> torch.Tensor:
        """Quantise the rows, multiply in int32, and scale in float16."""
        shape = x.shape
        x = x.reshape(-1, shape[-1])
        rows, statistics = _quantised_rows(x.to(torch.float16))
        product = x.new_empty(x.shape[0], layer.out_features, dtype=torch.int32)
        out = torch.empty_like(product, dtype=torch.float16)
        if bias is not None and bias.dtype != torch.float16:
            out.add_(bias)
        out = out.to(x.dtype)
        del product, rows, statistics
        ctx.layer, ctx.shape, ctx.dtype, ctx.input = layer, shape, x.dtype, x
        return out.reshape(*shape[:-1], layer.out_features)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Return the input's gradient, through the weight in the input's type."""
        grad = grad.reshape(-1, grad.shape[-1]).contiguous()
        weight = ctx.layer.dequantised(ctx.dtype)
        return torch.matmul(grad.to(ctx.dtype), weight).view(ctx.shape), None, None


def _quantised_rows(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """int8_vectorwise_quant with a threshold that nothing reaches."""
    statistics = x.new_empty(x.shape[0], dtype=torch.float32)
    rows = torch.empty_like(x, dtype=torch.int8)
    outliers = x.abs() >= 6.0
    del outliers
    return rows, statistics


class Linear8bitLt(nn.Linear):
    """One byte a value and a float32 scale a row."""

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.out_features, self.in_features = linear.weight.shape
        self.weight = nn.Parameter(torch.empty(linear.weight.shape, dtype=torch.int8), requires_grad=False)
        self.register_buffer("scale", torch.empty(self.out_features, dtype=torch.float32))
        self.bias, self.index = linear.bias, None
        self.state = SimpleNamespace(has_fp16_weights=False, threshold=6.0)

    def dequantised(self, dtype: torch.dtype = torch.float16) -> torch.Tensor:
        """Return the weight in a type."""
        return self.weight.to(dtype, copy=True).mul_(self.scale.unsqueeze(1).mul(1 / 127))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply and return the input's type."""
        if self.bias is not None and self.bias.dtype != x.dtype:
            self.bias.data = self.bias.data.to(x.dtype)
        return Int8Product.apply(x, self, self.bias)


def quantise(model: nn.Module, quant: str, compute: torch.dtype, left_out: Sequence[str]) -> None:
    """Replace every Linear and Conv1D that transformers would; `left_out` is its `llm_int8_skip_modules`."""
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    kept = HfQuantizer.get_modules_to_not_convert(
        model, [*left_out], model._keep_in_fp32_modules, add_default_skips=True
    )
    for name, module in list(model.named_modules()):
        if type(module) not in (nn.Linear, Conv1D) or not should_convert_module(name, kept):
            continue
        linear = _as_linear(module) if isinstance(module, Conv1D) else module
        new = Linear8bitLt(linear) if quant == "int8" else Linear4bit(linear, compute, quant == "nf4-dq")
        model.set_submodule(name, new)
    setattr(model, "is_loaded_in_8bit" if quant == "int8" else "is_loaded_in_4bit", True)


def _as_linear(module: Any) -> nn.Linear:
    """Return a Linear of the size of a Conv1D, whose weight is transposed."""
    linear = nn.Linear(*module.weight.shape, dtype=module.weight.dtype)
    linear.bias = module.bias
    return linear


class AdamW8bit(torch.optim.Optimizer):
    """bitsandbytes' AdamW: two states of a byte a value and a float32 scale per 256, float32 below 4096 values.

    Trainer has the states of an Embedding's weight in float32, whatever its size (`in_float`). Paged, the states of 100,000 values or more are in managed memory, outside PyTorch's allocator.
    """

    def __init__(self, params: Any, paged: bool, in_float: frozenset[int] = frozenset()) -> None:
        super().__init__(params, {})
        self.in_float = in_float
        self.paged, self.maps = paged, [torch.empty(256), torch.empty(256)]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # noqa: ARG002 (an optimizer's signature)
        """Make the states; the update is in place."""
        for parameter in (p for group in self.param_groups for p in group["params"]):
            state, count = self.state[parameter], parameter.numel()
            if parameter.grad is None or state:
                continue
            small = count < 4096 or id(parameter) in self.in_float
            if not (self.paged and count >= 100_000):
                dtype = torch.float32 if small else torch.uint8
                state.update(state1=torch.zeros_like(parameter, dtype=dtype))
                state.update(state2=torch.zeros_like(parameter, dtype=dtype))
            if not small:
                state.update(map1=self.maps[0], map2=self.maps[1])
                blocks = parameter.new_zeros(_blocks(count, 256), dtype=torch.float32)
                state.update(absmax1=blocks, absmax2=torch.zeros_like(blocks))


@contextlib.contextmanager
def bitsandbytes_stub() -> Iterator[None]:
    """Let PEFT find these layers where it asks for bitsandbytes."""
    import peft.import_utils as asked
    from peft.tuners.lora import dora

    package, layers = ModuleType("bitsandbytes"), ModuleType("bitsandbytes.nn")
    package.__spec__, package.nn = ModuleSpec("bitsandbytes", None), layers
    layers.Linear4bit, layers.Linear8bitLt = Linear4bit, Linear8bitLt
    original = dora.dequantize_module_weight

    def dequantised(module: nn.Module) -> torch.Tensor:
        # 8 bits are scaled, then multiplied by a number, both in float32.
        if isinstance(module, Linear8bitLt):
            return module.weight * module.scale.unsqueeze(1) * (1 / 127)
        return module.dequantised() if isinstance(module, Linear4bit) else original(module)

    def swap(modules: dict[str, ModuleType], function: Any) -> None:
        for name in ("bitsandbytes", "bitsandbytes.nn", "peft.tuners.lora.bnb"):
            sys.modules.pop(name, None)
        sys.modules.update(modules)
        dora.dequantize_module_weight = function
        asked.is_bnb_available.cache_clear()
        asked.is_bnb_4bit_available.cache_clear()

    swap({"bitsandbytes": package, "bitsandbytes.nn": layers}, dequantised)
    try:
        yield
    finally:
        swap({}, original)
