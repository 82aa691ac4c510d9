"""PEFT's `LoraConfig`, as far as it decides what is adapted and how much of it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods import config_fields as fields
from lora_cli.methods.config_fields import Names
from lora_cli.models.config import Config

BIASES = ("none", "all", "lora_only")
TASKS = ("SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION")
# Heads that PEFT trains whole, as `modules_to_save`, for a task (peft_model.py).
TASK_HEADS = {
    "SEQ_CLS": ("classifier", "score"),
    "TOKEN_CLS": ("classifier", "score"),
    "QUESTION_ANS": ("qa_outputs",),
}


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """`peft.LoraConfig`: the fields that change a count or refuse one, under PEFT's names and with its defaults."""

    r: int = 8
    target_modules: Names | str | None = None
    exclude_modules: Names | str = ()
    layers_to_transform: tuple[int, ...] | None = None
    layers_pattern: Names | None = None
    layer_replication: tuple[tuple[int, int], ...] = ()
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    modules_to_save: Names = ()
    target_parameters: Names | None = None
    trainable_token_indices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ensure_weight_tying: bool = False
    bias: str = "none"
    lora_bias: bool = False
    use_dora: bool = False
    lora_dropout: float = 0.0
    fan_in_fan_out: bool = False
    task_type: str | None = None
    init_lora_weights: bool | str | None = True
    loftq_config: Mapping[str, Any] = field(default_factory=dict)
    velora_config: bool = False
    alora_invocation_tokens: bool = False

    def __post_init__(self) -> None:
        """Refuse what PEFT's own `__post_init__` refuses."""
        if isinstance(self.target_modules, str) and self.layers_to_transform is not None:
            raise InvalidInput("layers_to_transform goes with a list of target_modules, not with a text; leave one out")
        if isinstance(self.target_modules, str) and self.layers_pattern is not None:
            raise InvalidInput("layers_pattern goes with a list of target_modules, not with a text; leave one out")
        if self.layers_pattern and self.layers_to_transform is None:
            raise InvalidInput("layers_pattern needs layers_to_transform; give the layers too")
        if self.lora_bias and self.use_dora:
            raise InvalidInput("lora_bias does not go with use_dora; leave one out")
        if self.lora_bias and not isinstance(self.init_lora_weights, bool):
            raise InvalidInput(
                f"lora_bias does not go with init_lora_weights {quote(self.init_lora_weights)}; "
                "give true or false there, or leave one out"
            )
        if self.lora_dropout > 1:
            raise InvalidInput(f"lora_dropout is {self.lora_dropout}; a probability is at most 1")
        # PEFT reads any ending in _only as its own: vera_only is lora_only here.
        if self.bias not in BIASES and not self.bias.endswith("_only"):
            raise InvalidInput(f"bias is {quote(self.bias)}; choose from: {', '.join(BIASES)}")
        if self.task_type is not None and self.task_type not in TASKS:
            raise InvalidInput(f"task_type is {quote(self.task_type)}; choose from: {', '.join(TASKS)}")
        if self.init_lora_weights == "loftq" and not self.loftq_config:
            raise InvalidInput(
                "init_lora_weights 'loftq' needs a loftq_config, such as {'loftq_bits': 4, 'loftq_iter': 1}"
            )

    @property
    def saved(self) -> Names:
        """The modules that are trained whole: those named, and the task's head."""
        return self.modules_to_save + TASK_HEADS.get(self.task_type or "", ())


def read_adapter_config(config: Config) -> tuple[LoraConfig, list[str]]:
    """Return the config that an adapter_config.json holds, and its fields that nobody knows."""
    peft_type = config.text("peft_type", default="LORA")
    if peft_type != "LORA":
        raise InvalidInput(f"{config.source}: peft_type {quote(peft_type)} is not known yet; only LORA is")
    for name in UNCOUNTED:
        value = config.fields.get(name)
        # For PEFT an empty object switches its class's defaults on.
        if value or (name in CLASSES and value is not None and value is not False):
            raise InvalidInput(f"{config.source}: {name} changes what is trained and is not known yet; leave it out")
    fields.not_null(config, *NEVER_NULL)
    fields.check_variants(config)
    config.real("lora_alpha", default=8.0)
    fields.scales(config, "alpha_pattern")
    config.flag("use_rslora", default=False)
    layers = config.fields.get("layers_to_transform")
    return (
        LoraConfig(
            r=config.size("r", default=8),
            target_modules=fields.names_or_text(config, "target_modules"),
            exclude_modules=fields.names_or_text(config, "exclude_modules") or (),
            layers_to_transform=None if layers is None else fields.numbers(config, "layers_to_transform"),
            layers_pattern=fields.names(config, "layers_pattern"),
            layer_replication=fields.ranges(config, "layer_replication"),
            rank_pattern=fields.ranks(config, "rank_pattern"),
            modules_to_save=fields.names(config, "modules_to_save") or (),
            target_parameters=fields.names(config, "target_parameters") or None,
            trainable_token_indices=fields.tokens(config),
            ensure_weight_tying=config.flag("ensure_weight_tying", default=False),
            bias=config.text("bias", default="none"),
            lora_bias=config.flag("lora_bias", default=False),
            use_dora=config.flag("use_dora", default=False),
            lora_dropout=config.real("lora_dropout", default=0.0),
            fan_in_fan_out=config.flag("fan_in_fan_out", default=False),
            task_type=config.text("task_type", default="") if config.fields.get("task_type") is not None else None,
            init_lora_weights=fields.start(config),
            loftq_config=fields.loftq(config),
            velora_config=config.fields.get("velora_config") is not None,
            alora_invocation_tokens=bool(config.items("alora_invocation_tokens")),
        ),
        sorted(name for name in config.fields if name not in KNOWN),
    )


# Fields that change what is trained in ways that are not written down here.
UNCOUNTED = ("use_qalora", "use_bdlora", "kasa_config", "monteclora_config", "arrow_config", "megatron_config")
CLASSES = ("use_bdlora", "kasa_config", "monteclora_config", "arrow_config")
NEVER_NULL = ("r", "lora_alpha", "lora_dropout", "bias", "rank_pattern", "alpha_pattern")
# Checked for what PEFT refuses, and without effect on a count.
CHECKED = ("lora_alpha", "alpha_pattern", "use_rslora", "eva_config", "corda_config", "lora_ga_config")
# The rest of LoraConfig: where an adapter comes from and how it runs.
UNIMPORTANT = (
    "peft_type",
    "peft_version",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
)
KNOWN = frozenset(UNCOUNTED + CHECKED + UNIMPORTANT) | frozenset(LoraConfig.__dataclass_fields__)
