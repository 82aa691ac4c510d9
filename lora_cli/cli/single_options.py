"""Options that may be given once: Typer itself would keep the last of them without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from typer.core import TyperCommand, TyperOption

from lora_cli.errors import InvalidInput, first_few, quote

# The metavar of an option whose value may begin with a dash: in `--sort -r` the value is not missing.
FALLING = "[-]"


class SingleOptions(TyperCommand):
    """A command that refuses an option which is given twice, unless the option is a list."""

    _last: str | None = None

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a command line."""
        self._last = args[-1] if args else None
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Offer options or, behind an option whose value may begin with a dash, values."""
        for option in self.params:
            if self._last in option.opts and str(option.metavar).startswith(FALLING):
                return option.shell_complete(ctx, incomplete)
        return super().shell_complete(ctx, incomplete)

    def make_parser(self, ctx: Any) -> Any:
        """Return a parser that refuses repeated options, unless a shell completes a line, which may be wrong."""
        if ctx.resilient_parsing:
            return super().make_parser(ctx)
        options = [each for each in self.params if isinstance(each, TyperOption)]
        single = [each for each in options if not each.multiple]
        # A parser keeps all values of a list.
        for option in single:
            option.multiple = True
        parser: Any = super().make_parser(ctx)
        for option in single:
            option.multiple = False
        parse, names = parser.parse_args, {name for each in options for name in each.opts}

        def parse_once(args: list[str]) -> Any:
            given, *rest = parse(args)
            return _single_values(given, single, names), *rest

        parser.parse_args = parse_once
        return parser


def _single_values(given: Mapping[str, Any], single: Sequence[TyperOption], names: Set[str]) -> dict[str, Any]:
    """Return the values of a command line with one for each option that may be given once, or refuse the others."""
    values = dict(given)
    for option in single:
        if not (listed := given.get(str(option.name))):
            continue
        if not option.is_flag and not str(option.metavar).startswith(FALLING):
            _refuse_options_as_values(option, listed, names)
        if len(listed) > 1:
            raise given_twice("/".join(sorted(option.opts, key=len)), () if option.is_flag else listed)
        (values[str(option.name)],) = listed
    return values


def _refuse_options_as_values(option: TyperOption, values: Sequence[str], names: Set[str]) -> None:
    """Refuse an option whose value was forgotten, so that it took the name of the next one."""
    if (value := next((value for value in values if value in names), None)) is not None:
        name = "/".join(sorted(option.opts, key=len))
        raise InvalidInput(f"{name} has no value: {value} follows it at once; give one")


def given_twice(name: str, values: Sequence[str] = ()) -> InvalidInput:
    """Return the error for an option that was given these values, or for a flag, which has none.

    >>> given_twice("-r/--rank", ["8", "16"])
    InvalidInput("-r/--rank is given twice: '8', '16'; keep one of them")
    >>> given_twice("--square")
    InvalidInput('--square is given twice: keep one of them')
    """
    listed = f"{first_few(values, quote)}; " if values else ""
    return InvalidInput(f"{name} is given twice: {listed}keep one of them")
