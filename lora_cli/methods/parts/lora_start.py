"""How `init_lora_weights` and the variants of LoRA decide over a place: which they refuse, and its rank.

`peft.tuners.lora.layer`: `update_layer` of each layer, `resolve_lora_variant`.
"""

from __future__ import annotations

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.place import Place
from lora_cli.models.nodes import Module

# What starts from the weight's decomposition has no more rows than the weight has.
DECOMPOSED = ("pissa", "olora", "loftq")
# With these, PEFT looks for a `weight` beside an adapted parameter, whatever its name.
NEED_WEIGHT = ("pissa", "corda", "olora", "orthogonal", "lora_ga")
# These take a Conv1D's weight as it is stored, the other way round than a Linear's.
AS_STORED = ("olora", "loftq")
LOFTQ_BITS = (4, 8)
# A module of another kind takes none of the variants.
CLASSES = ("alora_invocation_tokens", "velora_config", "use_bdlora", "kasa_config", "monteclora_config")
VARIANTS = {
    "Linear": ("use_dora", *CLASSES, "mica"),
    "Conv1D": ("use_dora", *CLASSES, "mica"),
    "Embedding": ("use_dora", "mica"),
    "Conv1d": ("use_dora",),
    "Conv2d": ("use_dora",),
}


def fills_both(config: AdapterConfig) -> bool:
    """Whether A and B start as new values of the place's own rank, whatever they were before."""
    return _way(config.init_lora_weights) in {*DECOMPOSED, "corda", "mica", "orthogonal"}


def check_variants(place: Place, config: AdapterConfig) -> None:
    """Refuse variants that do not go together, or not with the kind of a place."""
    wanted = [name for name in ("use_dora", *CLASSES) if getattr(config, name)]
    wanted += ["mica"] if config.init_lora_weights == "mica" else []
    if len(wanted) > 1:
        raise InvalidInput(f"{' does not go with '.join(wanted[:2])}; leave one out")
    for name in wanted:
        if name not in VARIANTS.get(place.module.kind, ()):
            raise InvalidInput(
                f"{name} does not go with {quote(place.module.name)}, which is of the kind {place.module.kind}; "
                "leave one of them out"
            )


def started(place: Place, config: AdapterConfig) -> tuple[Module, int]:
    """Return the sides and the rank that A and B have once they have their first values, or refuse that start."""
    module, r = place.module, _started_rank(place, config)
    if module.kind == "Conv1D" and _way(config.init_lora_weights) in AS_STORED:
        module = module._replace(d=module.h, h=module.d)
    return module, r


def _started_rank(place: Place, config: AdapterConfig) -> int:
    start, r = config.init_lora_weights, place.r * place.experts
    way = _way(start)
    if way is None:
        return r
    if not _takes(place, way):
        raise InvalidInput(
            f"init_lora_weights {quote(start)} does not go with {quote(place.module.name)}; give another"
        )
    most = min(place.module.d, place.module.h)
    if way == "mica" and r > most:
        raise InvalidInput(f"init_lora_weights 'mica' takes a rank of at most {most} on {quote(place.module.name)}")
    if place.module.kind == "Embedding":
        return r
    if starts_even(place, config) and r % 2:
        raise InvalidInput(f"init_lora_weights 'orthogonal' takes an even rank, and {quote(place.module.name)} has {r}")
    if way == "loftq":
        _check_loftq(config)
    return min(r, most) if way in DECOMPOSED else r


def starts_even(place: Place, config: AdapterConfig) -> bool:
    """Whether A and B start from the even and the odd rows of one matrix."""
    return _way(config.init_lora_weights) == "orthogonal" and place.module.kind != "Embedding"


def _takes(place: Place, way: str) -> bool:
    """Whether PEFT can start an adapter of this place's kind so."""
    kind = place.module.kind
    if kind == "Embedding":
        return way != "loftq"
    if kind in {"Conv1d", "Conv2d"}:
        return way in {"gaussian", "lora_ga"}
    if kind == "Parameter":
        if way in {"loftq", "mica", "unknown"} or (way in NEED_WEIGHT and not place.module.name.endswith(".weight")):
            return False
        return place.experts == 1 or way not in DECOMPOSED
    return way != "unknown"


def _way(start: bool | str | None) -> str | None:
    """Return the name of a start without its spelling and its number of steps; None where it is a plain one."""
    if not isinstance(start, str) or not start:
        return None
    if start.startswith("pissa"):
        _, *steps = start.split("_niter_")
        return "pissa" if start == "pissa" or (len(steps) == 1 and _whole(steps[0])) else "unknown"
    if start.startswith("corda"):
        return "corda"
    if start.lower() in {"olora", "mica", "gaussian"}:
        return start.lower()
    return start if start in {"loftq", "eva", "orthogonal", "lora_ga"} else "unknown"


def _whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _check_loftq(config: AdapterConfig) -> None:
    bits, steps = config.loftq_config.get("loftq_bits"), config.loftq_config.get("loftq_iter")
    if bits not in LOFTQ_BITS:
        raise InvalidInput(f"loftq_config: loftq_bits is {quote(bits)}; it must be 4 or 8")
    if type(steps) is not int or steps <= 0:
        raise InvalidInput(f"loftq_config: loftq_iter is {quote(steps)}; it must be a whole number over 0")
