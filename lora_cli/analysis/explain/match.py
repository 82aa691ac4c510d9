"""A configuration that prints what the trainer printed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lora_cli.analysis.explain.search import Found
from lora_cli.analysis.result import Result

FIELDS = ("cause", "changes", "trainable_params", "all_params", "model", "config", "alternative_count")
AS_CONFIGURED = "as configured"


class Match(Result):
    """A configuration that makes exactly the printed count, and so the cause: what differs from what was believed.

    `changes` is how many things differ. `trainable_params` and `all_params` are PEFT's figures of it, on `model`.
    `config` is its adapter_config.json. `alternative_count` is how many more configurations make the same count by changes of
    the same kinds.
    """

    __slots__ = ("_is_resized", "_others")

    cause: str
    changes: int
    trainable_params: int
    all_params: int
    model: str
    config: str
    alternative_count: int
    _is_resized: bool
    _others: tuple[Match, ...]

    def __init__(self, found: Found, others: Sequence[Match] = ()) -> None:
        """Make the match of what was found; `others` are of the same kind."""
        cause = "; ".join(found.causes) or AS_CONFIGURED
        cost = found.cost
        values = (
            cause,
            len(found.kinds),
            cost.trainable_params,
            cost.all_params,
            cost.model,
            json.dumps(found.fields),
            len(others),
        )
        super().__init__(
            dict(zip(FIELDS, values, strict=True)), _is_resized=found.base.is_resized, _others=tuple(others)
        )

    @property
    def is_resized(self) -> bool:
        """Whether the base has sizes that `model` does not have, e.g. another vocabulary."""
        return self._is_resized

    @property
    def others(self) -> tuple[Match, ...]:
        """The further configurations of the same kind."""
        return self._others
