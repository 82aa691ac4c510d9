"""The fields of a config.json, read with checks of their types and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lora_cli.errors import SHOWN_CHARACTERS, InvalidInput, quote

MAX_SIZE = 2**31 - 1
MAX_LAYERS = 10_000


def key(name: str) -> str:
    """Return a field's name for a message, quoted if it is long or not an identifier."""
    return name if name.isidentifier() and name.isascii() and len(name) <= SHOWN_CHARACTERS else quote(name)


class Config:
    """The fields of a config.json. A wrong value raises `InvalidInput` with the field's name and limits.

    A missing or null field takes the `default`, which is that of transformers. `names` are a field and its
    aliases; the first one that is present is used.
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
        """Return the error for a field that is not what is `expected`."""
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
        """Return a size that must not be missing or null."""
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
        """Return a finite number within the limits of sizes."""
        name, value = self._get(names)
        if value is None:
            return default
        if type(value) not in {int, float} or not -MAX_SIZE <= value <= MAX_SIZE:
            raise self.wrong(name, f"a number from -{MAX_SIZE} to {MAX_SIZE}")
        return float(value)

    def text(self, *names: str, default: str) -> str:
        """Return a string."""
        name, value = self._get(names)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def items(self, *names: str) -> list[Any] | None:
        """Return a list, or None if it is missing or null."""
        name, value = self._get(names)
        if value is not None and not isinstance(value, list):
            raise self.wrong(name, "a list")
        return value

    def section(self, *names: str) -> Config:
        """Return an object within the config as a config. A missing one is empty."""
        name, value = self._get(names)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Config(value or {}, f"{self.source}: {key(name)}")

    def with_defaults(self, **defaults: Any) -> Config:
        """Return the config with these values for fields that are missing or null."""
        missing = {name: value for name, value in defaults.items() if self.fields.get(name) is None}
        return Config({**self.fields, **missing}, self.source)

    def share(self, whole: int, whole_name: str, parts: int, parts_name: str) -> int:
        """Return whole / parts, which must be a whole number, e.g. the width of heads that share a hidden size."""
        if parts < 1 or whole % parts:
            raise InvalidInput(f"{self.source}: {whole_name} {whole} is not divisible by {parts_name} {parts}")
        return whole // parts

    def labels(self, default: int = 2) -> int:
        """Return the number of labels of a classifier: num_labels, or the length of id2label, or `default`."""
        named = self.fields.get("id2label")
        return self.number("num_labels", default=len(named) if isinstance(named, dict) else default)


def size(name: str, default: int | Callable[[Config], int], *aliases: str) -> Callable[[Config], int]:
    """Return a function that reads one size of a config: by one of `aliases` where `name` is missing, or another size.

    >>> width = size("hidden_size", 768, "n_embd")
    >>> width(Config({"n_embd": 1024})), size("word_embed_proj_dim", width)(Config({}))
    (1024, 768)
    """
    return lambda config: config.size(name, *aliases, default=default(config) if callable(default) else default)


def flag(name: str, *, default: bool) -> Callable[[Config], bool]:
    """Return a function that reads one flag of a config.

    >>> flag("use_bias", default=True)(Config({}))
    True
    """
    return lambda config: config.flag(name, default=default)


def real(name: str, default: float) -> Callable[[Config], float]:
    """Return a function that reads one finite number of a config."""
    return lambda config: config.real(name, default=default)


def text(name: str, default: str) -> Callable[[Config], str]:
    """Return a function that reads one string of a config."""
    return lambda config: config.text(name, default=default)


def set_unless_null(config: Config, name: str) -> bool:
    """Return a flag that transformers sets where it is missing and clears where it is null.

    >>> set_unless_null(Config({}), "bias"), set_unless_null(Config({"bias": None}), "bias")
    (True, False)
    """
    return config.flag(name, default=name not in config.fields)
