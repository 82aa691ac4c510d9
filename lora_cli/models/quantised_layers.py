"""Which Linears of a model its `quantization_config` turns into other layers, which PEFT's methods may not take.

`transformers.quantizers`, `transformers.integrations`: the class that each quantisation puts in place of a Linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import ascii_letters, digits
from typing import Any, NamedTuple

from lora_cli.errors import quote
from lora_cli.models.config import Config
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module
from lora_cli.models.parts.layers import LANGUAGE_MODEL

FIELD = "quantization_config"
# A number in a name is that of a layer where a module is inside it.
INSIDE_LAYER = slice(1, -1)
LINEARS = ("Linear", "Conv1D")
# Where each quantisation lists what it leaves as it is: by the start, the end or a part of a name.
SKIPPED = ("modules_to_not_convert", "llm_int8_skip_modules", "linear_weights_not_to_quantize", "skip_modules")
# An entry of other characters is a regular expression.
PLAIN = frozenset(f"{ascii_letters}{digits}._-")
# Without the first, HQQ's quant_config has settings by names and leaves out what it does not name; so has torchao's.
HQQ_WEIGHTS, BY_NAMES = "weight_quant_params", "FqnToConfig"
# bitsandbytes can pack its four bits into another type, which PEFT then takes for the weight's own.
PACKED_TYPES = (None, "uint8")


class QuantisedLayer(NamedTuple):
    """What a quantisation makes of a Linear.

    `title` is its name for people, `kinds` are the modules that it is made of, and `is_linear` says whether its class is
    derived from torch's Linear or is that itself.
    """

    title: str
    kinds: tuple[str, ...] = ("Linear",)
    is_linear: bool = False


# By quant_method. What a class outside transformers and PEFT derives from is not told here, nor what depends on more fields.
LAYERS: Mapping[str, QuantisedLayer] = {
    "bitsandbytes": QuantisedLayer("bitsandbytes", LINEARS, is_linear=True),
    "compressed-tensors": QuantisedLayer("compressed-tensors", is_linear=True),
    "fbgemm_fp8": QuantisedLayer("FBGEMM FP8", is_linear=True),
    "fp8": QuantisedLayer("FP8", is_linear=True),
    "metal": QuantisedLayer("Metal", is_linear=True),
    "mxfp4": QuantisedLayer("MXFP4", (), is_linear=True),
    "mxfp8": QuantisedLayer("MXFP8", is_linear=True),
    "quanto": QuantisedLayer("Quanto", is_linear=True),
    "torchao": QuantisedLayer("torchao", is_linear=True),
    "aqlm": QuantisedLayer("AQLM"),
    "awq": QuantisedLayer("AWQ"),
    "eetq": QuantisedLayer("EETQ"),
    "gptq": QuantisedLayer("GPTQ", LINEARS),
    "higgs": QuantisedLayer("HIGGS"),
    "hqq": QuantisedLayer("HQQ"),
}
# The layers that a method takes which asks for a Linear.
LINEAR_LAYERS = tuple(name for name, layer in LAYERS.items() if layer.is_linear)


def quantisation_section(model: Model) -> Config | None:
    """Return the `quantization_config` of the model's config.json, None where there is none or an empty one."""
    if model.config is None or not model.config.fields.get(FIELD):
        return None
    return model.config.section(FIELD)


def quantisation_method(model: Model) -> str | None:
    """Return the quant_method of the model's config.json: "" where it has none, None where nothing is quantised.

    As in transformers, bitsandbytes is known by its own two fields, too.
    """
    config = quantisation_section(model)
    if config is None:
        return None
    if any(config.flag(f"load_in_{bits}bit", default=False) for bits in (4, 8)):
        return "bitsandbytes"
    return config.text("quant_method", default="")


def quantised_names(model: Model) -> frozenset[str]:
    """Return the modules that are surely quantised: the Linears inside a language model's layers that no field leaves out.

    Heads and embeddings usually stay as they are. Where a field chooses modules by patterns, none is sure.
    """
    config, layer = quantisation_section(model), LAYERS.get(quantisation_method(model) or "")
    if config is None or layer is None or _is_unsure(config):
        return frozenset()
    skipped = [str(entry).removesuffix(".weight") for entry in _entries(config, *SKIPPED)]
    within = config.text("block_name_to_quantize", default="")
    chosen = tuple(str(entry) for entry in _flat(config.items("modules_in_block_to_quantize")))
    towers = tuple(f"{name}." for name, what in model.parts.items() if what != LANGUAGE_MODEL)
    return frozenset(
        module.name
        for module in model.modules
        if module.kind in layer.kinds and _is_in_layer(module) and not module.name.startswith(towers)
        if module.name.startswith(f"{within}." if within else "") and module.name.endswith(chosen or ("",))
        if not any(f".{entry}." in f".{module.name}." or module.name.endswith(entry) for entry in skipped)
    )


def replaced_linears(model: Model) -> frozenset[str]:
    """Return the quantised modules whose layer is not a torch Linear any more."""
    layer = LAYERS.get(quantisation_method(model) or "")
    return frozenset() if layer is None or layer.is_linear else quantised_names(model)


def unknown_quantisation_note(model: Model) -> str | None:
    """Return what to say of a quantisation whose layers are not told here."""
    method = quantisation_method(model)
    if method is None or method in LAYERS:
        return None
    said = f"quant_method {quote(method)}, which is not known here" if method else "no quant_method"
    return (
        f"the {FIELD} of {model.name} has {said}; its layers are counted as plain Linears, though PEFT may refuse "
        "to adapt them"
    )


def _is_in_layer(module: Module) -> bool:
    return any(part.isdigit() for part in module.name.split(".")[INSIDE_LAYER])


def _is_unsure(config: Config) -> bool:
    """Whether fields may choose modules by regular expressions or by a package's rules, or pack them in a float type."""
    hqq = config.section("quant_config").fields
    by_names = BY_NAMES in str(config.fields.get("quant_type")) or (bool(hqq) and HQQ_WEIGHTS not in hqq)
    patterns = not all(PLAIN.issuperset(str(entry)) for entry in _entries(config, *SKIPPED))
    packed = config.fields.get("bnb_4bit_quant_storage") in PACKED_TYPES
    return by_names or patterns or bool(config.fields.get("dynamic")) or not packed


def _entries(config: Config, *names: str) -> Iterator[Any]:
    for name in names:
        yield from config.items(name) or ()


def _flat(entries: list[Any] | None) -> Iterator[Any]:
    for entry in entries or ():
        yield from entry if isinstance(entry, list) else (entry,)
