"""The keys of LoRA adapters from before transformers 5, which PEFT converts when it loads them.

`peft/utils/transformers_weight_conversion.py`: `convert_peft_adapter_state_dict_for_transformers`;
`transformers/conversion_mapping.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lora_cli.methods.targeting.model_types import EXPERTS, Experts
from lora_cli.models.peft_names import BASE_MODEL

Sizes = tuple[int, ...]

# Models of a tower and a language model, which once held the whole model for text with its head.
TEXT_TYPES = frozenset(
    (
        "aria",
        "audioflamingo3",
        "aya_vision",
        "fuyu",
        "gemma3",
        "glmasr",
        "got_ocr2",
        "granite_speech",
        "granite_speech_plus",
        "internvl",
        "llava",
        "llava_next",
        "llava_next_video",
        "llava_onevision",
        "mistral3",
        "mllama",
        "musicflamingo",
        "paligemma",
        "pp_chart2table",
        "qwen2_audio",
        "video_llava",
        "vipllava",
        "voxtral",
        "voxtral_realtime",
    )
)
# Those of them whose tower is one of CLIP or SigLIP, which was a `vision_model` within the tower.
TOWER_TYPES = frozenset(
    (
        "aya_vision",
        "gemma3",
        "llava",
        "llava_next",
        "llava_next_video",
        "llava_onevision",
        "paligemma",
        "vipllava",
    )
)
MOVED_TEXT = (
    (re.compile(r"^language_model\.lm_head\."), "lm_head."),
    (re.compile(r"^language_model\.model\."), "model.language_model."),
)
MOVED_TOWER = ((re.compile(r"^(model\.)?vision_tower\.vision_model\."), "model.vision_tower."),)
LORA = ".lora_"
EXPERT_KEY = re.compile(r"(?P<experts>.*\.experts)\.\d+\.(?P<part>[^.]+)\.(?P<factor>lora_[AB])\.weight")
# A fusion that has no other beside it within PEFT's wrapper is the outer one.
INNER, OUTER = ".base_layer", ""


def shapes_when_loaded(shapes: Mapping[str, Sizes], model_type: str) -> dict[str, Sizes]:
    """Return the shapes of LoRA's tensors as PEFT loads them: under the names of today, experts fused.

    >>> shapes_when_loaded({"base_model.model.language_model.model.norm.lora_A.weight": (2, 8)}, "llava")
    {'base_model.model.model.language_model.norm.lora_A.weight': (2, 8)}
    """
    experts = EXPERTS.get(model_type)
    if experts is not None:
        return _fused(shapes, experts)
    moves = (MOVED_TEXT if model_type in TEXT_TYPES else ()) + (MOVED_TOWER if model_type in TOWER_TYPES else ())
    return {_moved(key, moves): sizes for key, sizes in shapes.items()} if moves else dict(shapes)


def _moved(key: str, moves: Sequence[tuple[re.Pattern[str], str]]) -> str:
    if LORA not in key:
        return key
    name = key.removeprefix(BASE_MODEL)
    move = next(((pattern, new) for pattern, new in moves if pattern.match(name)), None)
    return key if move is None else BASE_MODEL + move[0].sub(move[1], name)


def _fused(shapes: Mapping[str, Sizes], experts: Experts) -> dict[str, Sizes]:
    """Put the tensors of single experts together: an A below the other, and the B of what is fused block by block.

    Those of one kind must have one shape, as PEFT stacks them.
    """
    found: dict[str, Sizes] = {}
    parts: dict[str, dict[str, list[Sizes]]] = {}
    kept: dict[str, list[str]] = {}
    for key, sizes in shapes.items():
        name = key.replace(f".{experts.block}.", ".mlp.") if LORA in key else key
        match = EXPERT_KEY.fullmatch(name)
        new = experts.renamed.get(match["part"]) if match else None
        if match is None or new is None or len(sizes) != 2:
            found[name] = sizes
            continue
        wrapper = INNER if new in experts.fused else OUTER
        whole = f"{match['experts']}{wrapper}.{match['factor']}.weight"
        parts.setdefault(whole, {}).setdefault(match["part"], []).append(sizes)
        kept.setdefault(whole, []).append(key)
    for whole, stacks in parts.items():
        if any(len(set(stack)) > 1 for stack in stacks.values()):
            found |= {key: shapes[key] for key in kept[whole]}
            continue
        every = [sizes for stack in stacks.values() for sizes in stack]
        if whole.endswith("lora_A.weight"):
            found[whole] = sum(rows for rows, _ in every), every[0][1]
        else:
            found[whole] = sum(stack[0][0] for stack in stacks.values()), sum(columns for _, columns in every)
    return found
