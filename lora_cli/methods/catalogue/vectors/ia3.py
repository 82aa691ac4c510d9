"""(IA)³: a module's outputs are scaled one by one, a feed-forward module's inputs.

Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning",
arXiv:2205.05638; `peft.tuners.ia3`: `IA3Layer.update_layer`, `IA3Model._check_target_module_feedforward`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.peft_fields import names_or_text
from lora_cli.methods.method import LINEARS, Method, Settings, flag
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model

# peft 0.21.2, `utils/constants.py`: the targets, and those of them that are feed-forward modules.
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
# The last of each is the feed-forward one, but for mT5.
FEEDFORWARD = {name: () if name == "mt5" else targets[-1:] for name, targets in TARGETED.items()}


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a scale an output, or an input of a feed-forward module.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings({"feedforward_modules": ()}))]
    [('ia3_l', (8, 1))]
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings({"feedforward_modules": ("W",)}))]
    [('ia3_l', (1, 6))]
    """
    module, wanted = place.module, own.feedforward_modules
    # PEFT compares endings here, dot or not.
    inputs = compiled(wanted).fullmatch(module.name) if isinstance(wanted, str) else module.name.endswith(wanted)
    if module.kernel:
        yield parameter("ia3_l", 1, module.d if inputs else module.h, *(1,) * len(module.kernel))
    else:
        yield parameter("ia3_l", *((1, module.d) if inputs else (module.h, 1)))


def is_matrix(model: Model) -> bool:
    """Whether the model is one matrix of no type."""
    return not model.model_type and [module.name for module in model.modules] == ["W"]


def settled(targets: Any, config: Any) -> Settings:
    """Return which modules are feed-forward ones: those named, or the model type's; W alone is none."""
    own: Settings = config.settings
    model_type = targets.model.model_type
    named, wanted = own.feedforward_modules, config.target_modules
    if named is None:
        default = FEEDFORWARD.get(model_type, () if is_matrix(targets.model) else None)
        if default is None:
            raise InvalidInput(
                f"PEFT has no default feedforward_modules for model type {quote(model_type)}; name some, or none by []"
            )
        return own.replaced(feedforward_modules=default)
    lost = [] if isinstance(named, str) or not isinstance(wanted, tuple) else sorted(set(named) - set(wanted))
    if lost and not is_matrix(targets.model):
        raise InvalidInput(f"feedforward_modules has {quote(lost[0])}, which target_modules has not; add it there")
    return own


METHOD = Method(
    name="ia3",
    title="IA3: Infused Adapter by Inhibiting and Amplifying Inner Activations",
    arxiv="2205.05638",
    formula="h",
    tensors=tensors,
    fields={"feedforward_modules": names_or_text, "fan_in_fan_out": flag(False), "init_ia3_weights": flag(True)},
    rank=None,
    knob=None,
    module_kinds=(*LINEARS, "Conv2d"),
    shared_fields=frozenset({"target_modules", "exclude_modules", "modules_to_save"}),
    default_targets={**dict.fromkeys(TARGETS), **TARGETED},
    resolved=settled,
)
