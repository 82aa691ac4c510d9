"""(IA)³: scales each output of a module, or each input of a feed-forward module.

Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning",
arXiv:2205.05638; `peft.tuners.ia3`: `IA3Layer.update_layer`, `IA3Model._check_target_module_feedforward`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.peft_fields import Names, names_or_text
from lora_cli.methods.config.settings import flag, setting
from lora_cli.methods.method import LINEARS, Adapted, Method
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.targeting.patterns import regular_expression
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model

# The default targets (peft 0.21.2, `utils/constants.py`).
TARGETED: dict[str, tuple[str, ...]] = {
    "t5": ("k", "v", "wo"),
    "mt5": ("k", "v", "wi_1"),
    "gpt2": ("c_attn", "mlp.c_proj"),
    "bloom": ("query_key_value", "mlp.dense_4h_to_h"),
    "roberta": ("key", "value", "output.dense"),
    "opt": ("q_proj", "k_proj", "fc2"),
    "gptj": ("q_proj", "v_proj", "fc_out"),
    "gpt_neox": ("query_key_value", "dense_4h_to_h"),
    "gpt_neo": ("q_proj", "v_proj", "c_proj"),
    "bart": ("q_proj", "v_proj", "fc2"),
    "gpt_bigcode": ("c_attn", "mlp.c_proj"),
    "llama": ("k_proj", "v_proj", "down_proj"),
    "llama4": ("q_proj", "v_proj", "down_proj"),
    "mistral": ("k_proj", "v_proj", "down_proj"),
    "mixtral": ("k_proj", "v_proj", "w2"),
    "bert": ("key", "value", "output.dense"),
    "deberta-v2": ("key_proj", "value_proj", "output.dense"),
    "deberta": ("in_proj", "output.dense"),
    "RefinedWebModel": ("query_key_value", "dense_4h_to_h"),
    "RefinedWeb": ("query_key_value", "dense_4h_to_h"),
    "falcon": ("query_key_value", "dense_4h_to_h"),
    "phi": ("q_proj", "v_proj", "fc2"),
    "gemma": ("q_proj", "v_proj", "down_proj"),
    "gemma2": ("q_proj", "v_proj", "down_proj"),
    "gemma3_text": ("q_proj", "v_proj", "down_proj"),
    "qwen2": ("q_proj", "v_proj", "down_proj"),
    "qwen3": ("q_proj", "v_proj", "down_proj"),
}
# The last target is the feed-forward module, except for mT5.
FEEDFORWARD = {name: () if name == "mt5" else targets[-1:] for name, targets in TARGETED.items()}


@dataclass(frozen=True, slots=True)
class Settings:
    """(IA)³'s own fields."""

    feedforward_modules: Annotated[Names | str | None, "Targets whose inputs are scaled instead of their outputs"] = (
        setting(names_or_text, None)
    )
    fan_in_fan_out: bool = flag(False)
    init_ia3_weights: Annotated[bool, "Whether the vectors start as ones, without effect"] = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a scale per output, or per input of a feed-forward module.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings(feedforward_modules=()))]
    [('ia3_l', (8, 1))]
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings(feedforward_modules=("W",)))]
    [('ia3_l', (1, 6))]
    """
    module, wanted = place.module, own.feedforward_modules or ()
    # PEFT compares the ends of names here, with or without a dot.
    inputs = (
        regular_expression(wanted).fullmatch(module.name) if isinstance(wanted, str) else module.name.endswith(wanted)
    )
    if module.kernel:
        yield parameter("ia3_l", 1, module.d if inputs else module.h, *(1,) * len(module.kernel))
    else:
        yield parameter("ia3_l", *((1, module.d) if inputs else (module.h, 1)))


def is_matrix(model: Model) -> bool:
    """Whether the model is one matrix."""
    return not model.model_type and [module.name for module in model.modules] == ["W"]


def with_feedforward(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add the feed-forward modules, those in the config or the model type's; one matrix counts as none."""
    model_type = targets.model.model_type
    named, wanted = own.feedforward_modules, config.target_modules
    if named is None:
        default = FEEDFORWARD.get(model_type, () if is_matrix(targets.model) else None)
        if default is None:
            raise InvalidInput(
                f"PEFT has no default feedforward_modules for model type {quote(model_type)}; name some, or give [] for none"
            )
        return replace(own, feedforward_modules=default)
    lost = [] if isinstance(named, str) or not isinstance(wanted, tuple) else sorted(set(named) - set(wanted))
    if lost:
        raise InvalidInput(
            f"feedforward_modules has {quote(lost[0])}, which is missing from target_modules; add it there"
        )
    return own


METHOD = Method(
    name="ia3",
    title="IA3: Infused Adapter by Inhibiting and Amplifying Inner Activations",
    arxiv="2205.05638",
    formula="h",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob=None,
    module_kinds=(*LINEARS, "Conv2d", "Conv3d"),
    shared_fields=frozenset({"target_modules", "exclude_modules", "modules_to_save"}),
    default_targets={**dict.fromkeys(TARGETS), **TARGETED},
    resolved=with_feedforward,
    shortens_targets=False,
    config_tells_trained=False,
)
