"""How much of a head is rotated by its position (`transformers.modeling_rope_utils`)."""

from __future__ import annotations

from lora_cli.models.config import Config


def rotated_width(config: Config, width: int, *older: str, default: float = 1.0) -> int:
    """Return how much of a head's `width` is rotated. `older` are names that the share had beside rope_parameters.

    >>> rotated_width(Config({"rotary_pct": 0.5}), 64, "rotary_pct", default=0.25)
    32
    """
    share = config.real("partial_rotary_factor", *older, default=default)
    sections = [config.section(name) for name in ("rope_scaling", "rope_parameters") if config.fields.get(name)]
    return int(width * (sections[0].real("partial_rotary_factor", default=share) if sections else share))
