"""PEFT's `LoraConfig`, as far as it decides what is adapted and how much of it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config, key

Names = tuple[str, ...]
BIASES = ("none", "all", "lora_only")
# Heads that PEFT trains whole, as `modules_to_save`, for a task (peft_model.py).
TASK_HEADS = {
    "SEQ_CLS": ("classifier", "score"),
    "TOKEN_CLS": ("classifier", "score"),
    "QUESTION_ANS": ("qa_outputs",),
}


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """`peft.LoraConfig`: the fields that change a count, under PEFT's names and with its defaults."""

    r: int = 8
    target_modules: Names | str | None = None
    exclude_modules: Names | str = ()
    layers_to_transform: tuple[int, ...] | None = None
    layers_pattern: Names = ()
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    modules_to_save: Names = ()
    target_parameters: Names | None = None
    trainable_token_indices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    bias: str = "none"
    lora_bias: bool = False
    use_dora: bool = False
    lora_dropout: float = 0.0
    fan_in_fan_out: bool = False
    task_type: str | None = None

    def __post_init__(self) -> None:
        """Refuse what PEFT's own `__post_init__` refuses."""
        if isinstance(self.target_modules, str) and self.layers_to_transform is not None:
            raise InvalidInput("layers_to_transform goes with a list of target_modules, not with a text; leave one out")
        if isinstance(self.target_modules, str) and self.layers_pattern:
            raise InvalidInput("layers_pattern goes with a list of target_modules, not with a text; leave one out")
        if self.layers_pattern and self.layers_to_transform is None:
            raise InvalidInput("layers_pattern needs layers_to_transform; give the layers too")
        if self.lora_bias and self.use_dora:
            raise InvalidInput("lora_bias does not go with use_dora; leave one out")
        if self.lora_dropout > 1:
            raise InvalidInput(f"lora_dropout is {self.lora_dropout}; a probability is at most 1")
        if self.bias not in BIASES:
            raise InvalidInput(f"bias is {quote(self.bias)}; choose from: {', '.join(BIASES)}")

    @property
    def saved(self) -> Names:
        """The modules that are trained whole: those named, and the task's head."""
        return self.modules_to_save + TASK_HEADS.get(self.task_type or "", ())


# The embedding of a model, whatever its name.
INPUT_EMBEDDINGS = ""


def read_adapter_config(config: Config) -> tuple[LoraConfig, list[str]]:
    """Return the config that an adapter_config.json holds, and its fields that nobody knows."""
    peft_type = config.text("peft_type", default="LORA")
    if peft_type != "LORA":
        raise InvalidInput(f"{config.source}: peft_type {quote(peft_type)} is not known yet; only LORA is")
    for name in UNCOUNTED:
        if config.fields.get(name):
            raise InvalidInput(f"{config.source}: {name} changes what is trained and is not known yet; leave it out")
    layers = config.fields.get("layers_to_transform")
    return (
        LoraConfig(
            r=config.size("r", default=8),
            target_modules=_names_or_text(config, "target_modules", None),
            exclude_modules=_names_or_text(config, "exclude_modules", ()) or (),
            layers_to_transform=None if layers is None else _numbers(config, "layers_to_transform"),
            layers_pattern=_names(config, "layers_pattern"),
            rank_pattern=_ranks(config),
            modules_to_save=_names(config, "modules_to_save"),
            target_parameters=_names(config, "target_parameters") or None,
            trainable_token_indices=_tokens(config),
            bias=config.text("bias", default="none"),
            lora_bias=config.flag("lora_bias", default=False),
            use_dora=config.flag("use_dora", default=False),
            lora_dropout=config.real("lora_dropout", default=0.0),
            fan_in_fan_out=config.flag("fan_in_fan_out", default=False),
            task_type=config.text("task_type", default="") or None,
        ),
        sorted(name for name in config.fields if name not in KNOWN),
    )


# Fields that change what is trained in ways that are not written down here.
UNCOUNTED = (
    "layer_replication",
    "use_qalora",
    "use_bdlora",
    "kasa_config",
    "monteclora_config",
    "arrow_config",
    "megatron_config",
    "ensure_weight_tying",
)
# The rest of LoraConfig: how an adapter starts, scales and runs, which changes no count.
UNIMPORTANT = (
    "peft_type",
    "peft_version",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "lora_alpha",
    "use_rslora",
    "init_lora_weights",
    "alpha_pattern",
    "megatron_core",
    "loftq_config",
    "eva_config",
    "corda_config",
    "lora_ga_config",
    "velora_config",
    "alora_invocation_tokens",
    "qalora_group_size",
    "runtime_config",
)
# Where PEFT takes one name as it takes a list of one.
TEXT_OR_LIST = ("layers_pattern",)
KNOWN = frozenset(UNCOUNTED + UNIMPORTANT) | frozenset(LoraConfig.__dataclass_fields__)


def _names(config: Config, name: str) -> Names:
    value = config.fields.get(name)
    values = [value] if isinstance(value, str) and name in TEXT_OR_LIST else value or []
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise InvalidInput(f"{config.source}: {name} is {quote(value)}; it must be a list of names")
    return tuple(values)


def _names_or_text(config: Config, name: str, default: Names | None) -> Names | str | None:
    value = config.fields.get(name)
    if value is None:
        return default
    return value if isinstance(value, str) else _names(config, name)


def _numbers(config: Config, name: str) -> tuple[int, ...]:
    value: Any = config.fields[name]
    values = value if isinstance(value, list) else [value]
    if not all(type(item) is int for item in values):
        raise InvalidInput(f"{config.source}: {key(name)} is {quote(value)}; it must be a list of whole numbers")
    return tuple(values)


def _ranks(config: Config) -> dict[str, int]:
    ranks = config.section("rank_pattern")
    return {name: ranks.needed(name) for name in ranks.fields}


def _tokens(config: Config) -> dict[str, tuple[int, ...]]:
    """Return which rows of which embedding are trained; PEFT trains a row that is named twice twice."""
    value = config.fields.get("trainable_token_indices")
    if not value:
        return {}
    named = value if isinstance(value, dict) else {INPUT_EMBEDDINGS: value}
    tokens = Config(named, f"{config.source}: trainable_token_indices")
    return {name: _numbers(tokens, name) for name in named}
