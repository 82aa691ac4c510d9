"""Plots as text, for a terminal of any width, in Unicode or ASCII. Colour is not needed: each series has a character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from string import ascii_uppercase

from lora_cli.output.blocks import in_ascii
from lora_cli.output.memory_parts import apportioned
from lora_cli.output.plots.canvas import SEVERAL, Canvas, Place
from lora_cli.output.plots.plot import NAME_CHARACTERS, BarPlot, LinePlot, Plot, names
from lora_cli.output.plots.ticks import Scale, scale
from lora_cli.output.report import Screen
from lora_cli.output.wrapping import fold, packed, screen_width

# Where the screen says nothing.
WIDTH, HEIGHT = 80, 24
# A plot is not drawn smaller than this, nor its lines higher.
LEAST_WIDTH, LEAST_ROWS, MOST_ROWS = 20, 5, 20
TITLE_GAP, ASCII_TITLE_GAP, LEGEND_GAP = " · ", " - ", "   "
# Columns between two labels below an axis, and the rows that a label beside it takes with the space around it.
LABEL_GAP, TICK_ROWS = 2, 3
# Characters of a name in a legend, where there is room and where there is less.
NAMES = (NAME_CHARACTERS, 24, 14)
# Columns between two marks of a line.
MARK_GAP = 3
# The fills of the parts of a bar.
FILLS, ASCII_FILLS = "█▒▓░▚▞▤", "#=+:%o/"
WHOLE, ASCII_WHOLE = "━", "-"
EIGHTHS = " ▏▎▍▌▋▊▉"
DOT, ASCII_DOT = "●", "o"
LIMIT, ASCII_LIMIT = "│", "|"
LEVELS, ASCII_LEVELS = "╌═┈≈", "-=~:"


def draw(plot: Plot, screen: Screen) -> list[str]:
    """Return the lines of a plot that is as wide as the screen, and as high where its lines and bars allow."""
    unicode, width = screen.unicode, max(LEAST_WIDTH, WIDTH if screen.width is None else screen.width)
    # The last line of a screen is the prompt's.
    height = (HEIGHT if screen.height is None else screen.height) - 1
    plot = plot if unicode else _in_ascii(plot)
    title = packed(plot.title, TITLE_GAP if unicode else ASCII_TITLE_GAP, width).split("\n") if plot.title else []
    if isinstance(plot, BarPlot):
        return [line.rstrip() for line in (*title, "", *_Bars(plot, width, unicode=unicode).lines())]
    lines = _lines(plot, width, height - len(title) - 1, unicode=unicode)
    return [line.rstrip() for line in (*title, "", *lines)]


def _lines(plot: LinePlot, width: int, height: int, *, unicode: bool) -> Iterator[str]:
    levels = LEVELS if unicode else ASCII_LEVELS
    legend = _legend(plot, levels, width, height // 3)
    # One line is for marks that meet, and three for the axes.
    rows = height - 4 - _height([*legend, f"{SEVERAL} several"], width)
    rows = min(MOST_ROWS, max(LEAST_ROWS, rows))
    ys = [y for series in plot.series for _, y in series.points] + [limit.value for limit in plot.limits]
    y = scale(plot.y, ys, rows // TICK_ROWS + 1, from_zero=True)
    beside = max(map(screen_width, y.labels), default=0)
    columns = max(1, width - beside - 2)
    x = scale(plot.x, [x for series in plot.series for x, _ in series.points], max(2, columns // 10))
    canvas = Canvas(columns, rows, unicode=unicode)
    for at, limit in enumerate(plot.limits):
        canvas.level(y.share(limit.value), levels[at % len(levels)])
    for mark, series in zip(ascii_uppercase, plot.series, strict=False):
        places = [(x.share(at), y.share(value)) for at, value in series.points]
        for start, end in pairwise(places):
            canvas.line(start, end)
        for place in _spread(places, MARK_GAP / columns):
            canvas.mark(place, mark if series.name else ASCII_DOT)
    yield from fold(y.title, width).split("\n")
    labels = {canvas.cell((0, y.share(tick)))[1]: label for tick, label in zip(y.ticks, y.labels, strict=True)}
    for row, line in enumerate(canvas.lines()):
        tick = ("┤" if unicode else "+") if row in labels else LIMIT if unicode else ASCII_LIMIT
        yield f"{labels.get(row, ''):>{beside}} {tick}{line}"
    yield from (" " * (beside + 1) + line for line in _below(x, canvas, unicode=unicode))
    yield from (f"{' ' * max(0, width - screen_width(line))}{line}" for line in fold(x.title, width).split("\n"))
    yield from _packed([*legend, f"{SEVERAL} several"] if canvas.has_several else legend, width)


def _legend(plot: LinePlot, levels: str, width: int, most: int) -> list[str]:
    """Return what each mark is, with names shortened until that takes at most as many lines, or they are short."""
    legend: list[str] = []
    for room in NAMES:
        found = names([series.name for series in plot.series], room)
        legend = [f"{mark} {name}" for mark, name in zip(ascii_uppercase, found, strict=False) if name]
        legend += [f"{3 * levels[at % len(levels)]} {limit.name}" for at, limit in enumerate(plot.limits)]
        if _height(legend, width) <= most:
            break
    return legend


def _spread(places: Sequence[Place], gap: float) -> Iterator[Place]:
    """Yield those of a line's places that are apart, among them the first and the last."""
    last = -1.0
    for at, place in enumerate(places):
        if at == len(places) - 1 or place[0] - last >= gap:
            yield place
            last = place[0]


def _in_ascii(plot: Plot) -> Plot:
    """Return a plot whose names a screen without Unicode shows."""
    title = tuple(map(_escaped, plot.title))
    limits = tuple(replace(limit, name=_escaped(limit.name)) for limit in plot.limits)
    if isinstance(plot, LinePlot):
        series = tuple(replace(each, name=_escaped(each.name)) for each in plot.series)
        return replace(plot, title=title, limits=limits, series=series)
    parts = tuple(replace(part, name=_escaped(part.name)) for part in plot.parts)
    return replace(plot, title=title, limits=limits, parts=parts, categories=tuple(map(_escaped, plot.categories)))


def _escaped(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()


def _below(axis: Scale, canvas: Canvas, *, unicode: bool) -> Iterator[str]:
    """Yield an axis and, below it, those of its labels that have room."""
    columns = canvas.columns
    corner, rule, tick = ("└", "─", "┬") if unicode else ("+", "-", "+")
    ruled, text = [rule] * columns, ""
    for value, label in zip(axis.ticks, axis.labels, strict=True):
        at, _ = canvas.cell((axis.share(value), 0))
        start = min(max(0, at - len(label) // 2), max(0, columns - len(label)))
        if not text or start >= len(text) + LABEL_GAP:
            ruled[at] = tick
            text = f"{text:<{start}}{label}"
    yield corner + "".join(ruled)
    yield f" {text}"


class _Bars:
    """The bars of a plot: each stands behind its name, or below it where the name takes too much room."""

    def __init__(self, plot: BarPlot, width: int, *, unicode: bool) -> None:
        self.plot, self.width, self.unicode = plot, width, unicode
        values = [value for part in plot.parts for value in part.values if value is not None]
        values = plot.totals if plot.is_stacked else values
        self.scale = scale(plot.value, [*values, *(limit.value for limit in plot.limits)], 5, from_zero=True)
        texts = [*map(plot.value.unit.text, values)]
        longest = max(map(screen_width, plot.categories))
        self.is_below = longest > width // 3
        self.indent = 0 if self.is_below else longest + 2
        self.room = max(1, width - self.indent - max(map(len, texts)) - 1)
        fills, whole = (FILLS, WHOLE) if unicode else (ASCII_FILLS, ASCII_WHOLE)
        given = [part.fill if unicode else in_ascii(part.fill) for part in plot.parts]
        self.fills = [
            given[at] or (whole if part.is_whole else fills[at % len(fills)]) for at, part in enumerate(plot.parts)
        ]

    def lines(self) -> Iterator[str]:
        """Yield the lines of the bars, and the legend."""
        yield from fold(self.plot.value.label, self.width).split("\n")
        for at, category in enumerate(self.plot.categories):
            bars = [self._stack(at)] if self.plot.is_stacked else [*self._beside(at)]
            if self.is_below:
                yield from fold(category, self.width).split("\n")
            for number, bar in enumerate(bars):
                name = category if number == 0 and not self.is_below else ""
                yield name + " " * (self.indent - screen_width(name)) + bar
        legend = [f"{fill} {part.name}" for part, fill in zip(self.plot.parts, self.fills, strict=True) if part.name]
        legend += [f"{LIMIT if self.unicode else ASCII_LIMIT} {limit.name}" for limit in self.plot.limits]
        yield from _packed(legend, self.width)

    def _stack(self, at: int) -> str:
        """Return the parts of a bar behind each other, and their sum."""
        total = self.plot.totals[at]
        sizes = [part.values[at] or 0 for part in self.plot.parts]
        cells = apportioned(sizes, round(self.room * self.scale.share(total)))
        drawn = "".join(fill * count for fill, count in zip(self.fills, cells, strict=True))
        return self._with_limits(drawn) + f" {self.plot.value.unit.text(total)}"

    def _beside(self, at: int) -> Iterator[str]:
        """Yield a bar for each part that has a value."""
        for part, fill in zip(self.plot.parts, self.fills, strict=True):
            if (value := part.values[at]) is not None:
                yield self._with_limits(self._bar(value, fill)) + f" {self.plot.value.unit.text(value)}"

    def _bar(self, value: float, fill: str) -> str:
        share = self.scale.share(value)
        if self.plot.value.base is not None:
            dot = (DOT if self.unicode else ASCII_DOT) if len(self.plot.parts) == 1 else fill
            return " " * min(self.room - 1, round(share * self.room)) + dot
        eighths = round(8 * self.room * share)
        rest = EIGHTHS[eighths % 8] if fill == FILLS[0] else ""
        return (fill * (eighths // 8 if rest else round(eighths / 8)) + rest).rstrip()

    def _with_limits(self, bar: str) -> str:
        """Return a bar as wide as the room, with a line at each limit, and nothing else behind its end."""
        cells = list(bar.ljust(self.room))
        for limit in self.plot.limits:
            cells[min(self.room - 1, round(self.room * self.scale.share(limit.value)))] = (
                LIMIT if self.unicode else ASCII_LIMIT
            )
        return "".join(cells)


def _packed(legend: Sequence[str], width: int) -> list[str]:
    return packed(legend, LEGEND_GAP, width).split("\n") if legend else []


def _height(legend: Sequence[str], width: int) -> int:
    return len(_packed(legend, width))
