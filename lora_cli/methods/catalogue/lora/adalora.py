"""AdaLoRA: LoRA as a decomposition into singular values, of which training keeps those that matter.

Zhang et al., "AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", arXiv:2303.10512, section 3.1;
`peft.tuners.adalora`: `AdaLoraConfig`, `update_layer` of `SVDLinear` and `SVDConv2d`, and
`AdaLoraModel.resize_state_dict_by_rank_pattern` for what is saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.adapter_config import KNOWN, AdapterConfig, read_lora
from lora_cli.methods.method import EVERYWHERE, LINEARS, Method, Settings, ignored, real, size
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.targeting.targets import Targets
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE, Config

ADAPTER = ".default"
# AdaLoRA's layers take nothing of LoRA's variants, nor its rank.
WITHOUT_EFFECT = ("r", "rank_pattern", "arrow_config", "megatron_config")
# LoRA's own defaults hold for these alone.
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


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A, the singular values E and B, init_r·(d + h + 1) parameters, and the frozen number of ranks.

    On a convolution, A has all of its kernel's values. What a rank_pattern masks is not saved.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings({"kept": {}}))]
    [('lora_A', (2, 6)), ('lora_E', (2, 1)), ('lora_B', (8, 2)), ('ranknum', (1,))]
    """
    module, r = place.module, place.r
    if place.parameter:
        raise InvalidInput(
            f"AdaLoRA does not go with target_parameters, such as {quote_long(module.name)}; leave them out"
        )
    d = module.d * prod(module.kernel)
    kept = own.kept.get(module.name, r)
    yield parameter("lora_A", r, d, saved=kept == r)
    yield parameter("lora_E", r, 1, saved=kept == r)
    yield parameter("lora_B", module.h, r, saved=kept == r)
    yield parameter("ranknum", 1, trained=False, saved=False)
    if kept != r:
        yield buffer("lora_A", kept, d)
        yield buffer("lora_E", kept, 1)
        yield buffer("lora_B", module.h, kept)


def read(config: Config) -> tuple[AdapterConfig, list[str]]:
    """Return LoRA's config with the rank that AdaLoRA starts from, and the fields that neither of them has."""
    fields = {name: value for name, value in config.fields.items() if name not in WITHOUT_EFFECT}
    lora, unknown = read_lora(Config(fields, config.source))
    own = Settings({name: reader(config, name) for name, reader in OWN.items()})
    _check(lora, own, config.source)
    return (
        replace(
            lora,
            r=own.init_r,
            lora_bias=False,
            init_lora_weights=True,
            velora_groups=None,
            alora_invocation_tokens=False,
            use_qalora=False,
            use_bdlora=None,
            kasa_config=False,
            monteclora_config=None,
            method="adalora",
            settings=own,
        ),
        [name for name in unknown if name not in OWN],
    )


def _check(lora: AdapterConfig, own: Settings, source: str) -> None:
    """Refuse what `AdaLoraConfig.__post_init__` and `RankAllocator` refuse."""
    if lora.use_dora:
        raise InvalidInput(f"{source}: AdaLoRA does not go with use_dora; leave one out")
    if lora.init_lora_weights == "loftq":
        raise InvalidInput(f"{source}: AdaLoRA does not go with init_lora_weights 'loftq'; give true")
    if own.total_step is None:
        raise InvalidInput(
            f"{source}: AdaLoRA needs total_step, the steps of the whole training; give it, as in total_step=1000"
        )
    if own.tinit >= own.total_step - own.tfinal:
        raise InvalidInput(
            f"{source}: tinit {own.tinit} and tfinal {own.tfinal} leave none of total_step {own.total_step} "
            f"to lower ranks in; give a total_step over {own.tinit + own.tfinal}"
        )
    for name in ("beta1", "beta2"):
        value = getattr(own, name)
        if not 0 < value < 1:
            raise InvalidInput(f"{source}: {name} is {value:g}; it must be over 0 and under 1")


def _masks(config: Config, name: str) -> dict[str, tuple[bool, ...]]:
    """Return a saved rank_pattern: which of the ranks each module keeps."""
    patterns = config.section(name)
    found = {key.replace(ADAPTER, ""): patterns.items(key) or [] for key in patterns.fields}
    for key, mask in found.items():
        if not all(isinstance(keeps, bool) for keeps in mask):
            raise InvalidInput(f"{patterns.source}: {quote(key)} must be a list of true and false, one a rank")
    return {key: tuple(mask) for key, mask in found.items()}


def with_kept_ranks(targets: Targets, config: AdapterConfig) -> Settings:
    """Add how many ranks each module keeps in the file."""
    own: Settings = config.settings
    adapted = {place.module.name for place in targets.places}
    kept: dict[str, int] = {}
    masks: Mapping[str, tuple[bool, ...]] = own.rank_pattern
    for key, mask in masks.items():
        name, kept_here = key.rpartition(".")[0], sum(mask)
        if name not in adapted:
            raise InvalidInput(f"rank_pattern names {quote(key)}, and no such module is adapted; leave it out")
        if kept_here != config.r and len(mask) != config.r:
            raise InvalidInput(
                f"rank_pattern has {len(mask)} ranks for {quote_long(name)}, and init_r is {config.r}; give {config.r}"
            )
        kept[name] = kept_here
    return own.replaced(kept=kept)


OWN = {
    "target_r": ignored,
    "init_r": size(12, least=0),
    "tinit": size(0, least=-MAX_SIZE),
    "tfinal": size(0, least=-MAX_SIZE),
    "deltaT": ignored,
    "beta1": real(0.85),
    "beta2": real(0.85),
    "orth_reg_weight": real(0.5, least=0),
    "total_step": size(None),
    "rank_pattern": _masks,
}
METHOD = Method(
    name="adalora",
    title="AdaLoRA: Adaptive Budget Allocation",
    arxiv="2303.10512",
    formula="init_r * (d + h + 1)",
    tensors=tensors,
    fields={"r": ignored, **OWN},
    rank=None,
    knob="init_r",
    alpha="lora_alpha",
    module_kinds=(*LINEARS, "Conv2d"),
    shared_fields=KNOWN - EVERYWHERE,
    default_targets={
        **{model_type: None for model_type in TARGETS if model_type not in SAME},
        "t5": ("q", "k", "v", "o", "wi", "wo"),
        "mt5": ("q", "k", "v", "o", "wi_0", "wi_1", "wo"),
        "bart": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
        "opt": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
        "roberta": ("query", "key", "value", "dense"),
        "deberta-v2": ("query_proj", "key_proj", "value_proj", "dense"),
    },
    resolved=with_kept_ranks,
    read_config=read,
)
