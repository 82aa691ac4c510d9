"""Hold the replay against PyTorch: draw configurations of every family, let the oracle measure them, and compare.

    PYTHONPATH=. python tests/memory/compare.py --count 30 [--family llama] [--seed 0]
    python tests/memory/compare.py --rows FILE…          rows that were drawn before

It ends with 1 if more than one in twenty of a family differs by more than 1 %, or any by more than 3 %. What the oracle
runs and the replay refuses is listed by its reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from memory_rows import difference

from lora_cli import InvalidInput

CLOSE, FARTHEST, SHARE = 0.01, 0.03, 0.95


def drawn(names: Iterable[str], seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield rows that the oracle measures now."""
    from tests.memory.draw import rows

    for name in names:
        yield from rows(name, seed, count)


def compared(rows: Iterable[dict[str, Any]]) -> tuple[dict[str, dict[str, float]], Counter[str]]:
    """Return the difference of each row by its family, and how often something is refused."""
    found: dict[str, dict[str, float]] = {}
    refused: Counter[str] = Counter()
    for row in rows:
        try:
            found.setdefault(row["family"], {})[row["id"]] = difference(row)
        except InvalidInput as refusal:
            refused[f"{row['family']}: {refusal}"] += 1
    return found, refused


def holds(differences: Mapping[str, float]) -> bool:
    """Whether enough of a family's differences are close, and none is far."""
    sizes = [*map(abs, differences.values())]
    close = sum(size <= CLOSE for size in sizes)
    return close >= SHARE * len(sizes) and max(sizes, default=0) <= FARTHEST


def line(name: str, differences: Mapping[str, float]) -> str:
    """Say how far one family's rows are from the oracle."""
    sizes = sorted(map(abs, differences.values()))
    close = sum(size <= CLOSE for size in sizes)
    worst = max(differences, key=lambda each: abs(differences[each]))
    return (
        f"{name:14} {len(sizes):3} rows, {close:3} within 1 %, median {100 * sizes[len(sizes) // 2]:.4f} %, "
        f"worst {100 * differences[worst]:+.3f} % ({worst}){'' if holds(differences) else '  <- too far'}"
    )


def wanted_rows(wanted: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """Return the rows of files, or rows to be drawn, family by family."""
    if wanted.rows:
        rows = [json.loads(text) for file in wanted.rows for text in file.read_text().splitlines()]
        return sorted(rows, key=itemgetter("family"))
    from tests.memory.drawn_families import FAMILIES

    return drawn(wanted.family or FAMILIES, wanted.seed, wanted.count)


def main() -> int:
    """Print a line for each family as soon as it is compared, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--family", action="append")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", type=Path)
    all_hold, reasons = True, Counter[str]()
    for _, rows in groupby(wanted_rows(parser.parse_args()), key=itemgetter("family")):
        found, refused = compared(rows)
        reasons += refused
        for name, differences in found.items():
            all_hold = all_hold and holds(differences)
            print(line(name, differences), flush=True)
    for reason, times in reasons.most_common():
        print(f"refused {times:3}: {reason}")
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
