"""The count in a text: one log line, or a whole log in which it is looked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import index
from typing import NamedTuple, SupportsIndex

from lora_cli.analysis.explain.log_formats import LOG_FORMATS, MOST_LINES, LogFormat
from lora_cli.analysis.explain.printed_count import PrintedCount, is_figure, read_figure
from lora_cli.errors import InvalidInput, argument, quote, quote_long

MOST_CHARACTERS = 64 * 2**20
# Colours, which loggers put around words.
COLOUR = re.compile("\x1b\\[[0-9;]{0,20}m")
# Who prints a figure alone: nobody, it is typed.
ALONE = "number"
# What may stand behind a figure without belonging to it.
PUNCTUATION = "%.,;:`'\")]}*_"


class LogCount(NamedTuple):
    """The count of a log, and the sentences to say about it."""

    printed: PrintedCount
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def read_log(text: object) -> LogCount:
    """Return the last count that a text says, by a line with the figure of all parameters where one has the same count.

    >>> read_log("trainable params: 294912 || all params: 124734720 || trainable%: 0.2364").printed.trainable.low
    294912
    """
    if isinstance(text, SupportsIndex) and not isinstance(text, bool):
        text = str(index(text))
    if not isinstance(text, str):
        raise InvalidInput(f"{argument('text')}: {quote(text)} is not a string; give a log line")
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(
            f"{argument('text')} has {len(text):,} characters, over the limit of {MOST_CHARACTERS:,}; "
            "give only the lines that have a count"
        )
    counts: list[PrintedCount] = []
    refusals: list[InvalidInput] = []
    if is_figure(text.strip()):
        counts.append(PrintedCount(text.strip(), ALONE, read_figure(text.strip())))
    for form, match in _matches(text):
        try:
            counts.append(_count(form, match))
        except InvalidInput as error:
            refusals.append(error)
    if not counts:
        raise refusals[0] if refusals else _nothing(text)
    # The Trainer repeats what is trained, without the figure of all parameters that PEFT's line before it has.
    fuller = [each for each in counts if each.all is not None or each.is_nominal]
    count = [counts[-1], *(each for each in fuller if each.trainable.meets(counts[-1].trainable))][-1]
    said = {each.trainable for each in fuller}
    bare = [each for each in counts if each.trainable not in said and not each.trainable.meets(count.trainable)]
    distinct = len({each[2:4] for each in (count, *fuller, *bare)})
    count.check()
    contradiction = count.contradiction()
    many = f"{'at least ' * (distinct >= MOST_LINES)}{distinct:,}"
    notes = [f"the log has {many} different counts; the last one is explained"] if distinct > 1 else []
    if count.is_nominal:
        notes.append(
            "the figure of all parameters is the size in the model's name, so only what is trained is explained"
        )
    return LogCount(count, () if contradiction is None else (contradiction,), tuple(notes))


def _matches(text: str) -> Iterator[tuple[LogFormat, re.Match[str]]]:
    """Yield what the formats find, in the order of the text."""
    if "\x1b" in text:
        text = COLOUR.sub("", text)
    # Characters that get longer in lower case would move the others.
    lower = text.lower() if text.isascii() else re.sub("[A-Z]+", lambda word: word[0].lower(), text)
    found = ((form, match) for form in LOG_FORMATS.values() for match in form.matches(text, lower))
    yield from sorted(found, key=lambda pair: pair[1].start())


def _count(form: LogFormat, match: re.Match[str]) -> PrintedCount:
    """Return the count of one line."""
    groups = {name: None if text is None else text.rstrip(PUNCTUATION) for name, text in match.groupdict().items()}
    figures = {name: read_figure(groups[name] or "") for name in ("trainable", "all") if groups.get(name) is not None}
    whole = figures.get("all")
    if whole is not None and form.nominal and whole.low % form.nominal == 0:
        return PrintedCount(match[0].strip(), form.name, figures["trainable"], is_nominal=True)
    return PrintedCount(match[0].strip(), form.name, figures["trainable"], whole, groups.get("percent"))


def _nothing(text: str) -> InvalidInput:
    """Return the error for a text without a count."""
    if not text.strip():
        return InvalidInput(
            f"{argument('text')} is empty; give a log line, e.g. {quote_long(LOG_FORMATS['peft'].example)}"
        )
    no_file = ", and is not a file here" if len(text.split()) == 1 else ""
    return InvalidInput(
        f"{argument('text')}: {quote(text)} has no line that says how many parameters are trained{no_file}; give one as "
        "the trainer printed it, e.g. 'trainable params: 41,943,040 || all params: 8,072,204,288', or only the number"
    )
