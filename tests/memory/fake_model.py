"""Build a model with its adapter as transformers and PEFT do, of fake tensors: sizes and types, no values."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import peft
import torch
import transformers
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.memory.bitsandbytes_stub import quantise

CLASSES = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "IMAGE_CLS": "AutoModelForImageClassification",
}


# The heads that PEFT trains whole for a task, which must be left out of a quantised base by hand.
HEADS = {"SEQ_CLS": ("classifier", "score"), "TOKEN_CLS": ("classifier", "score"), "QUESTION_ANS": ("qa_outputs",)}


class CannotRun(NotImplementedError):
    """What the oracle does not model: it says so by name and never guesses."""


def load_config(config: Mapping[str, Any]) -> Any:
    """Return transformers' own config, without a cache."""
    fields = {name: value for name, value in config.items() if name not in ("model_type", "transformers_version")}
    built = transformers.AutoConfig.for_model(config["model_type"], **fields)
    text = built.get_text_config()
    built.use_cache = text.use_cache = False
    return built


def peft_config(adapter: Mapping[str, Any]) -> Any:
    """Return PEFT's config; a head's task that PEFT has no word for is left out."""
    cls = peft.PEFT_TYPE_TO_CONFIG_MAPPING[adapter.get("peft_type", "LORA")]
    names = {field.name for field in dataclasses.fields(cls)}
    fields = {name: value for name, value in adapter.items() if name in names and name != "peft_type"}
    if fields.get("task_type") == "IMAGE_CLS":
        del fields["task_type"]
    return cls(**fields)


def auto_class(task: str, built: Any) -> Any:
    """Return what builds a model for a task; a composite, which is given text only, is not among the causal ones."""
    auto = getattr(transformers, CLASSES[task])
    is_composite = task == "CAUSAL_LM" and type(built) not in auto._model_mapping
    return transformers.AutoModelForImageTextToText if is_composite else auto


def keep_in_float(model: nn.Module, dtype: torch.dtype) -> None:
    """Turn into float32 what loading keeps in it beside this type (`_keep_in_fp32_modules`)."""
    from transformers.core_model_loading import build_glob_alternation

    if plan := model._get_dtype_plan(dtype):
        kept, _, _ = build_glob_alternation([*plan])
        for name, tensor in model.state_dict(keep_vars=True).items():
            if kept.search(name):
                tensor.data = tensor.data.float()


def build(config: Mapping[str, Any], adapter: Mapping[str, Any], task: str, settings: Any) -> nn.Module:
    """Return the adapted model on the meta device; without an adapter everything is trained."""
    transformers.logging.set_verbosity_error()
    dtype, built = getattr(torch, settings.dtype), load_config(config)
    auto = auto_class(task, built)
    with torch.device("meta"):
        model = auto.from_config(built, dtype=dtype, attn_implementation=settings.attention)
        keep_in_float(model, dtype)
        if settings.checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.enable_input_require_grads()
        if settings.quant:
            if adapter.get("peft_type", "LORA") != "LORA" or not adapter:
                raise CannotRun(f"{adapter.get('peft_type', 'full fine-tuning')} on a quantised base is not modelled")
            quantise(model, settings.quant, dtype, HEADS.get(task, ()))
            if settings.kbit_prepare:
                peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        if adapter:
            own_type = settings.adapter_dtype == "float32"
            model = peft.get_peft_model(model, peft_config(adapter), autocast_adapter_dtype=own_type)
    return model.train()


def _adapter_parameters(model: nn.Module) -> set[int]:
    """Return which parameters PEFT casts as the adapter's own, apart from full copies."""
    found: set[int] = set()
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            for name in module.adapter_layer_names:
                part = getattr(module, name, None)
                if isinstance(part, nn.Parameter):
                    found.add(id(part))
                elif isinstance(part, nn.Module):
                    found |= {id(parameter) for parameter in part.parameters()}
    return found


def _fake(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype)


def _make_attributes_fake(module: nn.Module) -> None:
    """Replace buffers, and tensors that are attributes or stand in a dictionary of one, as prompt tokens do."""
    for name, buffer in module.named_buffers(recurse=False):
        module._buffers[name] = _fake(buffer)
    for holder in (vars(module), *(value for value in vars(module).values() if type(value) is dict)):
        for name, value in holder.items():
            if isinstance(value, torch.Tensor) and value.device.type == "meta":
                holder[name] = _fake(value)


def make_fake(model: nn.Module, mode: FakeTensorMode, settings: Any) -> None:
    """Replace every meta tensor of a model by a fake one, the adapter's own in the type that PEFT leaves on a card.

    PEFT makes them in float32, moves them to the base's type where that is a float or has another one to compute in, as
    4-bit layers do (`compute_dtype`), and back to float32 by default.
    """
    of_adapter = _adapter_parameters(model)
    keeps_base = settings.adapter_dtype == "base" and settings.quant != "int8"
    own = getattr(torch, settings.dtype) if keeps_base else torch.float32
    copies: dict[int, nn.Parameter] = {}

    def replaced(parameter: nn.Parameter) -> nn.Parameter:
        if id(parameter) not in copies:
            adapts = id(parameter) in of_adapter and parameter.requires_grad and parameter.dtype.is_floating_point
            new = torch.empty(parameter.shape, dtype=own if adapts else parameter.dtype)
            copies[id(parameter)] = nn.Parameter(new, requires_grad=parameter.requires_grad)
        return copies[id(parameter)]

    with mode:
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                module._parameters[name] = replaced(parameter)
            _make_attributes_fake(module)
