"""A method's own settings: a frozen dataclass whose fields read themselves from an adapter_config.json.

A field made by one of the functions below is a field of PEFT's config for the method, with PEFT's default, and its
annotation says in a phrase what it does (`field_descriptions`). A field without one is not read: the method fills it
in once it is known what is adapted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar, cast, overload

from lora_cli.errors import InvalidInput, choices, quote
from lora_cli.models.config import MAX_SIZE, Config

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
U = TypeVar("U")
D = TypeVar("D", bound="DataclassInstance")
Reader = Callable[[Config, str], T]
READER, KNOWN = "reader", "known"
# A probability of dropout, which nearly every method has under a name of its own.
Dropout = Annotated[float, "Probability that an input of the adapter is left out of a training step"]


class Written(NamedTuple):
    """How PEFT's config has a field that is read as something else, or not at all: its type in words, and its default."""

    type: str
    default: object = None


def setting(read: Reader[T], default: U, *, compared: bool = True, known: Sequence[object] = ()) -> T | U:
    """Declare a field that `read` reads; one that is not `compared` makes no difference between two settings.

    `known` are the values to choose from, where there are a few.
    """
    return cast("T | U", field(default=default, compare=compared, metadata={READER: read, KNOWN: tuple(known)}))


def mapping(read: Reader[Mapping[str, T]]) -> Mapping[str, T]:
    """Declare a field that holds values by name and is empty by default."""
    return field(default_factory=dict, metadata={READER: read})


@overload
def size(default: int, *, least: int = 1, null: bool = True) -> int: ...
@overload
def size(default: None, *, least: int = 1) -> int | None: ...
def size(default: int | None, *, least: int = 1, null: bool = True) -> int | None:
    """Declare a whole number of at least `least`; without a default it is None where it is missing."""

    def read(config: Config, name: str) -> int | None:
        if default is None and config.fields.get(name) is None:
            return None
        return config.number(name, default=default or 0, least=least)

    return setting(read if null else _not_null(read), default)


@overload
def real(default: float, *, least: float = -MAX_SIZE, most: float = MAX_SIZE, null: bool = True) -> float: ...
@overload
def real(default: None, *, least: float = -MAX_SIZE, most: float = MAX_SIZE) -> float | None: ...
def real(default: float | None, *, least: float = -MAX_SIZE, most: float = MAX_SIZE, null: bool = True) -> float | None:
    """Declare a finite number from `least` to `most`; without a default it is None where it is missing."""

    def read(config: Config, name: str) -> float | None:
        if default is None and config.fields.get(name) is None:
            return None
        value = config.real(name, default=default or 0.0)
        if not least <= value <= most:
            raise InvalidInput(f"{config.source}: {name} is {quote(value)}; it must be from {least:g} to {most:g}")
        return value

    return setting(read if null else _not_null(read), default)


def scale(default: float) -> float | InvalidInput:
    """Declare an alpha, which PEFT divides by the rank. A null is its error, to be raised where no pattern has another."""

    def read(config: Config, name: str) -> float | InvalidInput:
        try:
            not_null(config, name)
        except InvalidInput as error:
            return error
        return config.real(name, default=default)

    return setting(read, default)


def probability() -> float:
    """Declare a probability, which is 0 by default."""
    return real(0.0, least=0, most=1)


def flag(default: bool) -> bool:
    """Declare a field that is true or false."""
    return setting(lambda config, name: config.flag(name, default=default), default, known=(True, False))


@overload
def text(default: str, *known: str) -> str: ...
@overload
def text(default: None, *known: str) -> str | None: ...
def text(default: str | None, *known: str) -> str | None:
    """Declare a text, one of the `known` ones if there are any; without a default it is None where it is missing."""

    def read(config: Config, name: str) -> str | None:
        value = config.text(name, default=default or "") if config.fields.get(name) is not None else default
        if known and value is not None and value not in known:
            raise InvalidInput(f"{config.source}: {name} is {quote(value)}; {choices(value, known)}")
        return value

    return setting(read, default, known=known)


def either(first: T, second: U, *known: str) -> T | U:
    """Declare a field that accepts what either of two fields does, e.g. true, false or a name like the `known` ones."""
    read_first, read_second = _metadata(first)[READER], _metadata(second)[READER]

    def read(config: Config, name: str) -> Any:
        try:
            return read_first(config, name)
        except InvalidInput:
            return read_second(config, name)

    both = (*_metadata(first)[KNOWN], *_metadata(second)[KNOWN], *known)
    return setting(read, cast("T | U", _default(cast("Field[T]", first))), known=both)


def ignored() -> object:
    """Declare a field that changes no count, whatever its type."""
    return setting(lambda config, name: config.fields.get(name), None, compared=False)


def checked(read: Callable[[Config, str], object]) -> object:
    """Declare a field that changes no count, and of which `read` refuses some values."""
    return setting(read, None, compared=False)


def not_null(config: Config, *names: str) -> None:
    """Refuse a null where PEFT has a default only for a missing field."""
    for name in names:
        if name in config.fields and config.fields[name] is None:
            raise InvalidInput(f"{config.source}: {name} is null; give a value, or leave it out")


def read_settings(kind: type[D], config: Config) -> D:
    """Return the settings that a config holds."""
    return kind(**{own.name: own.metadata[READER](config, own.name) for own in fields(kind) if READER in own.metadata})


def defaults(kind: type[DataclassInstance]) -> dict[str, object]:
    """Return the names of the fields of PEFT's config, with PEFT's defaults."""
    return {own.name: _default(own) for own in fields(kind) if READER in own.metadata}


def known_values(kind: type[DataclassInstance]) -> dict[str, tuple[object, ...]]:
    """Return the values to choose from, by the names of those fields of PEFT's config that have some."""
    return {own.name: own.metadata[KNOWN] for own in fields(kind) if own.metadata.get(KNOWN)}


def _default(declared: Field[T]) -> T:
    return cast("T", declared.default) if declared.default_factory is MISSING else declared.default_factory()


def _metadata(declared: object) -> Mapping[str, Any]:
    # What a function of this file returns is typed as the value for the sake of the dataclass; it is a field.
    return cast("Field[Any]", declared).metadata


def _not_null(read: Reader[T]) -> Reader[T]:
    def read_value(config: Config, name: str) -> T:
        not_null(config, name)
        return read(config, name)

    return read_value
