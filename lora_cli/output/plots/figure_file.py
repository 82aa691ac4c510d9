"""Plots as figures in files: SVG, PNG and PDF, one column of a paper wide. No other file knows matplotlib.

Its objects are used directly: pyplot would choose a backend by the environment. The same plot gives the same bytes.
"""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from lora_cli.output.plots.plot import BarPlot, LinePlot, Plot
from lora_cli.output.plots.ticks import Scale, scale
from lora_cli.output.wrapping import fold, packed

# Inches: a column of a paper is 3.5 wide, and a line of its smallest text that is still read, 8 points, 0.16 high.
WIDTH, LINES_HEIGHT, BAR_HEIGHT, AXIS_HEIGHT, TEXT_HEIGHT = 3.5, 2.2, 0.2, 0.6, 0.165
POINTS, DOTS_PER_INCH = 8, 300
# Characters of a line of the title, of a name beside a bar, and of a name in the legend, at that size.
TITLE_COLUMNS, BAR_COLUMNS, LEGEND_COLUMNS = 48, 18, 46
# A legend of so many columns has room for names of so many characters.
LEGENDS = {3: 11, 2: 20}
MOST_X, MOST_Y, MOST_VALUES = 7, 6, 5
# Okabe and Ito's colours, which the colour-blind tell apart, without the yellow that white paper hides. The numbers of
# colours, markers and dashes have no common factor before the last series, so each series has a pair of its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.5, 1.5)))
HATCHES = ("", "////", "..", "xxx", "\\\\\\\\", "++", "---", "||")
WHOLE_COLOUR, GRID_COLOUR = "#BBBBBB", "#DDDDDD"
LIMIT: dict[str, Any] = {"color": "#000000", "linewidth": 1.2}
# Limits of several cards differ in their dashes.
LIMIT_DASHES: tuple[Any, ...] = ((0, (4, 2)), (0, (1, 1)), (0, (6, 2, 1, 2)), (0, (8, 4)))
# More points than these are a line without markers between its ends.
MOST_MARKERS = 40
FONT = "DejaVu Sans"
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "font.size": POINTS,
    "axes.titlesize": POINTS,
    "axes.labelsize": POINTS,
    "xtick.labelsize": POINTS,
    "ytick.labelsize": POINTS,
    "legend.fontsize": POINTS,
    "axes.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    # A name from a file is not a formula, and text in an SVG is text, which a reader can search.
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "lora-cli",
    "pdf.fonttype": 42,
}
# What a file says of its making: nothing that changes from run to run.
METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Creator": "lora-cli", "Date": None},
    "pdf": {"Creator": "lora-cli", "Producer": None, "CreationDate": None},
    "png": {"Software": None},
}
# The type of file whose text the reader's own fonts show.
TEXT_TYPE = "svg"


def figure(plot: Plot, file_type: str) -> bytes:
    """Return the file of a plot: `svg`, `png` or `pdf`."""
    stream = io.BytesIO()
    # A user's own settings would change what is drawn.
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        drawn = _Drawing(plot, is_text=file_type == TEXT_TYPE).figure()
        drawn.savefig(stream, format=file_type, dpi=DOTS_PER_INCH, metadata=METADATA[file_type])
    return stream.getvalue()


class _Drawing:
    """A plot on its way to a figure, whose height follows from what is on it."""

    def __init__(self, plot: Plot, *, is_text: bool) -> None:
        self.plot = plot
        self._legend: list[tuple[Artist, str]] = []
        self._characters = None if is_text else get_font(_font_path()).get_charmap()
        self.title = packed(map(self._shown, plot.title), " · ", TITLE_COLUMNS)

    def figure(self) -> Figure:
        """Return the figure."""
        plot = self.plot
        figure = Figure(figsize=(WIDTH, 1), layout="constrained")
        axes = figure.add_subplot()
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        height = self._lines(axes, plot) if isinstance(plot, LinePlot) else self._bars(axes, plot)
        figure.suptitle(self.title, x=0.02, ha="left", fontsize=POINTS, fontweight="bold", linespacing=1.25)
        lines = self.title.count("\n") + 1 + self._draw_legend(figure)
        figure.set_size_inches(WIDTH, height + AXIS_HEIGHT + TEXT_HEIGHT * lines)
        return figure

    def _draw_legend(self, figure: Figure) -> int:
        """Draw the legend below the axes, and return how many lines of text it has."""
        if not self._legend:
            return 0
        labels = [fold(self._shown(name), LEGEND_COLUMNS) for _, name in self._legend]
        longest = max(map(len, labels))
        columns = next((number for number, room in LEGENDS.items() if longest <= room and len(labels) >= number), 1)
        legend = figure.legend(
            [artist for artist, _ in self._legend],
            [""] * len(labels),
            loc="outside lower left",
            ncols=columns,
            frameon=False,
            handlelength=2.6,
            columnspacing=1.2,
            labelspacing=0.35,
            borderpad=0.2,
        )
        # The library leaves out what it is given with a name that begins with an underscore.
        for text, label in zip(legend.get_texts(), labels, strict=True):
            text.set_text(label)
        return sum(label.count("\n") + 1 for label in labels[::columns])

    def _shown(self, name: str) -> str:
        """Return a name in characters that the font has; a reader's own fonts show the text of an SVG."""
        if self._characters is None:
            return name
        return "".join(
            each if ord(each) in self._characters else each.encode("ascii", "backslashreplace").decode()
            for each in name
        )

    def _lines(self, axes: Axes, plot: LinePlot) -> float:
        """Draw lines over an axis, and return how high that is."""
        points = [point for series in plot.series for point in series.points]
        x = scale(plot.x, [at for at, _ in points], MOST_X)
        y = scale(plot.y, [*(at for _, at in points), *(limit.value for limit in plot.limits)], MOST_Y, from_zero=True)
        _set_axis(axes, "x", x)
        _set_axis(axes, "y", y)
        axes.grid(color=GRID_COLOUR, linewidth=0.5)
        for at, series in enumerate(plot.series):
            (line,) = axes.plot(
                [place for place, _ in series.points],
                [place for _, place in series.points],
                color=COLOURS[at % len(COLOURS)],
                marker=MARKERS[at % len(MARKERS)],
                linestyle=DASHES[at % len(DASHES)],
                markevery=_marked(len(series.points)),
                linewidth=1.2,
                markersize=4,
                markeredgecolor="white",
                markeredgewidth=0.4,
                clip_on=False,
            )
            if series.name:
                self._legend.append((line, series.name))
        self._legend += [(axes.axhline(limit.value, **_limit(at)), limit.name) for at, limit in enumerate(plot.limits)]
        return LINES_HEIGHT

    def _bars(self, axes: Axes, plot: BarPlot) -> float:
        """Draw bars from the top to the bottom, and return how high that is."""
        values = [value for part in plot.parts for value in part.values if value is not None]
        ends = plot.totals if plot.is_stacked else values
        shown = scale(plot.value, [*ends, *(limit.value for limit in plot.limits)], MOST_VALUES, from_zero=True)
        _set_axis(axes, "x", shown)
        axes.grid(axis="x", color=GRID_COLOUR, linewidth=0.5)
        labels = [fold(self._shown(name), BAR_COLUMNS) for name in plot.categories]
        top = 0.0
        centres = []
        for at, label in enumerate(labels):
            parts = [(index, part) for index, part in enumerate(plot.parts) if part.values[at] is not None]
            rows = 1 if plot.is_stacked else len(parts)
            lines = max(rows, (label.count("\n") + 1) * TEXT_HEIGHT / BAR_HEIGHT)
            first = top + (lines - rows + 1) / 2
            left = 0.0
            for row, (index, part) in enumerate(parts):
                value, place = part.values[at] or 0.0, first + (0 if plot.is_stacked else row)
                if plot.value.base is None:
                    axes.barh([place], [value], height=0.8, left=[left], **_fill(plot, index))
                else:
                    axes.plot([value], [place], **_dot(index))
                if not plot.is_stacked:
                    _value(axes, plot.value.unit.text(value), place)
                left += value if plot.is_stacked else 0
            if plot.is_stacked:
                _value(axes, plot.value.unit.text(left), first)
            centres.append(top + lines / 2)
            top += lines + 0.5
        axes.set_ylim(top - 0.5 + 0.25, -0.25)
        axes.yaxis.set_major_locator(FixedLocator(centres))
        axes.set_yticklabels(labels)
        axes.tick_params(axis="y", length=0)
        for index, part in enumerate(plot.parts):
            if part.name:
                artist = Patch(**_fill(plot, index)) if plot.value.base is None else Line2D([], [], **_dot(index))
                self._legend.append((artist, part.name))
        self._legend += [(axes.axvline(limit.value, **_limit(at)), limit.name) for at, limit in enumerate(plot.limits)]
        return top * BAR_HEIGHT


def _marked(points: int) -> list[int]:
    """Return which points of a line have a marker, the first and the last among them."""
    return sorted({*range(0, points, -(-points // MOST_MARKERS)), points - 1})


def _fill(plot: BarPlot, index: int) -> dict[str, Any]:
    colour = WHOLE_COLOUR if plot.parts[index].is_whole else COLOURS[index % len(COLOURS)]
    hatch = "" if plot.parts[index].is_whole else HATCHES[index % len(HATCHES)]
    return {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}


def _limit(index: int) -> dict[str, Any]:
    return {**LIMIT, "linestyle": LIMIT_DASHES[index % len(LIMIT_DASHES)]}


def _dot(index: int) -> dict[str, Any]:
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    return {"color": colour, "marker": marker, "markersize": 5, "linestyle": ""}


def _value(axes: Axes, text: str, place: float) -> None:
    """Write a value right of the axes, where no bar and no limit is."""
    axes.annotate(
        text,
        (1, place),
        xycoords=axes.get_yaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
    )


def _set_axis(axes: Axes, which: str, shown: Scale) -> None:
    """Give an axis its scale, its ticks and their labels as they are declared."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    if shown.base is not None:
        axes.set(**{f"{which}scale": "log"})
    axis.set_major_locator(FixedLocator(list(shown.ticks)))
    axis.set_minor_locator(NullLocator())
    axes.set(**{f"{which}lim": (shown.low, shown.high), f"{which}ticklabels": list(shown.labels)})
    axes.set(**{f"{which}label": shown.title})


def _font_path() -> str:
    return str(findfont(FontProperties(family=FONT)))
