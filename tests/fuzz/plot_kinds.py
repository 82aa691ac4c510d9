"""Hostile input of plots: names of files, grids that are no plot, and files that plots go into."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from random import Random

import hostile
from small_models import SMALL

from lora_cli.output.plots.file_types import drawn_file
from lora_cli.output.plots.plot import Axis, BarPlot, Part
from lora_cli.output.plots.units import WHOLE

# The names of the files that a plot may go into, and how such a file ends.
TARGETS = ("plot.svg", "plot.png", "plot.pdf")
ENDS = {b"<?xml": b"</svg>\n", b"\x89PNG\r": b"IEND\xaeB`\x82", b"%PDF-": b"%%EOF\n"}
AXES = ["1", "4,8,16", "1:64", "8,8", "2:4096:x2", "1:3000"]


def plot(draw: Random, folder: Path) -> list[str]:
    """Draw a question about models in folders of strange names, and where its plot goes."""
    names = [_name(draw), _name(draw)]
    for name in names:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "config.json").write_text(json.dumps(SMALL[draw.choice(["llama", "bert", "gpt2"])]))
    paths = [f"./{name}" for name in names[: draw.choice([1, 2])]]
    methods = ["--method", draw.choice(["lora", "lora,vera", "lora,ia3,dora", "ia3"])]
    words = draw.choice(
        [
            ["sweep", *paths, "-r", draw.choice(AXES), *methods],
            ["sweep", *paths, "-r", draw.choice(AXES), "--max-bytes", "1MB", "--limit", draw.choice(["1", "7"])],
            ["sweep", "-d", draw.choice(AXES), "-h", draw.choice(AXES), "-r", draw.choice(AXES)],
            ["sweep", *paths, "-r", "4,8", "--memory", "--batch", "1,2", "--seq", "8,16"],
            ["fit", paths[0], *methods, "--max-params", draw.choice(["1", "1M", "0"])],
            ["memory", paths[0], "-r", "4", "--seq", "8"],
        ]
    )
    target = draw.choice(
        [*TARGETS, "-", "-", hostile.word(draw)[:200].replace("\0", "") if draw.random() < 0.3 else "-"]
    )
    return [*words, "--plot", target, *draw.choice([[], [], ["--format", "csv"], ["-o", "rows.csv"]])]


def _name(draw: Random) -> str:
    """Return a strange name that a folder can have."""
    strange = ["$x$", r"$\frac{", "<script>", "\x1b[31m", "\u202eabc", "模型", "_a", "a" * 250, "%s", "[red]"]
    word = draw.choice(strange) if draw.random() < 0.7 else hostile.word(draw)
    word = word.encode("utf-8", "ignore").decode().replace("\0", "").replace("/", "")[:60]
    return word if word.strip(".") else "base"


def draw_once() -> None:
    """Draw into a file of each type, so that each run forks a process that has loaded what that takes."""
    shown = BarPlot((), ("a",), Axis("x", WHOLE), (Part("", (1,)),))
    for target in TARGETS:
        drawn_file(shown, target)


def half_plots(folder: Path) -> list[str]:
    """Return the plots that are not whole."""
    problems = []
    for path in (folder / name for name in TARGETS):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if not content.endswith(ENDS.get(content[:5], b"a plot")):
            problems.append(f"half a plot: {path.name}")
        elif path.suffix == ".svg":
            try:
                ET.fromstring(content)  # noqa: S314 - it is the program's own
            except ET.ParseError:
                problems.append("half an SVG")
    return problems
