"""How help looks: options in groups by what they are about, within the width of the terminal.

An option names its group where it is declared (`rich_help_panel`, as Typer calls it). The text is plain: importing Rich
would take longer than most answers.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any

from typer.core import TyperCommand, TyperGroup

# The groups of options, and their order. --help, which Typer adds, goes to the last.
SUBJECT, METHOD, TRAINING, SERVING = "Subject", "Method", "Training", "Serving"
RUN, LIMITS, OUTPUT = "Run", "Limits", "Output"
GROUPS = (SUBJECT, METHOD, TRAINING, SERVING, RUN, LIMITS, OUTPUT)
# What comes behind them.
FIELDS = "Fields for --field"
# The same for the commands.
QUESTIONS, LISTINGS = "Commands", "Listings"
# What Typer calls the widest help, also on a wider terminal.
WIDTH = {"max_content_width": 100}
# An option without a short name starts where the long names of the others do.
SHORT_NAME = "-x, "
# No line ends inside `code` and [default: …], around an operator, or behind a hyphen. Until the
# lines are made, other characters stand for these spaces and hyphens.
WHOLE = r"`[^`]*`|\[default: [^]]*\]| [*/+=] |(?<!\w)- |-"
# Where the first phrase of a help text ends, which is all that a shell has room for.
PHRASE_END = re.compile(r"[,;:.] |\.$|  \[| \(")
UNBROKEN = str.maketrans(" -", "\xa0\u2011")
BROKEN = str.maketrans("\xa0\u2011", " -")


class GroupedHelp(TyperCommand):
    """A command whose help has its options in groups."""

    def get_help(self, ctx: Any) -> str:
        """Return the help."""
        return super().get_help(ctx).translate(BROKEN)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return what a shell offers, with the first phrase of the help of each option."""
        offered = super().shell_complete(ctx, incomplete)
        reverses = {off: parameter.opts[0] for parameter in self.params for off in parameter.secondary_opts}
        for item in offered:
            item.help = f"Turn off {reverses[item.value]}" if item.value in reverses else first_phrase(item.help or "")
        return offered

    def format_help_text(self, _: Any, formatter: Any) -> None:
        """Write the docstring."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_with_whole_terms(cleandoc(self.help or "")))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options group by group, all with their help in one column."""
        groups: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
        # The sort is stable: arguments come first, and everything else as it is declared.
        for parameter in sorted(self.get_params(ctx), key=lambda each: each.param_type_name):
            name, text = parameter.get_help_record(ctx) or ("", "")
            if parameter.secondary_opts:
                name = parameter.opts[0].replace("--", "--[no-]")
            indent = SHORT_NAME if name.startswith("--") else ""
            group = getattr(parameter, "rich_help_panel", None) or OUTPUT
            groups[group].append((" " * len(indent) + name, _with_whole_terms(text)))
        widest = max(len(name) for rows in groups.values() for name, _ in rows)
        for group, rows in groups.items():
            if rows:
                with formatter.section(group):
                    formatter.write_dl([(name.ljust(widest), text) for name, text in rows])

    def format_epilog(self, _: Any, formatter: Any) -> None:
        """Write the fields of the records, which the epilog lists."""
        with formatter.section(FIELDS):
            formatter.write_text(self.epilog)


class GroupedCommands(TyperGroup):
    """The program's own help, which has the commands in groups."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return what a shell offers, with the whole first sentence of the help of each command."""
        offered = super().shell_complete(ctx, incomplete)
        for item in offered:
            if item.value in self.commands:
                item.help = self.commands[item.value].get_short_help_str(limit=WIDTH["max_content_width"]).rstrip(".")
            else:
                item.help = first_phrase(item.help or "")
        return offered

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands group by group, a line for each."""
        widest = max(map(len, self.commands))
        groups: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            short = command.get_short_help_str(limit=formatter.width)
            group = getattr(command, "rich_help_panel", None) or QUESTIONS
            groups.setdefault(group, []).append((name.ljust(widest), short))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)


def first_phrase(text: str) -> str:
    """Return a help text up to its first comma, colon, semicolon, full stop or bracket.

    >>> first_phrase("A config, e.g. of PEFT."), first_phrase("Files (.csv).  [default: a.csv]"), first_phrase("All.")
    ('A config', 'Files', 'All')
    """
    return PHRASE_END.split(text, maxsplit=1)[0]


def _with_whole_terms(text: str) -> str:
    """Return a text in which no line may end inside a term.

    >>> text = "up to d * h, e.g. `lora-cli methods`  [default: lora]"
    >>> [part.translate(BROKEN) for part in _with_whole_terms(text).split(" ")]
    ['up', 'to', 'd * h,', 'e.g.', '`lora-cli methods`', '', '[default: lora]']
    """
    return re.sub(WHOLE, lambda term: term[0].translate(UNBROKEN), text)
