"""The lines in which trainers print a count: a format is declared once, with the code that prints it.

axolotl and TRL call PEFT's `print_trainable_parameters`. torchtune prints no count, and Lightning's summary rounds to
three digits, which tell too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A figure, and what may stand between the words of a line. Their lengths are limited, so that no line takes long.
FIGURE, GAP = r"[^\s|/()]{1,60}", r"[ \t]{0,8}"
# The characters before the anchor of a line, and from there on, that are looked at.
BEFORE, BEHIND = 100, 300
# Every process of a run prints its line, and a log may hold many runs: no more anchors than these are tried, from the end on.
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class FewLayers:
    """How programs choose a part of the layers: from which `ends`, and by a `default` how many where nobody says it.

    `source` is whose default that is.
    """

    ends: tuple[str, ...] = ("first", "last")
    default: int | None = None
    source: str = ""


ANY_LAYERS = FewLayers()


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A line by its pattern, whose groups are `trainable` and, where it says them, `all` and `percent`.

    `sources` are who prints it, and where in their code. The `anchor` is a part of every such line in lower case, and
    `example` is one of them. A figure of all parameters that is a multiple of `nominal` is a size in a model's name.
    `few_layers` are those that its programs may adapt alone.
    """

    name: str
    sources: tuple[str, ...]
    anchor: str
    pattern: str
    example: str
    nominal: int | None = None
    few_layers: FewLayers = ANY_LAYERS

    def matches(self, text: str, lower: str) -> Iterator[re.Match[str]]:
        """Yield each such line in a text, which is given in lower case, too, the last one first."""
        pattern = re.compile(self.pattern.replace("FIGURE", FIGURE).replace(" ", GAP), re.IGNORECASE)
        place, tried = lower.rfind(self.anchor), 0
        while place >= 0 and tried < MOST_LINES:
            start = max(place - BEFORE, 0)
            found = pattern.finditer(text, start, place + BEHIND)
            yield from (match for match in found if match.start() <= place < match.end())
            place, tried = lower.rfind(self.anchor, 0, place), tried + 1


LOG_FORMATS = {
    each.name: each
    for each in (
        LogFormat(
            "peft",
            (
                "PEFT: PeftModel.print_trainable_parameters; to 0.3 without commas, to 0.10 with all decimals",
                "LLaMA-Factory: llamafactory/model/loader.py; v1/plugins/model_plugins/peft.py without commas",
                "ms-swift: SwiftModel.get_trainable_parameters in swift/tuners/base.py",
                "qlora: print_trainable_parameters in qlora.py, which halves the first figure in 4 bits",
            ),
            "trainable params:",
            r"trainable params: (?P<trainable>FIGURE)"
            r"(?: \|\| all params: (?P<all>FIGURE)(?: \|\| trainable%?: (?P<percent>FIGURE))?)?",
            "trainable params: 41,943,040 || all params: 8,072,204,288 || trainable%: 0.5196",
        ),
        LogFormat(
            "unsloth",
            (
                "Unsloth: the banner in unsloth_zoo/compiler.py, in 2025 with / instead of of",
                "Unsloth: extract_approx_params_from_config read the size of a quantised model off its name in 2025",
            ),
            "trainable parameters =",
            r"trainable parameters = (?P<trainable>FIGURE)(?: of | ?/ ?)(?P<all>FIGURE)"
            r"(?: \((?P<percent>FIGURE)% trained\))?",
            ' "-____-"     Trainable parameters = 41,943,040 of 8,072,204,288 (0.52% trained)',
            nominal=100_000_000,
        ),
        LogFormat(
            "unsloth-mlx",
            ("Unsloth on MLX: FastMLXModel.get_peft_model in unsloth_zoo/mlx/loader.py",),
            "trainable params (",
            r"LoRA applied — (?P<trainable>FIGURE) trainable params \((?P<percent>FIGURE)% of (?P<all>FIGURE) total\)",
            "Unsloth: LoRA applied — 41,943,040 trainable params (0.52% of 8,072,204,288 total)",
        ),
        LogFormat(
            "ms-swift",
            ("ms-swift: get_model_parameter_info in swift/utils/transformers_utils.py",),
            "m params (",
            r"(?P<all>FIGURE) Params \((?P<trainable>FIGURE) Trainable \[(?P<percent>FIGURE)%\]\)",
            "PeftModelForCausalLM: 8072.2043M Params (41.9430M Trainable [0.5196%]), 0.0002M Buffers.",
        ),
        LogFormat(
            "mlx-lm",
            (
                "mlx-lm: print_trainable_parameters in mlx_lm/tuner/utils.py",
                "mlx-lm: linear_to_lora_layers, ibid., for the layers; CONFIG_DEFAULTS in mlx_lm/lora.py, whose rank is PEFT's",
            ),
            "trainable parameters:",
            r"Trainable parameters: (?P<percent>FIGURE)% \((?P<trainable>FIGURE)/(?P<all>FIGURE)\)",
            "Trainable parameters: 0.520% (41.943M/8072.204M)",
            few_layers=FewLayers(("last",), 16, "mlx-lm's default"),
        ),
        LogFormat(
            "transformers",
            (
                "transformers: Trainer._inner_training_loop, through get_model_param_count",
                "Unsloth: unsloth_zoo/training_utils.py, and the banner of 2024",
                "LLaMA-Factory: train/ppo/trainer.py",
            ),
            "number of trainable parameters =",
            r"number of trainable parameters = (?P<trainable>FIGURE)",
            "  Number of trainable parameters = 41,943,040",
        ),
    )
}


def few_layers(form: str) -> FewLayers:
    """Return how the programs of a format choose a part of the layers; a figure alone is of no format."""
    return LOG_FORMATS[form].few_layers if form in LOG_FORMATS else ANY_LAYERS
