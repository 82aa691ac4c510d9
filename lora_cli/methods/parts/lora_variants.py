"""Variants of LoRA that a class in its config switches on: block-diagonal factors, KaSA, Monte Carlo LoRA.

`peft.tuners.lora.variants`: `BdLoraLinearVariant` (arXiv:2510.23346), `KasaLinearVariant` (arXiv:2412.06071),
`MontecloraLinearVariant` (arXiv:2411.04358); `peft.tuners.lora.config` for what their classes refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.peft_fields import Names, names
from lora_cli.methods.parts.divisors import divides
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import Config

if TYPE_CHECKING:
    from lora_cli.methods.config.adapter_config import AdapterConfig


class Blocks(NamedTuple):
    """`BdLoraConfig`: whose A and whose B is block-diagonal, of how many blocks, and whether one of them must be."""

    a: Names
    b: Names
    number: int
    strict: bool


class Samples(NamedTuple):
    """`MontecloraConfig`: how many samples there are."""

    number: int


def blocks(config: Config) -> Blocks | None:
    """Return the config's `use_bdlora`."""
    if config.fields.get("use_bdlora") is None:
        return None
    own = config.section("use_bdlora")
    a, b = (names(own, f"target_modules_bd_{side}") or () for side in "ab")
    both = sorted(set(a) & set(b))
    if both:
        raise InvalidInput(
            f"{own.source}: {', '.join(map(quote, both))} is in target_modules_bd_a and in target_modules_bd_b; "
            "leave it out of one"
        )
    return Blocks(a, b, own.size("nblocks", default=1), own.flag("match_strict", default=True))


def kasa(config: Config) -> bool:
    """Whether the config has a `kasa_config`."""
    own = config.section("kasa_config")
    for name in ("beta", "gamma"):
        value = own.real(name, default=0.0)
        if value < 0:
            raise InvalidInput(f"{own.source}: {name} is {value:g}; it must be 0 or more")
    return config.fields.get("kasa_config") is not None


def samples(config: Config) -> Samples | None:
    """Return the config's `monteclora_config`."""
    # PEFT takes an object for its class, an empty one too, and looks at anything else only where it is true.
    if config.fields.get("monteclora_config") in (None, False):
        return None
    own = config.section("monteclora_config")
    own.size("buffer_size", default=150)
    if own.real("dirichlet_prior", default=0.1) <= 0:
        raise InvalidInput(
            f"{own.source}: dirichlet_prior is {quote(own.fields['dirichlet_prior'])}; it must be over 0"
        )
    return Samples(own.size("num_samples", default=8))


def more_tensors(place: Place, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield what KaSA (r values between A and B) and Monte Carlo LoRA (r + samples) put beside A and B."""
    if config.kasa_config:
        most = min(place.module.d, place.module.h) - 1
        if place.module.kind == "Conv1D":
            raise InvalidInput(f"kasa_config does not go with {quote_long(place.module.name)}, a Conv1D; leave one out")
        if place.r > most:
            raise InvalidInput(
                f"kasa_config takes a rank of at most {most} on {quote_long(place.module.name)}, not {place.r}"
            )
        yield parameter("lora_diag", place.r)
    if config.monteclora_config:
        number = config.monteclora_config.number
        yield parameter("lora_monteclora_sampler.std_prior", place.r)
        yield parameter("lora_monteclora_sampler.expert_weights_prior", number)
        yield buffer("lora_monteclora_sampler.gaussian_var_prior", place.r, place.r)
        yield buffer("lora_monteclora_sampler.expert_weights", number)


def diagonal(place: Place, config: AdapterConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of the factor that is block-diagonal: A as r × d/n, or B as h × r/n."""
    own, module = config.use_bdlora, place.module
    if not own:
        return {}
    a, b = (any(part in module.name for part in parts) for parts in (own.a, own.b))
    if a and b:
        raise InvalidInput(
            f"use_bdlora: {quote_long(module.name)} matches target_modules_bd_a and target_modules_bd_b; leave one out"
        )
    if not a and not b:
        if own.strict:
            raise InvalidInput(
                f"use_bdlora: {quote_long(module.name)} matches neither target_modules_bd_a nor target_modules_bd_b; "
                "name it in one, or set match_strict to false"
            )
        return {}
    if module.kind != "Linear":
        raise InvalidInput(f"use_bdlora does not go with {quote_long(module.name)}, a {module.kind}; leave one out")
    side = ("d", module.d) if a else ("h", module.h)
    divides("use_bdlora: nblocks", own.number, module.name, ("the rank", place.r), side)
    if a:
        return {"lora_A.weight": (place.r, module.d // own.number)}
    return {"lora_B.weight": (module.h, place.r // own.number)}
