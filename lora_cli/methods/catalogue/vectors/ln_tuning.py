"""LN tuning: trains a copy of each norm, or of any other module that is targeted.

Zhao et al., "Tuning LayerNorm in Attention: Towards Efficient Multi-Modal LLM Finetuning",
arXiv:2312.11420; `peft.tuners.ln_tuning.layer.LNTuningLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import Adapted, Method
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.tensor import OF_BASE, Tensor, buffer, parameter

NORMS: dict[str, tuple[str, ...]] = {
    "llama": ("input_layernorm", "post_attention_layernorm", "norm"),
    "bloom": ("input_layernorm", "post_attention_layernorm", "ln_f"),
    "llava": (
        *("multi_modal_projector", "input_layernorm", "post_attention_layernorm", "norm"),
        *("embed_tokens", "lm_head"),
    ),
    "t5": ("layer_norm", "final_layer_norm"),
    "mt5": ("layer_norm", "final_layer_norm"),
    "bart": ("self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"),
    "gpt2": ("ln_1", "ln_2", "ln_f"),
    "blip-2": ("layernorm", "LayerNorm", "final_layer_norm", "self_attn_layer_norm"),
    "gptj": ("ln_1", "ln_f"),
    "falcon": ("input_layernorm", "post_attention_layernorm", "ln_f"),
    "mistral": ("input_layernorm", "post_attention_layernorm", "norm"),
    "phi": ("input_layernorm", "final_layernorm"),
    "gemma": ("input_layernorm", "post_attention_layernorm", "norm"),
    **dict.fromkeys(
        ("gemma2", "gemma3_text"),
        (
            *("input_layernorm", "post_attention_layernorm"),
            *("pre_feedforward_layernorm", "post_feedforward_layernorm", "norm"),
        ),
    ),
    "qwen2": ("post_attention_layernorm",),
    "qwen3": ("post_attention_layernorm",),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """LN tuning has no fields of its own."""

    # The names of tied parameters, each with the name that it is counted under.
    tied: Mapping[str, str] = field(default_factory=dict)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a copy of every parameter in the module; parameters tied within it are copied once, under two names.

    >>> from lora_cli.models.nodes import Module
    >>> from lora_cli.models.nodes import Parameter
    >>> norm = Place(Module("norm", 6, 6, "Other"), 0, whole=(Parameter("norm.weight", (6,)),))
    >>> [(t.key, t.shape) for t in tensors(norm, Settings())]
    [('ln_tuning_layers.weight', (6,))]
    """
    names = {parameter.name for parameter in place.whole}
    seen = set()
    for copied in place.whole:
        source = own.tied.get(copied.name, copied.name)
        known = source if source in names else (source, "outside")
        below = copied.name.removeprefix(f"{place.module.name}.")
        # PEFT drops the adapter's name before a parameter's own name, and keeps it before a module's.
        key = f"ln_tuning_layers.{'default.' if '.' in below else ''}{below}"
        make = buffer if known in seen else parameter
        yield make(key, *copied.shape, type_of=OF_BASE)
        seen.add(known)


def with_ties(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add which of the model's parameters are tied.

    PEFT makes three copies of a full copy inside an adapted module, one of them idle; that is refused.
    """
    for place in targets.places:
        inner = next((name for name in targets.full_copy_names if name.startswith(f"{place.module.name}.")), None)
        if inner:
            raise InvalidInput(
                f"modules_to_save reaches {quote_long(inner)}, and ln_tuning copies all of {quote_long(place.module.name)} "
                "around it; drop one of them"
            )
    return replace(own, tied=targets.model.tied)


METHOD = Method(
    name="ln_tuning",
    title="LN tuning: Tuning LayerNorm",
    arxiv="2312.11420",
    formula="d * h",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob=None,
    module_kinds=(),
    shared_fields=frozenset({"target_modules", "exclude_modules", "modules_to_save"}),
    default_targets={**dict.fromkeys(TARGETS), **NORMS},
    resolved=with_ties,
    config_tells_trained=False,
)
