"""What PEFT trains on quantised layers, or that it refuses them: `python quantised_bases.py` reads cases and writes answers.

The layers are empty classes by the names that PEFT asks for, in packages made up here: their kernels need a GPU, and what
PEFT puts beside a layer depends on its class and sides alone. It is a program of its own, because PEFT looks for these
packages when it is first imported.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import warnings
from enum import Enum
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn

VERSIONS = {"gptqmodel": "7.0.0", "optimum": "2.0.0", "bitsandbytes": "0.49.0"}


class Quantised(nn.Module):
    """A layer that is not a Linear and holds no weight by that name."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        for name in ("qweight", "codes", "codebooks", "W_q"):
            self.register_buffer(name, torch.zeros(1))


class Backend(Enum):
    """gptqmodel's choice of a kernel."""

    AUTO_TRAINABLE = "auto_trainable"


class Kind(Enum):
    """gptqmodel's name of a quantisation."""

    GPTQ, AWQ = "gptq", "awq"


class BaseQuantLinear(Quantised):
    """gptqmodel's."""

    SUPPORTS_METHODS = (Kind.GPTQ,)


class AwqLinear(BaseQuantLinear):
    """gptqmodel's."""

    SUPPORTS_METHODS = (Kind.AWQ,)


class QuantizedLinear(Quantised):
    """AQLM's."""


class EetqLinear(Quantised):
    """EETQ's, whose weight is of integers."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear)
        self.register_buffer("weight", torch.zeros(linear.out_features, linear.in_features, dtype=torch.int8))


class HQQLinear(Quantised):
    """HQQ's, which can turn its weight back."""

    def dequantize(self) -> torch.Tensor:
        """Return a weight of ones."""
        return torch.ones(self.out_features, self.in_features)


class Linear4bit(nn.Linear):
    """bitsandbytes' own, with the attributes of its weight."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=False)
        self.compute_dtype = torch.float32
        packed = torch.zeros(linear.in_features * linear.out_features // 2, 1, dtype=torch.uint8)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.weight.compress_statistics, self.weight.quant_type = True, "nf4"


class Linear8bitLt(nn.Linear):
    """bitsandbytes' own, with its state."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=False)
        self.state, self.index = SimpleNamespace(has_fp16_weights=False, threshold=6.0), None
        self.weight = nn.Parameter(self.weight.data.to(torch.int8), requires_grad=False)


LAYERS: dict[str, Any] = {
    "gptq": BaseQuantLinear,
    "awq": AwqLinear,
    "aqlm": QuantizedLinear,
    "eetq": EetqLinear,
    "hqq": HQQLinear,
    "nf4": Linear4bit,
    "int8": Linear8bitLt,
}
PACKAGES: dict[str, dict[str, Any]] = {
    "gptqmodel": {"BACKEND": Backend},
    "gptqmodel.nn_modules": {},
    "gptqmodel.nn_modules.qlinear": {"BaseQuantLinear": BaseQuantLinear},
    "gptqmodel.quantization": {"METHOD": Kind},
    "gptqmodel.utils": {},
    "gptqmodel.utils.importer": {"hf_select_quant_linear_v2": lambda **_: BaseQuantLinear},
    "optimum": {},
    "aqlm": {"QuantizedLinear": QuantizedLinear},
    "eetq": {"EetqLinear": EetqLinear},
    "hqq": {},
    "hqq.core": {},
    "hqq.core.quantize": {"HQQLinear": HQQLinear},
    "bitsandbytes.nn": {"Linear4bit": Linear4bit, "Linear8bitLt": Linear8bitLt},
    "bitsandbytes": {},
}


def install() -> None:
    """Make the packages importable, and their versions known."""
    for name, content in PACKAGES.items():
        module = ModuleType(name)
        module.__spec__, module.__path__ = ModuleSpec(name, None, is_package=True), []
        module.__dict__.update(content)
        sys.modules[name] = module
    for name, module in [(name, sys.modules[name]) for name in PACKAGES if "." in name]:
        parent, _, last = name.rpartition(".")
        setattr(sys.modules[parent], last, module)
    installed = importlib.metadata.version
    importlib.metadata.version = lambda name: VERSIONS.get(name) or installed(name)


def answer(config: dict[str, Any], quantisation: str, adapter: dict[str, Any]) -> int | str:
    """Return how many parameters PEFT trains, or how it refuses."""
    from peft import get_peft_model
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
    from transformers import AutoConfig, AutoModelForCausalLM

    fields = {name: value for name, value in config.items() if name != "model_type"}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(config["model_type"], **fields))
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and ".layers." in name:
            model.set_submodule(name, LAYERS[quantisation](module))
    model.is_loaded_in_4bit, model.is_loaded_in_8bit = quantisation == "nf4", quantisation == "int8"
    model.quantization_method = quantisation
    model.config.quantization_config = SETTINGS
    own = {name: value for name, value in adapter.items() if name != "peft_type"}
    try:
        wrapped = get_peft_model(model, PEFT_TYPE_TO_CONFIG_MAPPING[adapter["peft_type"]](**own))
    except (ValueError, TypeError, KeyError, NotImplementedError, AttributeError, RuntimeError) as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    return int(wrapped.get_nb_trainable_parameters()[0])


class Settings:
    """What PEFT reads of a model's GPTQ config."""

    desc_act, group_size, bits, sym = False, 128, 4, True

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as transformers does."""
        return {"bits": self.bits}


SETTINGS = Settings()

if __name__ == "__main__":
    install()
    warnings.simplefilter("ignore")
    print(json.dumps([answer(*case) for case in json.load(sys.stdin)]))
