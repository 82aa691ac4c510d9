"""The keys of LoRA adapters from before transformers 5, which PEFT converts when it loads them.

`peft/utils/transformers_weight_conversion.py`: `convert_peft_adapter_state_dict_for_transformers`;
`transformers/conversion_mapping.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lora_cli.methods.targeting.model_types import EXPERTS, TEXT_TYPES, TOWER_TYPES, Experts
from lora_cli.models.peft_names import BASE_MODEL

Sizes = tuple[int, ...]

MOVED_TEXT = (
    (re.compile(r"^language_model\.lm_head\."), "lm_head."),
    (re.compile(r"^language_model\.model\."), "model.language_model."),
)
MOVED_TOWER = ((re.compile(r"^(model\.)?vision_tower\.vision_model\."), "model.vision_tower."),)
LORA = ".lora_"
EXPERT_KEY = re.compile(r"(?P<experts>.*\.experts)\.\d+\.(?P<part>[^.]+)\.(?P<factor>lora_[AB])\..*")
# A fusion that has no other beside it within PEFT's wrapper is the outer one.
INNER, OUTER = ".base_layer", ""


def key_when_loaded(key: str, model_type: str) -> str:
    """Return the key under which PEFT loads a tensor: LoRA's under the names of today, those of single experts as one.

    On the model types that it converts, PEFT takes LoRA's keys with its own root or without; those of experts also with
    the root twice, and with an adapter's name.

    >>> key_when_loaded("base_model.model.language_model.model.norm.lora_A.weight", "llava")
    'base_model.model.model.language_model.norm.lora_A.weight'
    """
    if LORA not in key or not (model_type in EXPERTS or model_type in TEXT_TYPES):
        return key
    name = key.removeprefix(BASE_MODEL)
    if model_type in EXPERTS:
        return BASE_MODEL + _fused_key(name, EXPERTS[model_type])
    moves = MOVED_TEXT + (MOVED_TOWER if model_type in TOWER_TYPES else ())
    return BASE_MODEL + next((pattern.sub(new, name) for pattern, new in moves if pattern.match(name)), name)


def _fused_key(name: str, experts: Experts) -> str:
    name = name.replace(f".{experts.block}.", ".mlp.")
    match = EXPERT_KEY.fullmatch(name)
    new = experts.renamed.get(match["part"]) if match else None
    if match is None or new is None:
        return name
    return (
        f"{match['experts'].replace(BASE_MODEL, '')}{INNER if new in experts.fused else OUTER}.{match['factor']}.weight"
    )


def shapes_when_loaded(shapes: Mapping[str, Sizes], model_type: str) -> dict[str, Sizes]:
    """Return the shapes of a LoRA file's tensors as PEFT loads them.

    Those of single experts are put together, each A below the other, and the B of what is fused block by block. PEFT
    stacks the tensors of one kind, which must have one shape.
    """
    found: dict[str, Sizes] = {}
    stacks: dict[str, dict[str, dict[str, Sizes]]] = {}
    for key, sizes in shapes.items():
        match = EXPERT_KEY.fullmatch(key) if model_type in EXPERTS else None
        if match is None:
            found[key_when_loaded(key, model_type)] = sizes
        else:
            stacks.setdefault(key_when_loaded(key, model_type), {}).setdefault(match["part"], {})[key] = sizes
    for whole, parts in stacks.items():
        fused = _fused_shape([[*part.values()] for part in parts.values()], is_a=whole.endswith("lora_A.weight"))
        found |= (
            {key: sizes for part in parts.values() for key, sizes in part.items()} if fused is None else {whole: fused}
        )
    return found


def _fused_shape(parts: Sequence[Sequence[Sizes]], *, is_a: bool) -> Sizes | None:
    """Return the shape of single experts' A, or B, put together; `parts` are fused. None where PEFT cannot."""
    if any(len(set(part)) > 1 or len(part[0]) != 2 for part in parts):
        return None
    every = [sizes for part in parts for sizes in part]
    if is_a:
        return sum(rows for rows, _ in every), every[0][1]
    return sum(part[0][0] for part in parts), sum(columns for _, columns in every)
