"""What a method is: the fields of PEFT's config for it, and in closed form the tensors that it adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.knob import Sizes, ranks
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor
from lora_cli.models.config import MAX_SIZE, Config
from lora_cli.models.model import Model

Reader = Callable[[Config, str], Any]
Targets = Mapping[str, "tuple[str, ...] | str | None"]
Default = Callable[[Model], "tuple[str, ...] | str | None"]

# The fields that most of PEFT's configs share, and that decide where an adapter goes.
TARGETING = frozenset({"target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save"})
# What any of PEFT's configs has: where an adapter comes from and what it is for.
EVERYWHERE = frozenset(
    {
        "peft_type",
        "task_type",
        "auto_mapping",
        "peft_version",
        "base_model_name_or_path",
        "revision",
        "inference_mode",
    }
)
# What PEFT's config classes refuse of the fields that choose layers: either of them beside a text as
# target_modules, and layers_pattern without layers_to_transform. Not every class looks at all three.
LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, PATTERN_ALONE = "layers with text", "pattern with text", "pattern alone"
LAYER_RULES = frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, PATTERN_ALONE})
LINEAR = ("Linear",)
LINEARS = ("Linear", "Conv1D")


class Settings:
    """A method's own fields with their values, as attributes."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = MappingProxyType(dict(values))

    def replaced(self, **values: Any) -> Settings:
        """Return settings with some values changed or added."""
        return Settings({**self._values, **values})

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None


def nothing(*_: object) -> tuple[Tensor, ...]:
    """Add nothing."""
    return ()


def as_read(_: Any, config: Any) -> Any:
    """Return a config's settings as they were read."""
    return config.settings


def no_words(*_: object) -> tuple[str, ...]:
    """Say nothing."""
    return ()


def never(_: Any) -> bool:
    """Say no, whatever the settings."""
    return False


def always(_: Any) -> bool:
    """Say yes, whatever the settings."""
    return True


def anything(_: Settings) -> None:
    """Refuse nothing."""


class Method(NamedTuple):
    """A method: what it is called and where it is from, its config's fields, and what it adds.

    `tensors` gives what is put beside one adapted place, `shared_tensors` what is there once for all of them,
    keyed from the adapted model itself; `prompt_tensors` what a prompt method, which adapts no module, adds to
    a model by its whole config, keyed as in the file. `formula` counts what is trained on one Linear of
    d inputs and h outputs, in the names of the fields. `fields` are the config's own, beside `r` (where there is a `rank`, its default) and the
    `shared_fields` ones. `default_targets` are PEFT's default targets where they are not LoRA's: None for none.
    `default_for_unknown_types` are those of a type that is in no table. `module_kinds` are the modules that can be adapted, ()
    for any that holds parameters; a target of another kind is refused, or left alone with `skips_unsupported`.
    `check_settings` refuses what PEFT's config class refuses, beside the `layer_rules`. `resolved` gives the settings
    once it is known what is adapted, from the targets and the config. `warnings` says where PEFT trains
    other than what the fields say. `read_config` reads a config that shares LoRA's fields and their effects.
    `knob_values` are those that the knob can take, None where it is no whole number. `same_for_same_shape` says whether, with
    these settings, places of one shape and rank are given the same, whatever their names.
    """

    name: str
    title: str
    arxiv: str | None
    formula: str
    tensors: Callable[[Place, Any], Iterable[Tensor]] = nothing
    fields: Mapping[str, Reader] = MappingProxyType({})
    rank: int | None = 8
    knob: str | None = "r"
    alpha: str | None = None
    shared_tensors: Callable[[Sequence[Place], Any], Iterable[Tensor]] = nothing
    prompt_tensors: Callable[[Model, Any], Iterable[Tensor]] | None = None
    module_kinds: tuple[str, ...] = LINEAR
    shared_fields: frozenset[str] = TARGETING
    default_targets: Targets | Default = MappingProxyType({})
    check_settings: Callable[[Settings], None] = anything
    layer_rules: frozenset[str] = LAYER_RULES
    resolved: Callable[[Any, Any], Any] = as_read
    warnings: Callable[[Sequence[Place], Any], Iterable[str]] = no_words
    read_config: Callable[[Config], Any] | None = None
    knob_values: Sizes | None = ranks
    same_for_same_shape: Callable[[Any], bool] = never
    default_for_unknown_types: str | None = None
    skips_unsupported: bool = False

    @property
    def is_prompt(self) -> bool:
        """Whether PEFT calls it prompt learning, and puts it beside the model and not into it."""
        return self.prompt_tensors is not None and "modules_to_save" in self.shared_fields

    @property
    def open_sizes(self) -> Sizes | None:
        """The sizes that can be chosen among, or None where there is nothing to choose."""
        return None if self.knob is None else self.knob_values

    @property
    def peft_type(self) -> str:
        """PEFT's name for it."""
        return self.name.upper()


def size(default: int | None, *, least: int = 1) -> Reader:
    """Read a whole number of `least` or more; without a default it may be missing, and is None then."""

    def read(config: Config, name: str) -> int | None:
        if default is None and config.fields.get(name) is None:
            return None
        return config.number(name, default=default or 0, least=least)

    return read


def real(default: float | None, *, least: float = -MAX_SIZE, most: float = MAX_SIZE) -> Reader:
    """Read a finite number from `least` to `most`; without a default it may be missing."""

    def read(config: Config, name: str) -> float | None:
        if default is None and config.fields.get(name) is None:
            return None
        value = config.real(name, default=default or 0.0)
        if not least <= value <= most:
            raise InvalidInput(f"{config.source}: {name} is {quote(value)}; it must be from {least:g} to {most:g}")
        return value

    return read


def flag(default: bool) -> Reader:
    """Read true or false."""
    return lambda config, name: config.flag(name, default=default)


def text(default: str | None, *choices: str) -> Reader:
    """Read a text, one of the `choices` if there are any; without a default it may be missing."""

    def read(config: Config, name: str) -> str | None:
        value = config.text(name, default=default or "") if config.fields.get(name) is not None else default
        if choices and value is not None and value not in choices:
            raise InvalidInput(f"{config.source}: {name} is {quote(value)}; choose from: {', '.join(choices)}")
        return value

    return read


def either(*readers: Reader) -> Reader:
    """Read what the first of the readers takes, as for a field that is true, false or a name."""

    def read(config: Config, name: str) -> Any:
        for reader in readers[:-1]:
            try:
                return reader(config, name)
            except InvalidInput:
                continue
        return readers[-1](config, name)

    return read


def ignored(config: Config, name: str) -> Any:
    """Read a field that changes no count, whatever its type."""
    return config.fields.get(name)
