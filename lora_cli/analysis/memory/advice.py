"""What each switch would save: the same training, replayed with that one switch turned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from lora_cli.analysis.memory.training import Training, cast_type
from lora_cli.errors import InvalidInput, argument

AUTOCAST = "autocast"


class Switch(NamedTuple):
    """A setting that can be turned: whether it can still be, and the fields of the training that it changes."""

    is_open: Callable[[Training], bool]
    changes: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The switch as a caller writes it."""
        ((name, value),) = self.changes.items()
        if not value:
            return argument(f"{name}=False")
        return argument(name) if value is True or name == AUTOCAST else f"{argument(name)} {value}"


class Saving(NamedTuple):
    """What a switch would leave of the peak, and what it would save."""

    switch: str
    peak_bytes: int
    saved_bytes: int


SWITCHES = (
    Switch(lambda training: not training.checkpointing, {"checkpointing": True}),
    Switch(lambda training: training.loss != "chunked", {"loss": "chunked"}),
    Switch(lambda training: not training.is_quantised, {"quantize": "nf4"}),
    Switch(lambda training: training.is_quantised and training.kbit_prepare, {"kbit_prepare": False}),
    Switch(lambda training: training.attention == "eager", {"attention": "sdpa"}),
    Switch(lambda training: training.optimizer in {"adamw", "adamw-foreach"}, {"optimizer": "adamw-8bit"}),
    Switch(lambda training: training.adapter_dtype == "float32" and training.has_flash, {"adapter_dtype": "bfloat16"}),
    Switch(lambda training: training.padded, {"padded": False}),
    Switch(lambda training: training.logits_kept, {"logits_kept": False}),
    Switch(lambda training: training.autocast is not None, {AUTOCAST: None}),
)


def savings(training: Training, peak_of: Callable[[Training], int]) -> Iterator[Saving]:
    """Yield what each switch that is not turned yet would save of the peak, where it saves anything."""
    peak = peak_of(training)
    halved = Switch(lambda training: training.batch > 1, {"batch": training.batch // 2})
    # What a quantised base leaves in float32, and a base in float32, is computed in half of that.
    mixed = Switch(lambda training: training.autocast is None, {AUTOCAST: cast_type(training.dtype)})
    for switch in (*SWITCHES, mixed, halved):
        if switch.is_open(training):
            try:
                other = peak_of(training._replace(**switch.changes))
            except InvalidInput:
                # What has no replay is no advice.
                continue
            if other < peak:
                yield Saving(switch.text, other, peak - other)
