"""Options that may be given once: Typer itself would keep the last of them without a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperOption

from lora_cli.errors import InvalidInput, first_few, quote


class SingleOptions(TyperCommand):
    """A command that refuses an option which is given twice, unless the option is a list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a command line after its repeated options were refused."""
        if not ctx.resilient_parsing:
            self._refuse_repeated(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_repeated(self, ctx: Any, args: Sequence[str]) -> None:
        single = [each for each in self.params if isinstance(each, TyperOption) and not each.multiple]
        # A parser keeps all values of a list.
        for option in single:
            option.multiple = True
        parser = self.make_parser(ctx)
        for option in single:
            option.multiple = False
        given, *_ = parser.parse_args(list(args))
        for option in single:
            values = given.get(str(option.name), ())
            if len(values) > 1:
                raise given_twice("/".join(sorted(option.opts, key=len)), () if option.is_flag else values)


def given_twice(name: str, values: Sequence[str] = ()) -> InvalidInput:
    """Return the error for an option that was given these values, or for a flag, which has none.

    >>> given_twice("-r/--rank", ["8", "16"])
    InvalidInput("-r/--rank is given twice: '8', '16'; keep one of them")
    >>> given_twice("--square")
    InvalidInput('--square is given twice: keep one of them')
    """
    listed = f"{first_few(values, quote)}; " if values else ""
    return InvalidInput(f"{name} is given twice: {listed}keep one of them")
