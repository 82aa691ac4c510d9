"""One weight of 128 inputs and 96 outputs as each quantizer writes it: the truth that unpacking is held against.

`python tests/peft/packed.py` records the headers in tests/reference/packed.json. Beside the `peft` extra it
needs `pip install bitsandbytes==0.50.2 compressed-tensors==0.20.0 gptqmodel==7.7.0`, which no test does.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

RECORDED = Path(__file__).parents[1] / "reference" / "packed.json"
INPUTS, OUTPUTS, EXPERTS = 128, 96, 4
PACKAGES = ("torch", "transformers", "bitsandbytes", "compressed-tensors", "gptqmodel")
# What a header does not say: the values of these are read to know a shape.
READ = ("quant_state", "weight_shape")

Tensors = Mapping[str, torch.Tensor]


def bitsandbytes(**settings: Any) -> Tensors:
    """Return what a Linear4bit keeps."""
    from bitsandbytes.nn import Linear4bit

    layer = Linear4bit(INPUTS, OUTPUTS, bias=False, **settings)
    return layer.to("cpu").state_dict(prefix="W.")


def int8() -> Tensors:
    """Return what a Linear8bitLt keeps."""
    from bitsandbytes.nn import Linear8bitLt

    layer = Linear8bitLt(INPUTS, OUTPUTS, bias=False, has_fp16_weights=False)
    return layer.to("cpu").state_dict(prefix="W.")


def gptq(bits: int) -> Tensors:
    """Return what GPTQ's layer keeps."""
    from gptqmodel.nn_modules.qlinear.torch import TorchLinear

    return packing_layer(TorchLinear, bits=bits, sym=True, bias=True)


def awq() -> Tensors:
    """Return what AWQ's layer keeps."""
    from gptqmodel.nn_modules.qlinear.torch_awq import AwqTorchLinear

    return packing_layer(AwqTorchLinear, bits=4, sym=False, bias=False)


def packing_layer(layer: Callable[..., torch.nn.Module], **settings: Any) -> Tensors:
    """Return what a layer of gptqmodel keeps."""
    shape = {"in_features": INPUTS, "out_features": OUTPUTS, "group_size": 32, "desc_act": False}
    return layer(**shape, register_buffers=True, **settings).state_dict(prefix="W.")


def fp8() -> Tensors:
    """Return what transformers' FP8Linear keeps, DeepSeek's format."""
    from transformers.integrations.finegrained_fp8 import FP8Linear

    return FP8Linear(INPUTS, OUTPUTS, block_size=(32, 32)).state_dict(prefix="W.")


def compressed(preset: str) -> Tensors:
    """Return what compressed-tensors makes of a weight under one of its preset schemes."""
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import preset_name_to_scheme

    scheme = preset_name_to_scheme(preset, ["Linear"])
    kind = {"W4A16": "pack-quantized", "NVFP4A16": "nvfp4-pack-quantized"}[preset]
    group = scheme.weights.group_size or INPUTS
    given = {"weight": torch.randn(OUTPUTS, INPUTS), "weight_scale": torch.ones(OUTPUTS, max(INPUTS // group, 1))}
    if preset == "NVFP4A16":
        given["weight_global_scale"] = torch.ones(1)
    made = BaseCompressor.get_value_from_registry(kind).compress(given, scheme)
    return {f"W.{name}": value for name, value in made.items()}


def mxfp4() -> Tensors:
    """Return gpt-oss's format, whose shape transformers gives: experts x inputs x outputs."""
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    blocks = torch.zeros(EXPERTS, OUTPUTS, INPUTS // 32, 16, dtype=torch.uint8)
    scales = torch.zeros(EXPERTS, OUTPUTS, INPUTS // 32, dtype=torch.uint8)
    assert tuple(convert_moe_packed_tensors(blocks, scales).shape) == (EXPERTS, INPUTS, OUTPUTS)
    return {"W_blocks": blocks, "W_scales": scales}


FORMATS: dict[str, Callable[[], Tensors]] = {
    "bitsandbytes nf4, double": lambda: bitsandbytes(quant_type="nf4", compress_statistics=True),
    "bitsandbytes fp4": lambda: bitsandbytes(quant_type="fp4", compress_statistics=False),
    "bitsandbytes int8": int8,
    **{f"GPTQ, {bits} bits": (lambda bits=bits: gptq(bits)) for bits in (2, 3, 4, 8)},
    "AWQ": awq,
    "FP8": fp8,
    "compressed-tensors W4A16": lambda: compressed("W4A16"),
    "compressed-tensors NVFP4": lambda: compressed("NVFP4A16"),
    "MXFP4": mxfp4,
}


def header(tensors: Tensors) -> dict[str, Any]:
    """Return type and shape of each tensor in the file that safetensors writes, and the bytes of a few."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.safetensors"
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
        content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    entries = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        read = {"hex": content[start:end].hex()} if any(part in name for part in READ) else {}
        entries[name] = {"dtype": entry["dtype"], "shape": entry["shape"], **read}
    return entries


def record() -> None:
    """Write the recorded reference anew."""
    made = {package: version(package) for package in PACKAGES}
    formats = {name: header(tensors()) for name, tensors in FORMATS.items()}
    lines = (f"    {json.dumps(name)}: {json.dumps(entries)}" for name, entries in formats.items())
    start = f'{{\n  "made by": "python tests/peft/packed.py",\n  "with": {json.dumps(made)},\n  "formats": {{\n'
    RECORDED.write_text(start + ",\n".join(lines) + "\n  }\n}\n")


if __name__ == "__main__":
    record()
