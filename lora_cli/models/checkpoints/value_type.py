"""The type in which transformers loads a checkpoint whose config.json names none."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.dtypes import BY_TORCH_NAME, VALUE_TYPES
from lora_cli.models.checkpoints.safetensors_header import Stored

LOADED = frozenset(BY_TORCH_NAME[name].name for name in VALUE_TYPES)


def value_type(stored: Mapping[str, Stored]) -> str:
    """Return the type of the first float in the first file, by name (`transformers.modeling_utils._get_dtype`).

    Packed values are of other types; where there is nothing else, it is float32.
    """
    first = min((tensor.path for tensor in stored.values()), default="")
    types = (stored[name].dtype for name in sorted(stored) if stored[name].path == first)
    return next((dtype for dtype in types if dtype in LOADED), "F32")
