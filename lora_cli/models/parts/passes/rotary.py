"""How much of a head is rotated by its position (`transformers.modeling_rope_utils`)."""

from __future__ import annotations

from lora_cli.models.config import Config


def rotated_width(config: Config, width: int, *older: str, default: float = 1.0, exact: bool = False) -> int:
    """Return how much of a head's `width` is rotated. `older` are names that the share had beside rope_parameters.

    Values are rotated in pairs, so of an odd part one more is, unless the head is split `exact`ly there; then it does not run.

    >>> rotated_width(Config({"rotary_pct": 0.5}), 64, "rotary_pct", default=0.25)
    32
    >>> rotated_width(Config({"partial_rotary_factor": 0.2}), 16)
    4
    """
    share = config.real("partial_rotary_factor", *older, default=default)
    sections = [config.section(name) for name in ("rope_scaling", "rope_parameters") if config.fields.get(name)]
    part = int(width * (sections[0].real("partial_rotary_factor", default=share) if sections else share))
    return part if exact else part + part % 2
