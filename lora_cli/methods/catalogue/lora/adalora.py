"""AdaLoRA: LoRA as a decomposition into singular values, of which training keeps the important ones.

Zhang et al., "AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", arXiv:2303.10512, section 3.1;
`peft.tuners.adalora`: `AdaLoraConfig`, `update_layer` of `SVDLinear` and `SVDConv2d`, and
`AdaLoraModel.resize_state_dict_by_rank_pattern` for what is saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Annotated

from lora_cli.errors import InvalidInput, argument, quote, quote_long
from lora_cli.methods.catalogue.lora.lora import METHOD as LORA
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.methods.config.settings import Written, ignored, mapping, real, size
from lora_cli.methods.method import LINEARS, Adapted, Method
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE, Config
from lora_cli.models.quantised_layers import LINEAR_LAYERS

ADAPTER = ".default"
# The only model types with LoRA's own defaults.
SAME = (
    "gpt2",
    "bloom",
    "gptj",
    "gpt_neox",
    "gpt_neo",
    "llama",
    "llama4",
    "bert",
    "deberta",
    "gpt_bigcode",
    "qwen2",
    "qwen3",
)


def _masks(config: Config, name: str) -> dict[str, tuple[bool, ...]]:
    """Return a saved rank_pattern: which of its ranks each module keeps."""
    patterns = config.section(name)
    masks = {key.replace(ADAPTER, ""): patterns.items(key) or [] for key in patterns.fields}
    for key, mask in masks.items():
        if not all(isinstance(keeps, bool) for keeps in mask):
            raise InvalidInput(f"{patterns.source}: {quote(key)} must be a list of true and false, one per rank")
    return {key: tuple(mask) for key, mask in masks.items()}


@dataclass(frozen=True, slots=True)
class Settings(LoraSettings):
    """AdaLoRA's own fields; LoRA's are read for what PEFT refuses, but its layers follow none of them."""

    r: Annotated[object, "Not used: init_r and target_r set the ranks", Written("integer", 8)] = ignored()
    alpha_pattern: Annotated[object, Written("object", {})] = ignored()
    lora_alpha: Annotated[float, "The update is scaled by lora_alpha / the ranks that are left"] = real(8, null=False)
    arrow_config: Annotated[object, Written("object")] = ignored()
    megatron_config: Annotated[object, Written("object")] = ignored()
    target_r: Annotated[object, "Mean rank that is left when training ends", Written("integer", 8)] = ignored()
    init_r: Annotated[int, "Rank that every module starts with"] = size(12, least=0)
    tinit: Annotated[int, "Steps before ranks are first lowered"] = size(0, least=-MAX_SIZE)
    tfinal: Annotated[int, "Steps at the end in which ranks stay as they are"] = size(0, least=-MAX_SIZE)
    deltaT: Annotated[object, "Steps between two changes of ranks", Written("integer", 1)] = ignored()
    beta1: Annotated[float, "How slowly the mean of a value's sensitivity changes, from 0 to 1"] = real(0.85)
    beta2: Annotated[float, "How slowly the mean of that sensitivity's uncertainty changes, from 0 to 1"] = real(0.85)
    orth_reg_weight: Annotated[float, "Weight of the penalty that keeps A and B orthogonal"] = real(0.5, least=0)
    total_step: Annotated[int | None, "Number of training steps; it must be given"] = size(None)
    rank_pattern: Annotated[
        Mapping[str, tuple[bool, ...]],
        "Which ranks are left in each module; PEFT fills it in when it saves",
        Written("object"),
    ] = mapping(_masks)
    # How many ranks a module keeps in the file.
    kept: Mapping[str, int] = field(default_factory=dict)
    # PEFT makes a frozen parameter in float32, and the cast to another type makes one that trains.
    trains_ranknum: bool = False

    def __post_init__(self) -> None:
        """Refuse what `AdaLoraConfig.__post_init__` and `RankAllocator` refuse."""
        LoraSettings.__post_init__(self)
        if self.use_dora:
            raise InvalidInput("AdaLoRA conflicts with use_dora; drop one of them")
        if self.init_lora_weights == "loftq":
            raise InvalidInput("AdaLoRA conflicts with init_lora_weights 'loftq'; give true")
        if self.total_step is None:
            raise InvalidInput(
                "AdaLoRA needs total_step, the number of training steps; "
                f"give it, e.g. {argument('settings')} total_step=1000"
            )
        if self.tinit >= self.total_step - self.tfinal:
            raise InvalidInput(
                f"tinit {self.tinit} and tfinal {self.tfinal} leave none of total_step {self.total_step} "
                f"to lower ranks in; give a total_step over {self.tinit + self.tfinal}"
            )
        for name, value in (("beta1", self.beta1), ("beta2", self.beta2)):
            if not 0 < value < 1:
                raise InvalidInput(f"{name} is {value:g}; it must be over 0 and under 1")


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A, the singular values E and B, init_r·(d + h + 1) parameters, and the number of ranks.

    That number trains too if the base is not float32. On a convolution, A holds the whole kernel. What a rank_pattern masks is not saved.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings(total_step=10))]
    [('lora_A', (2, 6)), ('lora_E', (2, 1)), ('lora_B', (8, 2)), ('ranknum', (1,))]
    """
    module, r = place.module, place.r
    if place.parameter:
        raise InvalidInput(f"AdaLoRA conflicts with target_parameters, e.g. {quote_long(module.name)}; leave them out")
    d = module.d * prod(module.kernel)
    kept = own.kept.get(module.name, r)
    yield parameter("lora_A", r, d, in_file=kept == r)
    yield parameter("lora_E", r, 1, in_file=kept == r)
    yield parameter("lora_B", module.h, r, in_file=kept == r)
    yield parameter("ranknum", 1, trained=own.trains_ranknum, in_file=False)
    if kept != r:
        yield buffer("lora_A", kept, d)
        yield buffer("lora_E", kept, 1)
        yield buffer("lora_B", module.h, kept)


def on_model(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add how many ranks each module keeps in the file, and whether their number trains."""
    adapted = {place.module.name for place in targets.places}
    kept: dict[str, int] = {}
    for key, mask in own.rank_pattern.items():
        name, ranks = key.rpartition(".")[0], sum(mask)
        if name not in adapted:
            raise InvalidInput(f"rank_pattern names {quote(key)}, and no such module is adapted; leave it out")
        if ranks != config.r and len(mask) != config.r:
            raise InvalidInput(
                f"rank_pattern has {len(mask)} ranks for {quote_long(name)}, and init_r is {config.r}; give {config.r}"
            )
        kept[name] = ranks
    return replace(own, kept=kept, trains_ranknum=targets.model.dtype != "F32")


METHOD = Method(
    name="adalora",
    title="AdaLoRA: Adaptive Budget Allocation",
    arxiv="2303.10512",
    formula="init_r * (d + h + 1)",
    settings=Settings,
    tensors=tensors,
    rank=None,
    own_rank=lambda own: own.init_r,
    knob="init_r",
    alpha="lora_alpha",
    module_kinds=(*LINEARS, "Conv2d"),
    quantised_layers=(*LINEAR_LAYERS, "gptq"),
    shared_fields=LORA.shared_fields - {"alpha_pattern", "rank_pattern"},
    refuses_mamba_parts=True,
    never_null=("bias",),
    default_targets={
        **{model_type: None for model_type in TARGETS if model_type not in SAME},
        "t5": ("q", "k", "v", "o", "wi", "wo"),
        "mt5": ("q", "k", "v", "o", "wi_0", "wi_1", "wo"),
        "bart": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
        "opt": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
        "roberta": ("query", "key", "value", "dense"),
        "deberta-v2": ("query_proj", "key_proj", "value_proj", "dense"),
    },
    resolved=on_model,
    config_tells_trained=False,
)
