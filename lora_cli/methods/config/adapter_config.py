"""PEFT's `AdapterConfig`, as far as it decides what is adapted and how much of it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config import peft_fields as fields
from lora_cli.methods.config.peft_fields import Names
from lora_cli.methods.method import (
    EVERYWHERE,
    LAYERS_WITH_TEXT,
    PATTERN_ALONE,
    PATTERN_WITH_TEXT,
    TARGETING,
    Method,
    Settings,
)
from lora_cli.methods.parts.lora_variants import Blocks, Samples, blocks, kasa, samples
from lora_cli.methods.registry import METHODS, PROMPTS, method_named
from lora_cli.models.config import Config

BIASES = ("none", "all", "lora_only")
TASKS = ("SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION")
# Heads that PEFT trains whole, as `modules_to_save`, for a task (peft_model.py).
TASK_HEADS = {
    "SEQ_CLS": ("classifier", "score"),
    "TOKEN_CLS": ("classifier", "score"),
    "QUESTION_ANS": ("qa_outputs",),
}

# Their configs have no modules_to_save.
WITHOUT_HEADS = ("adaption_prompt",)


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """`peft.LoraConfig`: the fields that change a count or refuse one, under PEFT's names and with its defaults.

    Another `method` has some of these, and `settings` of its own; what only LoRA has keeps its default then.
    The `label` is what an answer calls it, as dora; `adapter_dtype` is the type that its values are saved in
    where that is not PEFT's own choice, as safetensors calls it.
    """

    r: int = 8
    target_modules: Names | str | None = None
    exclude_modules: Names | str = ()
    layers_to_transform: tuple[int, ...] | None = None
    layers_pattern: Names | None = None
    layer_replication: tuple[tuple[int, int], ...] = ()
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    modules_to_save: Names = ()
    target_parameters: Names | None = None
    trainable_token_indices: Mapping[str, tuple[int, ...]] | None = None
    ensure_weight_tying: bool = False
    bias: str = "none"
    lora_bias: bool = False
    use_dora: bool = False
    lora_dropout: float = 0.0
    fan_in_fan_out: bool = False
    task_type: str | None = None
    init_lora_weights: bool | str | None = True
    loftq_config: Mapping[str, Any] = field(default_factory=dict)
    velora_groups: int | None = None
    alora_invocation_tokens: bool = False
    use_qalora: bool = False
    use_bdlora: Blocks | None = None
    kasa_config: bool = False
    monteclora_config: Samples | None = None
    method: str = "lora"
    settings: Any = None
    label: str = "lora"
    adapter_dtype: str | None = None

    def __post_init__(self) -> None:
        """Refuse what PEFT's own `__post_init__` refuses."""
        self._check_layers(method_named(self.method).layer_rules)
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

    def _check_layers(self, checks: frozenset[str]) -> None:
        text = isinstance(self.target_modules, str)
        if text and self.layers_to_transform is not None and LAYERS_WITH_TEXT in checks:
            raise InvalidInput("layers_to_transform goes with a list of target_modules, not with a text; leave one out")
        if text and self.layers_pattern is not None and PATTERN_WITH_TEXT in checks:
            raise InvalidInput("layers_pattern goes with a list of target_modules, not with a text; leave one out")
        if self.layers_pattern and self.layers_to_transform is None and PATTERN_ALONE in checks:
            raise InvalidInput("layers_pattern needs layers_to_transform; give the layers too")

    @property
    def velora_config(self) -> bool:
        """Whether VeLoRA is on."""
        return self.velora_groups is not None

    @property
    def saved(self) -> Names:
        """The modules that are trained whole: those named, and the task's head."""
        heads = () if self.method in WITHOUT_HEADS else TASK_HEADS.get(self.task_type or "", ())
        return self.modules_to_save + heads


def read_adapter_config(config: Config, label: str | None = None) -> tuple[AdapterConfig, list[str]]:
    """Return the config that an adapter_config.json holds, and its fields that nobody knows.

    Without a `label`, LoRA with use_dora is called dora, and anything else by its method's name.
    """
    fields.not_null(config, "peft_type")
    peft_type = config.text("peft_type", default="LORA")
    name = peft_type.lower()
    if name not in METHODS or peft_type != name.upper():
        raise InvalidInput(f"{config.source}: peft_type {quote(peft_type)} is not known; `lora-cli methods` lists all")
    read, unknown = read_lora(config) if name == "lora" else _read_other(config, method_named(name))
    return replace(read, label=(label or ("dora" if read.use_dora else name)).lower()), unknown


# Fields that choose among a model's modules, and mean nothing for one matrix.
CHOOSING = TARGETING | {"rank_pattern", "target_parameters", "trainable_token_indices", "layer_replication"}


def on_one_matrix(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config's fields for the module W alone: what chooses among a model's modules is left out."""
    name = str(fields.get("peft_type")).lower()
    if name in PROMPTS:
        raise InvalidInput(f"{name} adds to a model, and a matrix alone is none; give a model (--model)")
    return {name: value for name, value in fields.items() if name not in CHOOSING} | {"target_modules": ["W"]}


def _read_other(config: Config, method: Method) -> tuple[AdapterConfig, list[str]]:
    """Return the config of a method whose fields are declared with it."""
    if method.read_config:
        found: tuple[AdapterConfig, list[str]] = method.read_config(config)
        return found
    has = method.shared_fields | ({"r"} if method.rank is not None else set())

    def common(field: str, read: Callable[[Config, str], Any], default: Any) -> Any:
        return read(config, field) if field in has and config.fields.get(field) is not None else default

    for pattern in ("rank_pattern", "alpha_pattern"):
        if config.fields.get(pattern) and pattern not in has | method.fields.keys():
            raise InvalidInput(f"{config.source}: method {method.name} has no {pattern}; leave it out")
    settings = Settings({field: read(config, field) for field, read in method.fields.items()})
    method.check_settings(settings)
    return (
        AdapterConfig(
            r=config.size("r", default=method.rank) if method.rank is not None else 0,
            target_modules=common("target_modules", fields.names_or_text, None),
            exclude_modules=common("exclude_modules", fields.names_or_text, ()),
            layers_to_transform=common("layers_to_transform", fields.numbers, None),
            layers_pattern=common("layers_pattern", fields.names, None),
            rank_pattern=common("rank_pattern", fields.ranks, {}),
            modules_to_save=common("modules_to_save", fields.names, ()),
            bias=config.text("bias", default="none") if "bias" in has else "none",
            task_type=config.text("task_type", default="") if config.fields.get("task_type") is not None else None,
            method=method.name,
            settings=settings,
        ),
        sorted(field for field in config.fields if field not in has | method.fields.keys() | EVERYWHERE),
    )


def read_lora(config: Config) -> tuple[AdapterConfig, list[str]]:
    """Return LoRA's config, and the fields that it does not have."""
    if config.fields.get("arrow_config") is not None:
        raise InvalidInput(
            f"{config.source}: arrow_config routes between adapters that are trained already, and trains nothing; "
            "PEFT takes it from create_arrow_model alone: leave it out"
        )
    if config.fields.get("megatron_config"):
        raise InvalidInput(
            f"{config.source}: megatron_config adapts the parallel layers of megatron.core, which are not known here; "
            "leave it out"
        )
    fields.not_null(config, *NEVER_NULL)
    fields.check_variants(config)
    config.real("lora_alpha", default=8.0)
    fields.scales(config, "alpha_pattern")
    config.flag("use_rslora", default=False)
    layers = config.fields.get("layers_to_transform")
    return (
        AdapterConfig(
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
            velora_groups=fields.velora_groups(config),
            alora_invocation_tokens=bool(config.items("alora_invocation_tokens")),
            use_qalora=config.flag("use_qalora", default=False),
            use_bdlora=blocks(config),
            kasa_config=kasa(config),
            monteclora_config=samples(config),
        ),
        sorted(name for name in config.fields if name not in KNOWN),
    )


NEVER_NULL = ("r", "lora_alpha", "lora_dropout", "bias", "rank_pattern", "alpha_pattern")
# Checked for what PEFT refuses, and without effect on a count.
CHECKED = ("lora_alpha", "alpha_pattern", "use_rslora", "eva_config", "corda_config", "lora_ga_config")
# The rest of AdapterConfig: where an adapter comes from and how it runs.
UNIMPORTANT = (
    "peft_type",
    "peft_version",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "arrow_config",
    "megatron_config",
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
)
KNOWN = frozenset((*CHECKED, *UNIMPORTANT, "velora_config")) | frozenset(AdapterConfig.__dataclass_fields__) - {
    "velora_groups",
    "method",
    "settings",
    "label",
    "adapter_dtype",
}


def lora_defaults() -> dict[str, object]:
    """Return the fields of AdapterConfig that are read, with PEFT's defaults; None where it has none.

    >>> lora_defaults()["lora_alpha"], lora_defaults()["use_dora"]
    (8, False)
    """
    read = AdapterConfig()
    own = {name: getattr(read, name, None) for name in sorted(KNOWN - EVERYWHERE - TARGETING)}
    return own | {"lora_alpha": 8, "use_rslora": False, "velora_config": None}
