"""Models that speak: one that writes words, and parts that make a voice of them."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Build, Part, Skeleton, under

THINKER = "thinker"


def speaking(thinker: Build, voice: Mapping[str, Part]) -> Build:
    """Return the class of the thinker and, unless they are switched off, the parts of its voice by name.

    Each part has a section of config.json. The class says of no module that it takes words or scores them.
    """

    def build(config: Config) -> Skeleton:
        speaks = config.flag("enable_audio_output", default=True)
        made = thinker(config.section(f"{THINKER}_config"))
        nodes = [*under(THINKER, made.nodes)]
        parts = {f"{THINKER}.{name}": what for name, what in made.parts.items()}
        for name, part in voice.items() if speaks else ():
            nodes += under(name, part(config.section(f"{name}_config")))
            parts[name] = name
        ties = {f"{THINKER}.{name}": f"{THINKER}.{source}" for name, source in made.tied.items()}
        return Skeleton(nodes, ties, parts=parts)

    return build
