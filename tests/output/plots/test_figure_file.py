"""Plots in files: SVG with its text as text, PNG and PDF of a column's width, the same bytes each time, and no formulas."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET

import pytest
from plots import COMMANDS, plot_of

from lora_cli.output.plots.figure_file import COLOURS
from lora_cli.output.plots.file_types import TYPES, drawn_file
from lora_cli.output.plots.plot import Axis, BarPlot, Limit, LinePlot, Part, Plot, Series, names, titled
from lora_cli.output.plots.units import FILE, MEMORY, PARAMETERS, WHOLE

HOSTILE = [
    r"$\frac{1}{0}$",
    "<script>alert('x')</script>",
    "\x1b[31mred",
    "]]>&amp;",
    "a" * 10_000,
    "שלום עולם",
    "模型 é",
    "_private",
    "\u202eabc",
    "\ud800\x00",
    "%s {0} \\n",
    "",
]
SVG = "{http://www.w3.org/2000/svg}"


def texts(plot: Plot) -> list[str]:
    """Return the texts of the SVG of a plot."""
    root = ET.fromstring(drawn_file(plot, "x.svg"))  # noqa: S314
    assert {element.tag.removeprefix(SVG) for element in root.iter() if SVG in element.tag} <= {
        *("svg", "g", "path", "text", "tspan", "defs", "use", "clipPath", "rect", "style", "pattern", "metadata")
    }
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def points_of(plot: Plot) -> set[float]:
    """Return the sizes of the texts of an SVG, in points."""
    svg = drawn_file(plot, "x.svg").decode()
    return {
        float(size)
        for size in re.findall(r"font-size: ([\d.]+)px|font: (?:\w+ )?([\d.]+)px", svg)
        for size in size
        if size
    }


def hostile_plots() -> list[Plot]:
    """Return a plot of lines and one of bars, whose names are hostile."""
    title, known = titled(HOSTILE), names(HOSTILE)
    limits = (Limit(known[0], 5),)
    lines = tuple(Series(name, ((1, at + 1), (2, at + 2), (4, at))) for at, name in enumerate(known))
    return [
        LinePlot(title, Axis("rank r", WHOLE, 2), Axis("file", FILE), lines, limits),
        BarPlot(title, known, Axis("parameters", PARAMETERS), (Part(known[0], tuple(range(len(known)))),), limits),
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_an_svg_has_every_label_with_its_unit(name: str) -> None:
    """Axes, series, limits and the title, as text that a reader can search."""
    plot = plot_of(COMMANDS[name])
    shown = texts(plot)
    if isinstance(plot, LinePlot):
        labels, named = [plot.x.label, plot.y.label], [series.name for series in plot.series]
    else:
        labels, named = [plot.value.label], [part.name for part in plot.parts]
    for label in labels:
        assert any(text == label or re.fullmatch(rf"{label} \([\w%]+\)", text) for text in shown), label
    named += [limit.name for limit in plot.limits]
    assert {each for each in named if each} <= set(shown)
    assert plot.title[0] in " ".join(shown)


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("plot", hostile_plots(), ids=["lines", "bars"])
def test_hostile_names_are_text_in_an_svg(plot: Plot) -> None:
    """Each stands there as it is declared, and no other element comes of it: no formula, no script."""
    shown = "".join(texts(plot))
    known = [series.name for series in plot.series] if isinstance(plot, LinePlot) else list(plot.categories)
    for name in known:
        # A long name beside a bar is on several lines.
        assert name in shown or all(piece in shown for piece in name.split("..."))


@pytest.mark.parametrize("plot", hostile_plots(), ids=["lines", "bars"])
@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("kind", TYPES)
def test_hostile_names_are_drawn_in_every_type(plot: Plot, kind: str) -> None:
    """Nothing of them is a formula that fails, or a character that the font lacks."""
    assert drawn_file(plot, f"x.{kind}")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_what_the_font_lacks_is_escaped(kind: str) -> None:
    """In files that hold no text, which would show boxes."""
    assert drawn_file(hostile_plots()[0], f"x.{kind}")


def test_a_png_is_a_column_wide_at_300_dots_an_inch() -> None:
    """3.5 inches, whole, and not too high for a page."""
    for plot in (plot_of(COMMANDS["sweep"]), plot_of(COMMANDS["memory"])):
        content = drawn_file(plot, "x.PNG")
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert content[-12:] == b"\x00\x00\x00\x00IEND\xaeB`\x82"
        width, height = struct.unpack(">II", content[16:24])
        assert width == 1050
        assert 600 < height < 1800


def test_a_pdf_is_a_column_wide_and_embeds_its_font() -> None:
    """In points of which an inch has 72."""
    content = drawn_file(plot_of(COMMANDS["fit"]), "x.pdf")
    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", content)
    assert box is not None
    assert float(box[1]) == 252
    assert b"/FontFile2" in content


def test_texts_are_read_at_a_columns_width() -> None:
    """None is smaller than 8 points."""
    assert min(points_of(plot_of(COMMANDS["memory"]))) >= 8


@pytest.mark.parametrize("kind", TYPES)
def test_the_same_plot_gives_the_same_bytes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the time is, without a trace of the machine."""
    plot = plot_of(COMMANDS["memory"])
    first = drawn_file(plot, f"x.{kind}")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert drawn_file(plot, f"x.{kind}") == first
    assert not re.search(rb"Date|matplotlib\.org, \d|/home/|/tmp/", first)


def test_bars_are_as_long_as_their_values() -> None:
    """To scale, from the same zero: 9 is three times 3."""
    plot = BarPlot((), ("a", "b"), Axis("x", MEMORY), (Part("", (9 * 2**30, 3 * 2**30)),))
    root = ET.fromstring(drawn_file(plot, "x.svg"))  # noqa: S314
    drawn = [
        [float(x) for x in re.findall(r"[ML] ([\d.]+)", path.attrib["d"])]
        for path in root.iter(f"{SVG}path")
        if COLOURS[0].lower() in path.attrib.get("style", "")
    ]
    (first, second) = drawn
    assert min(first) == min(second)
    assert max(first) - min(first) == pytest.approx(3 * (max(second) - min(second)), rel=1e-4)
