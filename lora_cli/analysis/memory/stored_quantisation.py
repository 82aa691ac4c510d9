"""What a config.json says of weights that are quantised already, as far as their training has a replay."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.analysis.memory.training import WIDTHS
from lora_cli.dtypes import full_name
from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.methods.method import LINEARS
from lora_cli.models.config import Config
from lora_cli.models.model import Model
from lora_cli.models.quantised_layers import FIELD, quantisation_section

# transformers trains these after it has turned them back: `Mxfp4Config(dequantize=True)`.
TURNED_BACK = "mxfp4"
NONE, INT8 = "none", "int8"
# By bitsandbytes' name of a type, and whether scales are quantised too.
FOUR_BITS = {("nf4", False): "nf4", ("nf4", True): "nf4-double"}
# What BitsAndBytesConfig has where its fields are not set.
DEFAULT_FOUR_BITS, DEFAULT_PRODUCTS = "fp4", "float32"


def quantisation(model: Model, asked: str | None, dtype: str) -> str:
    """Return how the weights are stored: as config.json says where they are quantised already, else as asked, if at all.

    It raises `InvalidInput` where both say something else, and for what has no replay.
    """
    config = quantisation_section(model)
    if config is None:
        return asked or NONE
    own = NONE if config.fields.get("quant_method") == TURNED_BACK else _of_bitsandbytes(model, config, dtype)
    if asked not in {None, own}:
        said = TURNED_BACK if own == NONE else own
        raise InvalidInput(
            f"{argument('quantize')}: {asked} contradicts the {FIELD} of {model.name}, which says {said}; "
            f"drop {argument('quantize')}"
        )
    return own


def quantisation_note(model: Model) -> str | None:
    """Return what to say of weights that are quantised already."""
    config = quantisation_section(model)
    if config is None:
        return None
    if config.fields.get("quant_method") == TURNED_BACK:
        return (
            f"the {FIELD} of {model.name} says {TURNED_BACK}, which transformers turns back for a training "
            "(Mxfp4Config(dequantize=True)), so it is counted unquantised"
        )
    return f"it is quantised as the {FIELD} of {model.name} says"


def _of_bitsandbytes(model: Model, config: Config, dtype: str) -> str:
    """Return what bitsandbytes stores, as transformers reads it: these two fields come before the name of a method."""
    four, eight = (config.flag(f"load_in_{bits}bit", default=False) for bits in (4, 8))
    if not four and not eight:
        method = config.fields.get("quant_method")
        raise _refusal(model, f"{quote(method)}, whose training" if method else "no quant_method, and its training")
    skipped = config.items("llm_int8_skip_modules")
    if skipped is not None and _skipped(model, skipped) != {model.output}:
        raise _refusal(model, f"llm_int8_skip_modules {quote(skipped)}, whose training")
    if not four:
        return INT8
    kind = config.text("bnb_4bit_quant_type", default=DEFAULT_FOUR_BITS)
    known = FOUR_BITS.get((kind, config.flag("bnb_4bit_use_double_quant", default=False)))
    if known is None:
        raise _refusal(model, f"bnb_4bit_quant_type {quote(kind)}, whose training")
    products = full_name(config.text("bnb_4bit_compute_dtype", default=DEFAULT_PRODUCTS))
    if WIDTHS.get(products) != WIDTHS[dtype]:
        raise _refusal(model, f"bnb_4bit_compute_dtype {quote(products)}, whose training beside {dtype}")
    return known


def _skipped(model: Model, entries: Iterable[object]) -> set[str]:
    """Return the Linears that entries name by their start or their end (`should_convert_module`)."""
    ends = tuple(entry for entry in entries if isinstance(entry, str))
    starts = tuple(f"{entry}." for entry in ends)
    return {
        module.name
        for module in model.modules
        if module.kind in LINEARS and (f"{module.name}.".startswith(starts) or module.name.endswith(ends))
    }


def _refusal(model: Model, said: str) -> InvalidInput:
    return InvalidInput(
        f"the {FIELD} of {model.name} says {said} has no replay; give the name or config.json of the model before quantisation, "
        f"with {argument('quantize')}"
    )
