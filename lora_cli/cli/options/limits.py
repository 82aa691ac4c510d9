"""The options that set limits: one for each limit that `analysis.limits` declares."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Annotated, ClassVar

import typer

from lora_cli.analysis.limits import BUDGETS, LIMITS, MAX_MEMORY, Limit
from lora_cli.cli.help_text import LIMITS as GROUP
from lora_cli.quantities import read


class LimitOptions(dict[str, str | None]):
    """The texts of the options of all limits, by the limits' names."""

    limits: ClassVar[Mapping[str, Limit]] = LIMITS

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """Return a parameter for each of these options."""
        return [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    str | None, typer.Option(metavar=limit.metavar, help=limit.help, rich_help_panel=GROUP)
                ],
            )
            for name, limit in cls.limits.items()
        ]

    def read(self) -> dict[str, int | float]:
        """Return the limits that are set."""
        return {name: read(name, text, self.limits[name].parse) for name, text in self.items() if text is not None}


class BudgetOptions(LimitOptions):
    """The same for the limits that are budgets."""

    limits = BUDGETS


class CountBudgetOptions(LimitOptions):
    """The same for those budgets that counts alone are held to."""

    limits: ClassVar[Mapping[str, Limit]] = {name: limit for name, limit in BUDGETS.items() if name != MAX_MEMORY}
