"""LoRA's own fields of `peft.LoraConfig`, with what PEFT refuses of them.

`peft.tuners.lora.config`: `LoraConfig` and the classes of its variants. LoRA is what a config means that names no
method, so its settings are declared here and not in the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from lora_cli.errors import InvalidInput, first_few, quote
from lora_cli.methods.config.peft_fields import Names, names
from lora_cli.methods.config.settings import (
    Dropout,
    Written,
    checked,
    flag,
    ignored,
    mapping,
    real,
    scale,
    setting,
)
from lora_cli.models.config import MAX_SIZE, Config

# PEFT's names of initialisations beside true and false; the number of steps may follow that of PiSSA.
STARTS = ("gaussian", "pissa", "olora", "loftq", "mica", "orthogonal", "corda", "eva", "lora_ga")
VELORA_STARTS = ("batch_average_once", "batch_average", "random")


class Blocks(NamedTuple):
    """`BdLoraConfig`: where A and where B is block-diagonal, the number of blocks, and whether one of them must be."""

    a: Names
    b: Names
    number: int
    strict: bool


class Samples(NamedTuple):
    """`MontecloraConfig`: the number of samples."""

    number: int


class InputGroups(NamedTuple):
    """`VeloraConfig`: the number of groups of inputs."""

    number: int


def blocks(config: Config, name: str) -> Blocks | None:
    """Return the config's `use_bdlora`."""
    if config.fields.get(name) is None:
        return None
    own = config.section(name)
    a, b = (names(own, f"target_modules_bd_{side}") or () for side in "ab")
    both = sorted(set(a) & set(b))
    if both:
        raise InvalidInput(
            f"{own.source}: {first_few(both, quote)} is in both target_modules_bd_a and target_modules_bd_b; "
            "remove it from one"
        )
    return Blocks(a, b, own.size("nblocks", default=1), own.flag("match_strict", default=True))


def kasa(config: Config, name: str) -> bool:
    """Whether the config has a `kasa_config`."""
    own = config.section(name)
    for number in ("beta", "gamma"):
        value = own.real(number, default=0.0)
        if value < 0:
            raise InvalidInput(f"{own.source}: {number} is {value:g}; it must be 0 or more")
    return config.fields.get(name) is not None


def samples(config: Config, name: str) -> Samples | None:
    """Return the config's `monteclora_config`."""
    # PEFT makes its class of any object, even an empty one, and looks at another value only if it is true.
    if config.fields.get(name) in (None, False):
        return None
    own = config.section(name)
    own.size("buffer_size", default=150)
    if own.real("dirichlet_prior", default=0.1) <= 0:
        raise InvalidInput(
            f"{own.source}: dirichlet_prior is {quote(own.fields['dirichlet_prior'])}; it must be over 0"
        )
    return Samples(own.size("num_samples", default=8))


def input_groups(config: Config, name: str) -> InputGroups | None:
    """Return the config's `velora_config`."""
    own = config.section(name)
    if own.real("scale", default=1.0) <= 0:
        raise own.wrong("scale", f"over 0 and at most {MAX_SIZE}")
    if own.text("init_type", default=VELORA_STARTS[0]) not in VELORA_STARTS:
        raise own.wrong("init_type", f"one of: {', '.join(VELORA_STARTS)}")
    return None if config.fields.get(name) is None else InputGroups(own.size("num_groups", default=64))


def start(config: Config, name: str) -> bool | str | None:
    """Return `init_lora_weights`: true, false or null, or the name of an initialisation."""
    value = config.fields.get(name, True)
    if value is not None and not isinstance(value, bool | str):
        raise config.wrong(name, "true, false or a name")
    return value


def loftq(config: Config, name: str) -> Mapping[str, Any]:
    """Return `loftq_config`, which PEFT reads only where adapters start with LoftQ."""
    return config.section(name).fields if config.fields.get("init_lora_weights") == "loftq" else {}


def pooled_group(config: Config, name: str) -> int:
    """Return `qalora_group_size`, which PEFT reads only with QA-LoRA."""
    return config.size(name, default=16) if config.fields.get("use_qalora") else 16


def _eva(config: Config, name: str) -> None:
    own = config.section(name)
    if own.real("rho", default=2.0) < 1.0:
        raise own.wrong("rho", "1 or more")
    if not 0.0 <= own.real("tau", default=0.99) <= 1.0:
        raise own.wrong("tau", "from 0 to 1")


def _section(config: Config, name: str) -> None:
    config.section(name)


def _arrow(config: Config, name: str) -> None:
    if config.fields.get(name) is not None:
        raise InvalidInput(
            f"{config.source}: arrow_config routes between adapters that are already trained, and trains nothing; "
            "PEFT accepts it only from create_arrow_model: leave it out"
        )


def _megatron(config: Config, name: str) -> None:
    if config.fields.get(name):
        raise InvalidInput(
            f"{config.source}: megatron_config adapts the parallel layers of megatron.core, which are not supported; "
            "leave it out"
        )


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """LoRA's own fields; those that only describe the training are checked and not used."""

    alora_invocation_tokens: Annotated[bool, "Tokens behind which the adapter is active (aLoRA)", Written("list")] = (
        setting(lambda config, name: bool(config.items(name)), default=False)
    )
    arrow_config: Annotated[
        object,
        "Routing between adapters that are trained already (Arrow); only by PEFT's create_arrow_model",
        Written("object"),
    ] = checked(_arrow)
    corda_config: Annotated[object, "Settings of CorDA, for init_lora_weights corda", Written("object")] = checked(
        _section
    )
    eva_config: Annotated[object, "Settings of EVA, for init_lora_weights eva", Written("object")] = checked(_eva)
    fan_in_fan_out: bool = flag(False)
    init_lora_weights: Annotated[
        bool | str | None, "What A and B start from: true is PEFT's default; or a name such as pissa"
    ] = setting(start, default=True, known=(True, False, *STARTS))
    kasa_config: Annotated[bool, "Settings of KaSA: trained singular values between A and B", Written("object")] = (
        setting(kasa, default=False)
    )
    loftq_config: Annotated[Mapping[str, Any], "Settings of LoftQ, for init_lora_weights loftq"] = mapping(loftq)
    lora_alpha: Annotated[float | InvalidInput, "The update is scaled by lora_alpha / r"] = scale(8)
    lora_bias: Annotated[bool, "Whether B has a trained bias"] = flag(False)
    lora_dropout: Dropout = real(0.0, null=False)
    lora_ga_config: Annotated[object, "Settings of LoRA-GA, for init_lora_weights lora_ga", Written("object")] = (
        checked(_section)
    )
    megatron_config: Annotated[
        object, "Megatron's own config, for its parallel layers; not supported here", Written("object")
    ] = checked(_megatron)
    megatron_core: Annotated[object, "Module that Megatron's layers come from", Written("text", "megatron.core")] = (
        ignored()
    )
    monteclora_config: Annotated[
        Samples | None, "Settings of Monte Carlo LoRA, which samples the update in training", Written("object")
    ] = setting(samples, default=None)
    qalora_group_size: Annotated[int, "Number of inputs that QA-LoRA pools into one"] = setting(
        pooled_group, default=16
    )
    runtime_config: Annotated[object, "How the adapter runs; PEFT saves none of it", Written("object", {})] = ignored()
    use_bdlora: Annotated[Blocks | None, "Settings of BD-LoRA: A or B is block-diagonal", Written("object")] = setting(
        blocks, default=None
    )
    use_dora: Annotated[
        bool, "Whether the length of each output's weights is trained apart from their direction (DoRA)"
    ] = flag(False)
    use_qalora: Annotated[bool, "Whether inputs are pooled, for a quantised base (QA-LoRA)"] = flag(False)
    use_rslora: Annotated[bool, "Whether the update is scaled by lora_alpha / sqrt(r) instead (rsLoRA)"] = flag(False)
    velora_config: Annotated[
        InputGroups | None, "Settings of VeLoRA, which keeps the inputs of A compressed for backward", Written("object")
    ] = setting(input_groups, default=None)
    # The modules whose rank a pattern decides.
    with_own_rank: frozenset[str] = frozenset()
    # The type of the base model's values.
    base_dtype: str = "F32"
    # The quantisations of the adapted modules, "" among them for none.
    base_layers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what `LoraConfig.__post_init__` refuses."""
        if self.lora_bias and self.use_dora:
            raise InvalidInput("lora_bias conflicts with use_dora; drop one of them")
        if self.lora_bias and not isinstance(self.init_lora_weights, bool):
            raise InvalidInput(
                f"lora_bias conflicts with init_lora_weights {quote(self.init_lora_weights)}; "
                "give true or false there, or drop one of them"
            )
        if self.lora_dropout > 1:
            raise InvalidInput(f"lora_dropout is {self.lora_dropout}; a probability is at most 1")
        if self.init_lora_weights == "loftq" and not self.loftq_config:
            raise InvalidInput(
                "init_lora_weights 'loftq' needs a loftq_config, e.g. {'loftq_bits': 4, 'loftq_iter': 1}"
            )
