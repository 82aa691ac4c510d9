"""What vLLM 0.33.0 refuses in an adapter's config, whatever the model: rules as data.

`PEFTHelper._validate_features` and `validate_legal` in `vllm/lora/peft_helper.py`; what these do not check, the names of
the tensors tell `parse_fine_tuned_lora_name` in `vllm/lora/utils.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.lora_settings import LoraSettings

# The initialisations after which PEFT saves a plain LoRA (`PEFTHelper._init_is_supported`).
PLAIN_STARTS = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")
# The full copies that vLLM can have, in a model that classifies (`LoRAModelManager.supported_modules_to_save`).
CLASSIFIERS = ("score", "classifier")
MERGE = "merge it into the base model, and serve that"


class Refusal(NamedTuple):
    """Something that vLLM refuses: its code, what it is, whether a config has it, what vLLM says, and a remedy.

    `endings` are the ends of the keys that it brings into the file, `if_absent` the remedy where the file has none of
    them, and `values` are those of the config for which it is refused.
    """

    code: str
    what: str
    has: Callable[[AdapterConfig], object]
    said: str
    remedy: str = MERGE
    endings: tuple[str, ...] = ()
    if_absent: str | None = None
    values: Callable[[AdapterConfig], Sequence[object]] = lambda _: ()


def is_other_method(config: AdapterConfig) -> bool:
    """Whether a method is not LoRA; AdaLoRA's settings extend LoRA's, and vLLM does not know it."""
    return type(config.settings) is not LoraSettings


def full_copies(config: AdapterConfig) -> list[str]:
    """Return the full copies that no model of vLLM's can have."""
    return list(dict.fromkeys(name for name in config.full_copy_names if name not in CLASSIFIERS))


def classifiers(config: AdapterConfig) -> list[str]:
    """Return the full copies that only a model which classifies can have."""
    return list(dict.fromkeys(name for name in config.full_copy_names if name in CLASSIFIERS))


def changes_base(config: AdapterConfig) -> bool:
    """Whether the start of training took something out of the base weights, which PEFT does again when it loads."""
    start = config.lora.init_lora_weights
    return isinstance(start, str) and start.lower() not in PLAIN_STARTS


REFUSALS = (
    Refusal(
        "dora",
        "DoRA",
        lambda config: config.lora.use_dora,
        "vLLM does not yet support DoRA.",
        endings=(".lora_magnitude_vector",),
    ),
    Refusal(
        "full-copy",
        "modules_to_save",
        full_copies,
        'vLLM only supports modules_to_save being either None or ["classifier", "score"] for classification models.',
        values=full_copies,
    ),
    Refusal(
        "bias",
        "trained biases",
        lambda config: config.bias != "none",
        "Adapter bias is not supported.",
        endings=(".bias",),
        if_absent='set "bias": "none" in adapter_config.json, as no bias is in the file',
        values=lambda config: [config.bias],
    ),
    Refusal(
        "lora-bias",
        "lora_bias",
        lambda config: config.lora.lora_bias,
        "vLLM does not support LoRA bias (lora_bias).",
        endings=(".lora_B.bias",),
    ),
    Refusal(
        "token-rows",
        "trained token rows",
        lambda config: config.trainable_token_indices,
        "... is unsupported LoRA weight",
        endings=(".trainable_tokens_delta",),
    ),
    Refusal(
        "layer-replication",
        "layer_replication",
        lambda config: config.layer_replication,
        "vLLM does not support layer_replication.",
    ),
    Refusal(
        "start",
        "an init_lora_weights that changes the base",
        changes_base,
        "Inits such as PiSSA, OLoRA, CorDA and LoftQ modify the base model weights when PEFT loads the adapter.",
        "save it again with path_initial_model_for_weight_conversion, which makes a plain LoRA of it",
        values=lambda config: [config.lora.init_lora_weights],
    ),
    Refusal(
        "alora",
        "aLoRA",
        lambda config: config.lora.alora_invocation_tokens,
        "vLLM does not support Activated LoRA (aLoRA).",
        "serve it with a program that activates adapters",
    ),
    Refusal(
        "bdlora",
        "BD-LoRA",
        lambda config: config.lora.use_bdlora,
        "vLLM does not support block-diagonal LoRA (BD-LoRA).",
    ),
    Refusal("qalora", "QALoRA", lambda config: config.lora.use_qalora, "vLLM does not support QALoRA."),
)


def highest_rank(config: AdapterConfig) -> int:
    """Return the rank that vLLM compares with its own: the highest of a config, whether a pattern matches or not."""
    return max(config.r, *(rank for rank in config.rank_pattern.values() if isinstance(rank, int)), 0)
