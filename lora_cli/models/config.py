"""A config.json's fields, read as what an architecture needs them to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lora_cli.errors import SHOWN_CHARACTERS, InvalidInput, quote

MAX_SIZE = 2**31 - 1
MAX_LAYERS = 10_000


def key(name: str) -> str:
    """Return a field's name for a message: as it is, but one from a file that is long or hostile."""
    return name if name.isidentifier() and name.isascii() and len(name) <= SHOWN_CHARACTERS else quote(name)


class Config:
    """The fields of a config.json. A wrong value is answered with the field's name and its limit.

    A field that is missing, or null where the model has a rule for that, takes the `default`, which
    is what transformers takes. `names` in a call are the field and its older names; the first that is
    there counts.
    """

    def __init__(self, fields: Mapping[str, Any], source: str = "config.json") -> None:
        self.fields = fields
        self.source = source

    def _get(self, names: tuple[str, ...]) -> tuple[str, Any]:
        for name in names:
            if self.fields.get(name) is not None:
                return name, self.fields[name]
        return names[0], None

    def wrong(self, name: str, expected: str) -> InvalidInput:
        """Return the error that says what a field is and what it must be."""
        return InvalidInput(f"{self.source}: {key(name)} is {quote(self.fields.get(name))}; it must be {expected}")

    def number(self, *names: str, default: int, least: int = 0, most: int = MAX_SIZE) -> int:
        """Return a whole number from `least` to `most`."""
        name, value = self._get(names)
        if value is None:
            return default
        if type(value) is not int or not least <= value <= most:
            raise self.wrong(name, f"a whole number from {least} to {most}")
        return value

    def size(self, *names: str, default: int) -> int:
        """Return a size: a whole number of 1 or more."""
        return self.number(*names, default=default, least=1)

    def needed(self, name: str) -> int:
        """Return a size that must be there: neither missing nor null."""
        if self.fields.get(name) is None:
            raise self.wrong(name, f"a whole number from 1 to {MAX_SIZE}")
        return self.size(name, default=1)

    def layers(self, *names: str, default: int) -> int:
        """Return a number of layers."""
        return self.number(*names, default=default, most=MAX_LAYERS)

    def flag(self, *names: str, default: bool) -> bool:
        """Return true or false."""
        name, value = self._get(names)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def real(self, *names: str, default: float) -> float:
        """Return a number that is finite, and no larger than sizes are."""
        name, value = self._get(names)
        if value is None:
            return default
        if type(value) not in {int, float} or not -MAX_SIZE <= value <= MAX_SIZE:
            raise self.wrong(name, f"a number from -{MAX_SIZE} to {MAX_SIZE}")
        return float(value)

    def text(self, *names: str, default: str) -> str:
        """Return a text."""
        name, value = self._get(names)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        return value

    def items(self, *names: str) -> list[Any] | None:
        """Return a list, or None where there is none."""
        name, value = self._get(names)
        if value is not None and not isinstance(value, list):
            raise self.wrong(name, "a list")
        return value

    def section(self, *names: str) -> Config:
        """Return a config within the config; a missing one is empty."""
        name, value = self._get(names)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Config(value or {}, f"{self.source}: {key(name)}")

    def share(self, whole: int, whole_name: str, parts: int, parts_name: str) -> int:
        """Return whole / parts, which must be a whole number, as for heads of a hidden size."""
        if parts < 1 or whole % parts:
            raise InvalidInput(f"{self.source}: {whole_name} {whole} is not divisible by {parts_name} {parts}")
        return whole // parts

    def labels(self, default: int = 2) -> int:
        """Return the number of labels of a classifier: num_labels, or as many as id2label has; else `default`."""
        named = self.fields.get("id2label")
        return self.number("num_labels", default=len(named) if isinstance(named, dict) else default)
