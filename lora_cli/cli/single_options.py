"""Options that may be given once: Typer itself would keep the last of them without a word."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from typer.core import TyperCommand, TyperOption

from lora_cli.errors import InvalidInput, first_few, quote

# The metavar of an option whose value may begin with a dash: in `--sort -r` the value is not missing.
FALLING = "[-]"


class SingleOptions(TyperCommand):
    """A command that refuses an option which is given twice, unless the option is a list."""

    _last: str | None = None

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a command line after its repeated options were refused."""
        self._last = args[-1] if args else None
        if not ctx.resilient_parsing:
            self._refuse_repeated(ctx, args)
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Offer options or, behind an option whose value may begin with a dash, values."""
        for option in self.params:
            if self._last in option.opts and str(option.metavar).startswith(FALLING):
                return option.shell_complete(ctx, incomplete)
        return super().shell_complete(ctx, incomplete)

    def _refuse_repeated(self, ctx: Any, args: Sequence[str]) -> None:
        single = [each for each in self.params if isinstance(each, TyperOption) and not each.multiple]
        # A parser keeps all values of a list.
        for option in single:
            option.multiple = True
        parser = self.make_parser(ctx)
        for option in single:
            option.multiple = False
        names = {name for each in self.params for name in each.opts if isinstance(each, TyperOption)}
        given, *_ = parser.parse_args(list(args))
        for option in single:
            values = given.get(str(option.name), ())
            if not option.is_flag and not str(option.metavar).startswith(FALLING):
                _refuse_options_as_values(option, values, names)
            if len(values) > 1:
                raise given_twice("/".join(sorted(option.opts, key=len)), () if option.is_flag else values)


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
