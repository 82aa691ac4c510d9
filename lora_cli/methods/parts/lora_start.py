"""What `init_lora_weights` and the variants of LoRA mean for a place: which of them PEFT refuses there, and its rank.

`peft.tuners.lora.layer`: `update_layer` of each layer, `resolve_lora_variant`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, choices, quote
from lora_cli.methods.config.lora_settings import STARTS, LoraSettings
from lora_cli.methods.place import Place
from lora_cli.models.nodes import MULTIHEAD, Module

# These start from a decomposition of the weight, which limits the rank to the weight's own.
DECOMPOSED = ("pissa", "olora", "loftq")
# With these, PEFT looks for a `weight` beside an adapted parameter, whatever its name.
NEED_WEIGHT = ("pissa", "corda", "olora", "orthogonal", "lora_ga")
# These take a Conv1D's weight as it is stored, transposed compared with a Linear's.
AS_STORED = ("olora", "loftq")
# These start from data, by a function of PEFT that the user calls. EVA's also spreads the ranks anew.
PREPARED = {
    "corda": "preprocess_corda, without which it refuses",
    "lora_ga": "preprocess_loraga, without which it starts as plain LoRA",
    "eva": "initialize_lora_eva_weights, but by r: with a rho over 1 in eva_config, data decide which modules get more rank",
}
LOFTQ_BITS = (4, 8)
# PEFT decomposes weights in float32 and half precision, and refuses those in float64.
NOT_FLOAT64 = ("pissa", "corda", "olora", "mica")
HALF_PRECISION = ("F16", "BF16")
# The variants that each kind of module takes; the others take none.
CLASSES = ("alora_invocation_tokens", "velora_config", "use_bdlora", "kasa_config", "monteclora_config")
VARIANTS = {
    "Linear": ("use_dora", *CLASSES, "mica"),
    "Conv1D": ("use_dora", *CLASSES, "mica"),
    "Embedding": ("use_dora", "mica"),
    "Conv1d": ("use_dora",),
    "Conv2d": ("use_dora",),
    "Conv3d": ("use_dora",),
}


def fills_both(own: LoraSettings) -> bool:
    """Whether A and B start as new values of the place's own rank, whatever they were before."""
    return start_name(own.init_lora_weights) in {*DECOMPOSED, "corda", "mica", "orthogonal"}


def frozen_factors(own: LoraSettings) -> tuple[str, ...]:
    """Return the keys of the factors that are not trained: B with MiCA.

    That of an embedding is a bare parameter, and its cast out of half precision makes a parameter that trains.
    """
    if own.init_lora_weights != "mica":
        return ()
    return ("lora_B.weight",) if own.base_dtype in HALF_PRECISION else ("lora_B.weight", "lora_embedding_B")


def check_variants(place: Place, own: LoraSettings) -> None:
    """Refuse variants that exclude each other, or that a place's kind does not take."""
    wanted = [name for name in ("use_dora", *CLASSES) if getattr(own, name)]
    wanted += ["mica"] if own.init_lora_weights == "mica" else []
    if len(wanted) > 1:
        raise InvalidInput(f"{' conflicts with '.join(wanted[:2])}; drop one of them")
    for name in wanted:
        if name not in VARIANTS.get(place.module.kind, ()):
            raise InvalidInput(
                f"{name} cannot adapt {quote(place.module.name)}, which is of the kind {place.module.kind}; "
                "drop one of them"
            )


def initialised(place: Place, own: LoraSettings) -> tuple[Module, int]:
    """Return the sides and the rank that A and B have after initialisation, or refuse it."""
    module, r = place.module, _initial_rank(place, own)
    if module.kind == "Conv1D" and start_name(own.init_lora_weights) in AS_STORED:
        module = module._replace(d=module.h, h=module.d)
    return module, r


def _initial_rank(place: Place, own: LoraSettings) -> int:
    start, r = own.init_lora_weights, place.r * place.experts
    way = start_name(start)
    if way is None:
        return r
    if not _takes(place, way):
        raise InvalidInput(
            f"init_lora_weights {quote(start)} cannot initialise {quote(place.module.name)}; "
            f"{choices(start, ['true', 'false', *(each for each in STARTS if _takes(place, each))])}"
        )
    if own.base_dtype == "F64" and way in NOT_FLOAT64 and (place.module.kind != "Embedding" or way == "mica"):
        raise InvalidInput(
            f"init_lora_weights {quote(start)} cannot decompose {quote(place.module.name)} in float64; "
            "give another, or a base model in float32"
        )
    most = min(place.module.d, place.module.h)
    if way == "mica" and r > most:
        raise InvalidInput(f"init_lora_weights 'mica' takes a rank of at most {most} on {quote(place.module.name)}")
    if place.module.kind == "Embedding":
        return r
    if needs_even_rank(place, own) and r % 2:
        raise InvalidInput(f"init_lora_weights 'orthogonal' needs an even rank, and {quote(place.module.name)} has {r}")
    if way == "loftq":
        _check_loftq(own)
    return rank_at_start(r, place.module.d, place.module.h, own)


def rank_at_start(r: int, d: int, h: int, own: LoraSettings) -> int:
    """Return the rank that A and B of a module have after initialisation, which a decomposition of its weight limits.

    >>> rank_at_start(20, 16, 32, LoraSettings(init_lora_weights="pissa"))
    16
    """
    return min(r, d, h) if start_name(own.init_lora_weights) in DECOMPOSED else r


def needs_even_rank(place: Place, own: LoraSettings) -> bool:
    """Whether A and B start from the even and the odd rows of one matrix."""
    return start_name(own.init_lora_weights) == "orthogonal" and place.module.kind != "Embedding"


def _takes(place: Place, way: str) -> bool:
    """Whether PEFT can initialise an adapter of this place's kind in this way."""
    kind = place.module.kind
    if kind == "Embedding":
        return way != "loftq"
    if place.module.kernel:
        return way in {"gaussian", "lora_ga"}
    if kind == MULTIHEAD:
        return way in {"gaussian", "eva"}
    if kind == "Parameter":
        if way in {"loftq", "mica", "unknown"} or (way in NEED_WEIGHT and not place.module.name.endswith(".weight")):
            return False
        return place.experts == 1 or way not in DECOMPOSED
    return way != "unknown"


def start_name(start: bool | str | None) -> str | None:
    """Return the name of an initialisation without its spelling and its number of steps; None for a plain one."""
    if not isinstance(start, str) or not start:
        return None
    if start.startswith("pissa"):
        _, *steps = start.split("_niter_")
        return "pissa" if start == "pissa" or (len(steps) == 1 and _is_whole(steps[0])) else "unknown"
    if start.startswith("corda"):
        return "corda"
    if start.lower() in {"olora", "mica", "gaussian"}:
        return start.lower()
    return start if start in STARTS else "unknown"


def preparation(own: LoraSettings) -> Iterator[str]:
    """Yield what PEFT's user has to run for a start that needs data, and what the count makes of it."""
    prepare = PREPARED.get(start_name(own.init_lora_weights) or "")
    if prepare is not None:
        yield f"init_lora_weights {quote(own.init_lora_weights)} is counted as after PEFT's {prepare}"


def _is_whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _check_loftq(own: LoraSettings) -> None:
    bits, steps = own.loftq_config.get("loftq_bits"), own.loftq_config.get("loftq_iter")
    if bits not in LOFTQ_BITS:
        raise InvalidInput(f"loftq_config: loftq_bits is {quote(bits)}; it must be 4 or 8")
    if type(steps) is not int or steps <= 0:
        raise InvalidInput(f"loftq_config: loftq_iter is {quote(steps)}; it must be a whole number over 0")
