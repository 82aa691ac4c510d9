"""The plot of a spectrum: the rank that each module needs, layer by layer, below the rank that it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from lora_cli.errors import InvalidInput, argument
from lora_cli.output.plots.plot import Axis, Limit, LinePlot, Series, names, titled
from lora_cli.output.plots.units import WHOLE
from lora_cli.quantities import Value

NEEDED, RANK = "rank_99", "r"
TITLE = "Rank that keeps 99 % of the energy of an update"
Record = Mapping[str, Value]


def plot(modules: Sequence[Record], reasons: Sequence[str] = ()) -> LinePlot:
    """Return the plot of the records of modules, of one adapter or several, or say for which reason there is none.

    A line is what modules of the same name need, e.g. `q_proj`. It goes from layer to layer or, where a layer has
    several modules of that name, from module to module.
    """
    known = [record for record in modules if isinstance(record[NEEDED], int)]
    if not known and reasons:
        raise InvalidInput(f"{argument('plot')}: there is no spectrum to draw: {reasons[0]}")
    adapters = list(dict.fromkeys(str(record["adapter"]) for record in known))
    lines: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(known, key=lambda each: _numbers_in(str(each["name"]))):
        lines.setdefault((str(record["adapter"]), leaf(str(record["name"]))), []).append(record)
    by_layer = all(_tells_apart(map(_layer, records)) for records in lines.values())
    ranks = sorted({_number(record[RANK]) for record in known})
    return LinePlot(
        titled([TITLE, *(adapters if len(adapters) == 1 else ())]),
        Axis("layer" if by_layer else "module of that name", WHOLE),
        Axis("rank needed", WHOLE),
        tuple(
            Series(
                name,
                tuple(
                    ((_layer(record) or 0) if by_layer else at, _number(record[NEEDED]))
                    for at, record in enumerate(records)
                ),
            )
            for name, records in zip(
                names([name if len(adapters) == 1 else f"{adapter}: {name}" for adapter, name in lines]),
                lines.values(),
                strict=True,
            )
        ),
        (Limit(f"rank of the adapter: {ranks[-1]}" if len(ranks) == 1 else f"highest rank: {ranks[-1]}", ranks[-1]),)
        if ranks
        else (),
        fewer=f"{argument('per_module')} lists the numbers of all modules",
    )


def leaf(name: str) -> str:
    """Return the last part of a module's name, with the part before it where the last one is a number.

    A name with underscores for dots ends with what follows the last number of a layer.

    >>> leaf("layers.0.self_attn.q_proj"), leaf("attn.to_out.0"), leaf("lora_unet_blocks_0_attn_to_out_0")
    ('q_proj', 'to_out.0', 'attn_to_out_0')
    """
    if "." not in name:
        return _after_last_layer(name.split("_"))
    *_, before, last = name.split(".")
    return f"{before}.{last}" if last.isdecimal() else last


def _after_last_layer(parts: Sequence[str]) -> str:
    """Return the words after the last number that words follow, or all of them where there is none."""
    words = [at for at, part in enumerate(parts) if part and not part.isdecimal()]
    numbers = [at for at, part in enumerate(parts[: words[-1]] if words else ()) if at and part.isdecimal()]
    return "_".join(parts[numbers[-1] + 1 :] if numbers else parts)


def _layer(record: Record) -> int | None:
    """Return the number of a module's layer, which is the first one in its name."""
    found = re.search(r"(?<=[._])[0-9]{1,6}(?=[._])", f".{record['name']}.")
    return None if found is None else int(found[0])


def _tells_apart(layers: Iterable[int | None]) -> bool:
    found = list(layers)
    return None not in found and len(set(found)) == len(found)


def _numbers_in(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts names by the numbers in them, layer 2 before layer 10."""
    return [
        (int(piece[:18]), "") if piece[:1].isdecimal() and piece.isascii() else (0, piece)
        for piece in re.split(r"([0-9]+)", name)
    ]


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
