"""The config of an adapter, whatever its method: where it goes, its rank, and the method's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lora_cli.errors import InvalidInput, choices, quote
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.methods.config.peft_fields import Names

# The fields that most of PEFT's configs share and that decide where an adapter goes.
TARGETING = frozenset({"target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save"})
# The fields of every PEFT config: where an adapter comes from and what it is for.
EVERYWHERE = frozenset(
    {
        "peft_type",
        "task_type",
        "auto_mapping",
        "peft_version",
        "base_model_name_or_path",
        "revision",
        "inference_mode",
    }
)
# What PEFT's config classes refuse of the fields that choose layers: either of them beside a text as
# target_modules, and layers_pattern without layers_to_transform. Not every class checks all three.
LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, PATTERN_ALONE = "layers with text", "pattern with text", "pattern alone"
LAYER_RULES = frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, PATTERN_ALONE})
# The fields that hold values by patterns of names; PEFT ignores a pattern that matches nothing.
PATTERNS = ("rank_pattern", "alpha_pattern")
BIASES = ("none", "all", "lora_only")
TASKS = ("SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION")
# The tasks for which PEFT wraps a model that generates text.
GENERATING_TASKS = ("SEQ_2_SEQ_LM", "CAUSAL_LM")
# The heads that PEFT trains as full copies for a task (peft_model.py). Only for SEQ_CLS does it know them before it
# adapts the targets, and leaves them out of these.
TASK_HEADS = {
    "SEQ_CLS": ("classifier", "score"),
    "TOKEN_CLS": ("classifier", "score"),
    "QUESTION_ANS": ("qa_outputs",),
}


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """The fields of a PEFT config that change a count or may be refused, under PEFT's names and with its defaults.

    `settings` are the method's own fields. `layer_rules` and `has_task_heads` are facts of the method. `label` is the
    name shown to people, e.g. dora. `adapter_dtype` is safetensors' name for the type of the values in the file where
    PEFT's own choice is overridden. A value in a pattern is its error where it is wrong. `remarks` say what PEFT makes
    of fields that mean something else than they seem to. `notes` are about its source, and `revision` is the commit of a
    config from the Hub. `given` are its fields as they were written.
    """

    r: int = 8
    target_modules: Names | str | None = None
    exclude_modules: Names | str = ()
    layers_to_transform: tuple[int, ...] | None = None
    layers_pattern: Names | None = None
    layer_replication: tuple[tuple[int, int], ...] = ()
    rank_pattern: Mapping[str, int | InvalidInput] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float | InvalidInput] = field(default_factory=dict)
    modules_to_save: Names = ()
    target_parameters: Names | None = None
    trainable_token_indices: Mapping[str, tuple[int, ...]] | None = None
    ensure_weight_tying: bool = False
    bias: str = "none"
    task_type: str | None = None
    method: str = "lora"
    settings: object = LoraSettings()
    label: str = "lora"
    adapter_dtype: str | None = None
    layer_rules: frozenset[str] = LAYER_RULES
    has_task_heads: bool = True
    remarks: tuple[str, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    revision: str | None = field(default=None, compare=False)
    given: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Refuse what the `__post_init__` of PEFT's config classes refuses."""
        self._check_layers()
        # PEFT treats every value that ends in _only alike: vera_only means lora_only here.
        if self.bias not in BIASES and not self.bias.endswith("_only"):
            raise InvalidInput(f"bias is {quote(self.bias)}; choose from: {', '.join(BIASES)}")
        if self.task_type is not None and self.task_type not in TASKS:
            raise InvalidInput(f"task_type is {quote(self.task_type)}; {choices(self.task_type, TASKS)}")

    def _check_layers(self) -> None:
        is_text, rules = isinstance(self.target_modules, str), self.layer_rules
        if is_text and self.layers_to_transform is not None and LAYERS_WITH_TEXT in rules:
            raise InvalidInput("layers_to_transform needs target_modules to be a list, not a string; drop one of them")
        if is_text and self.layers_pattern is not None and PATTERN_WITH_TEXT in rules:
            raise InvalidInput("layers_pattern needs target_modules to be a list, not a string; drop one of them")
        if self.layers_pattern and self.layers_to_transform is None and PATTERN_ALONE in rules:
            raise InvalidInput("layers_pattern needs layers_to_transform; give the layers too")

    @property
    def lora(self) -> LoraSettings:
        """LoRA's own settings; their defaults for any other method."""
        # AdaLoRA's settings extend LoRA's, but its layers follow none of them.
        return self.settings if type(self.settings) is LoraSettings else LoraSettings()

    @property
    def untargeted_copy_names(self) -> Names:
        """The full copies that PEFT leaves out of the targets: all but the heads that it adds after it has adapted these."""
        return self.full_copy_names if self.task_type == "SEQ_CLS" else self.modules_to_save

    @property
    def full_copy_names(self) -> Names:
        """The modules that are trained as full copies: those in `modules_to_save`, and the task's head."""
        return self.modules_to_save + self.task_heads

    @property
    def task_heads(self) -> Names:
        """The names that the task's head may have, which PEFT adds to `modules_to_save`."""
        return TASK_HEADS.get(self.task_type or "", ()) if self.has_task_heads else ()
