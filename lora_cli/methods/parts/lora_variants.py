"""The tensors of LoRA's variants: block-diagonal factors, KaSA, Monte Carlo LoRA.

`peft.tuners.lora.variants`: `BdLoraLinearVariant` (arXiv:2510.23346), `KasaLinearVariant` (arXiv:2412.06071),
`MontecloraLinearVariant` (arXiv:2411.04358).
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.methods.parts.divisors import check_divides
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import OF_BASE, Tensor, buffer, parameter


def variant_tensors(place: Place, own: LoraSettings) -> Iterator[Tensor]:
    """Yield what KaSA (r values between A and B) and Monte Carlo LoRA (r + samples) add beside A and B."""
    if own.kasa_config:
        most = min(place.module.d, place.module.h) - 1
        if place.module.kind == "Conv1D":
            raise InvalidInput(f"kasa_config cannot adapt {quote_long(place.module.name)}, a Conv1D; drop one of them")
        if place.r > most:
            raise InvalidInput(
                f"kasa_config takes a rank of at most {most} on {quote_long(place.module.name)}, not {place.r}"
            )
        yield parameter("lora_diag", place.r)
    if own.monteclora_config:
        number = own.monteclora_config.number
        yield parameter("lora_monteclora_sampler.std_prior", place.r)
        yield parameter("lora_monteclora_sampler.expert_weights_prior", number)
        yield buffer("lora_monteclora_sampler.gaussian_var_prior", place.r, place.r, type_of=OF_BASE)
        yield buffer("lora_monteclora_sampler.expert_weights", number, type_of=OF_BASE)


def diagonal(place: Place, own: LoraSettings) -> dict[str, tuple[int, ...]]:
    """Return the shape of the factor that is block-diagonal: A as r × d/n, or B as h × r/n."""
    blocks, module = own.use_bdlora, place.module
    if not blocks:
        return {}
    a, b = (any(part in module.name for part in parts) for parts in (blocks.a, blocks.b))
    if a and b:
        raise InvalidInput(
            f"use_bdlora: {quote_long(module.name)} matches both target_modules_bd_a and target_modules_bd_b; "
            "remove it from one"
        )
    if not a and not b:
        if blocks.strict:
            raise InvalidInput(
                f"use_bdlora: {quote_long(module.name)} matches neither target_modules_bd_a nor target_modules_bd_b; "
                "name it in one, or set match_strict to false"
            )
        return {}
    if module.kind != "Linear":
        raise InvalidInput(f"use_bdlora cannot adapt {quote_long(module.name)}, a {module.kind}; drop one of them")
    side = {"d": module.d} if a else {"h": module.h}
    check_divides("use_bdlora: nblocks", blocks.number, module, {"rank": place.r, **side})
    if a:
        return {"lora_A.weight": (place.r, module.d // blocks.number)}
    return {"lora_B.weight": (module.h, place.r // blocks.number)}
