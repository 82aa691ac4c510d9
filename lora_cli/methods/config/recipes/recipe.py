"""A recipe: what it says of the base model, of the adapter and of the training, and what of that is not followed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lora_cli.errors import NEAR_WORD, Enumeration, InvalidInput, argument, misspelt, quote_long
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.arguments import target_modules
from lora_cli.methods.config.recipes.linear_modules import without_linear
from lora_cli.methods.config.recipes.recipe_file import read_fields, with_inner_fields
from lora_cli.methods.config.recipes.registry import programs, trainer_of
from lora_cli.methods.config.recipes.trainer import FULL, Doubt, NotFollowed, Part, StandIn, Targets, Trainer
from lora_cli.methods.config.recipes.wording import file_name, shown
from lora_cli.methods.registry import DEFAULT_METHOD, method_named, variant_fields
from lora_cli.models.config import Config, key
from lora_cli.models.files import path_text

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.methods.method import Method
    from lora_cli.models.model import Model

TARGETS = "target_modules"
# How OmegaConf, which torchtune and LLaMA-Factory read files with, writes the value of another field or of the environment.
REFERENCE = "${"
# More fields than these that are not known share a sentence.
MOST_FIELDS, MOST_NAMES = 8, 50
UNSET: tuple[Any, ...] = (None, "", [], {}, False)


class Reading(NamedTuple):
    """What was read of a recipe: what of it is used, in words, what is replaced, and what is not followed.

    `more` and `less` are those of the doubts for which a training may take more memory than what is replayed, or less.
    """

    uses: list[str]
    replaced: list[str]
    doubts: list[str]
    more: list[str]
    less: list[str]

    def plus(self, other: Reading) -> Reading:
        """Return both readings as one."""
        return Reading(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Summary(NamedTuple):
    """What was read of a recipe as one note, and all of that as assumptions."""

    note: Enumeration
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The fields of a recipe, those inside others under dotted names, and the trainer that they are of."""

    fields: Config
    trainer: Trainer
    top: tuple[str, ...]

    @property
    def source(self) -> str:
        """What messages call the file."""
        return self.fields.source

    @property
    def trains_all(self) -> bool:
        """Whether it trains every weight, without an adapter."""
        return self._method == FULL

    @property
    def _method(self) -> str:
        method: str = self._value(self.trainer.method)
        return method

    def base_model(self) -> tuple[str | None, Reading]:
        """Return the base model that it names, with its revision."""
        reading = Reading([], [], [], [], [])
        name, revision = self._read("model", self.trainer.model, reading), self._revision
        return (f"{name}@{revision}" if name and revision not in {None, "main"} and "@" not in name else name), reading

    @property
    def _revision(self) -> str | None:
        revision: str | None = None if self.trainer.revision is None else self.trainer.revision.read(self.fields)
        return revision

    def base_fields(self) -> dict[str, str]:
        """Return the fields of PEFT's config that name the base model, where the recipe names it as transformers does."""
        name = self.trainer.model.read(self.fields)
        if name is None or name not in [self.fields.fields.get(field) for field in self.trainer.model.fields]:
            return {}
        return {"base_model_name_or_path": name} | ({} if self._revision is None else {"revision": self._revision})

    def replaced_model(self) -> Reading:
        """Return that another model replaces the one that it names."""
        reading = Reading([], [], [], [], [])
        self._replace("model", self.trainer.model, reading)
        return reading

    def whole(self) -> str:
        """Return in words why every weight is trained."""
        field = self._field(self.trainer.method)
        return f"no {self.trainer.method.fields[0]}" if field is None else self._written(field)

    def refuse_quantised(self, why: str, instead: str) -> None:
        """Refuse a quantised base where every weight is trained; transformers and bitsandbytes train only adapters on one.

        `why` says in words that there is no adapter, and `instead` what to do if the field is kept.
        """
        part, reading = self.trainer.training["quantize"], Reading([], [], [], [], [])
        if self._read("quantize", part, reading) is not None and (field := self._field(part)) is not None:
            raise InvalidInput(
                f"{self.source}: {self._written(field)} is for an adapter, and none is trained ({why}); a quantised model "
                f"cannot be trained whole; drop it, or {instead}"
            )

    def no_base_model(self) -> str:
        """Return in words that it names no base model, and what to do."""
        return f"{self.source} names no base model; give {argument('model')}{self.meant_for(self.trainer.model)}"

    def adaptation(self, model: Model, how: Adaptation, without: Collection[str] = ()) -> tuple[Adaptation, Reading]:
        """Return how it adapts a model. What `how` says replaces the recipe's, and what is in `without` is not read."""
        reading = self._doubted(self.trainer.doubts)
        method = how.method or self._method
        if how.method is None and method != DEFAULT_METHOD:
            reading.uses.append(f"method {method}{self._origin(self.trainer.method, method)}")
            how = how._replace(method=method)
        own = method_named(method)
        options = {**dict.fromkeys(variant_fields(method), "method"), **dict.fromkeys(how.settings, "settings")}
        for name, field, value in (("r", "r" if own.rank else None, how.r), ("alpha", own.alpha, how.alpha)):
            part = self.trainer.arguments[name]
            if field is None or name in without:
                continue
            if value is not None or field in options:
                self._replace(name if value is not None else options[field], part, reading)
            else:
                how = how._replace(**{name: self._read(name, part, reading)})
        settings = {**how.settings, **self._settings(own, options, reading, without)}
        target = how.target
        if target is not None or TARGETS in options:
            self._replace("target" if target is not None else options[TARGETS], self.trainer.targets, reading)
        elif TARGETS in own.shared_fields:
            target = self._read("target", self.trainer.targets, reading, model)
            if target == [] and not settings.get("target_parameters"):
                raise InvalidInput(self._no_targets(model))
        if isinstance(target, str) and how.target is None and target_modules(target) != target:
            # A text is a regular expression to PEFT, also where it looks like a list of names.
            settings[TARGETS], target = target, None
        return how._replace(settings=settings, target=target), reading

    def _no_targets(self, model: Model) -> str:
        """Return in words that no module is a target, why, and what to do."""
        part = self.trainer.targets
        said = [self._written(name) for name in part.fields if self.fields.fields.get(name) not in UNSET]
        if not said and part.default is None:
            first, *others = part.fields
            names = f"{', '.join(others)} or {first}" if others else first
            return f"{self.source} names no targets; set {names}, or give {argument('target')}{self.meant_for(part)}"
        said = said or [f"{part.default} ({self.trainer.name}'s default)"]
        return (
            f"{self.source}: {', '.join(said)} finds no targets in {quote_long(model.name)}{without_linear(model)}; "
            f"give {argument('target')}"
        )

    def _settings(
        self, own: Method[Any], options: Mapping[str, str], reading: Reading, without: Collection[str]
    ) -> dict[str, Any]:
        """Return those fields of PEFT's config that the method has, that no option gives, and that are asked for."""
        settings = {}
        for name, part in self.trainer.settings.items():
            if name in options:
                self._replace(options[name], part, reading)
            elif name not in without and (name in own.fields or name in own.shared_fields):
                settings[name] = self._read(name, part, reading)
        return {name: value for name, value in settings.items() if value is not None}

    def setting(self, name: str) -> str:
        """Return in words what it has for a field of PEFT's config, which may be the trainer's default."""
        part = self.trainer.settings[name]
        field = self._field(part)
        default = f"{part.fields[0]} {shown(self._value(part))} ({self.trainer.name}'s default)"
        return default if field is None else self._written(field)

    def training(self, given: Mapping[str, Any], without: Collection[str] = ()) -> tuple[dict[str, Any], Reading]:
        """Return how it trains, as keywords of a training. What is `given` replaces the recipe's."""
        reading = self._doubted(self.trainer.training_doubts)
        # How a quantised base is prepared, and in which type an adapter is, are of what they are said of.
        skipped = {*without, *(("kbit_prepare",) if "quantize" in given else ())}
        skipped |= {"adapter_dtype"} if self.trains_all else set()
        found: dict[str, Any] = {}
        for name, part in self.trainer.training.items():
            if name in given:
                self._replace(name, part, reading)
            elif name not in skipped:
                value = self._read(name, part, reading)
                found |= {} if value is None else {name: value}
        reading.uses.extend([] if self.trainer.remark is None else [self.trainer.remark])
        return {**found, **given}, reading

    def unknown(self) -> Iterator[str]:
        """Yield a warning for each field that the trainer does not have, as far as is known here."""
        names = self._unknown_names()
        for name in names[:MOST_FIELDS]:
            said = (
                f"{self.source}: {key(name)} is not a field of {self.trainer.name} that is known here, and is left out"
            )
            near = misspelt(name, sorted(self.trainer.telling))
            yield f"{said}; {near}" if near else said
        if more := names[MOST_FIELDS:]:
            yield f"{self.source}: {len(more)} more fields are not known, and are left out: {_listed(more)}"

    def _unknown_names(self) -> list[str]:
        fields = self.fields.fields
        return [name for name in self._names() if not self.trainer.knows(name) and fields[name] not in UNSET]

    def summary(self, reading: Reading, *, training: bool, without: Collection[str] = ()) -> Summary:
        """Return which of its fields are read for an answer, with what is used of them, and last those that are not.

        What has a note of its own is not in this one, which names so many of the others as fit a line.
        """
        names, unknown = [*self._names()], self._unknown_names()
        asked = self.trainer.read_for(training=training, without=without)
        others = {
            "not needed": [name for name in names if name not in asked and name not in unknown],
            "not known": unknown,
        }
        every, few = (
            [f"{what}: {_listed(left, most)}" for what, left in others.items() if left]
            for most in (MOST_NAMES, MOST_FIELDS)
        )
        read = f"{sum(name in asked for name in names)} of its {len(names)} fields are read"
        uses = tuple(dict.fromkeys(reading.uses))
        lines = [line for line in (*uses, *every) if line not in reading.replaced and line not in few]
        note = Enumeration("; ".join((f"{self.source} is a recipe of {self.trainer.name}", read, *few)), lines)
        return Summary(note, (*uses, *every))

    def _names(self) -> Iterator[str]:
        """Yield the names of its fields, those inside others where the trainer declares them there."""
        declared = self.trainer.names
        for name in self.top:
            start = f"{name}."
            if any(each.startswith(start) for each in declared):
                yield from (
                    each
                    for each in self.fields.fields
                    if each.startswith(start) and "." not in each.removeprefix(start)
                )
            else:
                yield name

    def _doubted(self, doubts: Mapping[str, Doubt]) -> Reading:
        found = [*self._doubts(doubts)]
        more, less = ([said for said, doubt in found if doubt.takes_less is not other] for other in (True, False))
        return Reading([], [], [said for said, _ in found], more, less)

    def _doubts(self, doubts: Mapping[str, Doubt]) -> Iterator[tuple[str, Doubt]]:
        for name, doubt in doubts.items():
            value = self.fields.fields.get(name)
            if value not in UNSET and value not in doubt.harmless:
                yield f"{self.source}: {self._written(name)} {doubt.what}", doubt
            elif value is None and doubt.is_default is not None and doubt.is_default(self.fields):
                yield f"{self.source}: {name} ({self.trainer.name}'s default) {doubt.what}", doubt

    def _read(self, name: str, part: Part | Targets, reading: Reading, *model: Model) -> Any:
        """Return the value of an argument, and add to the reading what is said of it."""
        try:
            value = self._value(part, *model)
        except NotFollowed as doubt:
            reading.doubts.append(f"{self.source}: {self._written(doubt.field)} {doubt.reason}")
            (reading.less if doubt.takes_less else reading.more).append(reading.doubts[-1])
            return None
        if value is None:
            return None
        use = f"{name} {shown(value)}"
        if isinstance(value, StandIn) and (field := self._field(part)) is not None:
            use = f"{self._written(field)} is replayed as {use}, which takes as much memory"
            reading.replaced.append(use)
        else:
            use += self._origin(part, value)
        reading.uses.append(use)
        return value

    def _value(self, part: Part | Targets, *model: Model) -> Any:
        """Return what a part reads; an error names the field that was meant for one of its own."""
        for name in part.fields:
            if REFERENCE in str(self.fields.fields.get(name)):
                raise InvalidInput(
                    f"{self.source}: {self._written(name)} refers to other fields; write the value itself"
                )
        try:
            return part.read(self.fields, *model)
        except InvalidInput as error:
            raise InvalidInput(f"{error}{self.meant_for(part)}") from error

    def meant_for(self, part: Part | Targets) -> str:
        """Return in words which unknown field was meant for one that a part reads, to end an error with, or nothing."""
        for name in self._names():
            if not self.trainer.knows(name) and (near := misspelt(name, part.fields, NEAR_WORD)):
                return f"; {near.removesuffix('?')} for {key(name)}?"
        return ""

    def _replace(self, name: str, part: Part | Targets, reading: Reading) -> None:
        field = self._field(part)
        if field is not None:
            reading.replaced.append(f"{argument(name)} replaces {self._written(field)} of {self.source}")

    def _field(self, part: Part | Targets) -> str | None:
        """Return the first field that says something of those that an argument follows from, or the first that is given."""
        fields = part.fields if part.deciding is None else part.deciding(self.fields)
        given = [name for name in fields if self.fields.fields.get(name) is not None]
        return next((name for name in given if self.fields.fields[name] not in UNSET), given[0] if given else None)

    def _origin(self, part: Part | Targets, value: Any) -> str:
        field = self._field(part)
        if field is None:
            return f" ({self.trainer.name}'s default)"
        same = self.fields.fields[field] == value
        return f" ({field})" if same else f" ({self._written(field)})"

    def _written(self, field: str) -> str:
        value = self.fields.fields.get(field)
        return f"{field} {quote_long(value) if isinstance(value, str) else shown(value)}"


def _listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """Return the names of fields, and how many more there are than are shown.

    >>> _listed(["lr", "warmup"]), _listed(["x"] * 52)[-15:], _listed(["lr", "warmup"], 1)
    ('lr, warmup', 'x, x and 2 more', 'lr and 1 more')
    """
    more = len(names) - most
    return f"{', '.join(map(key, names[:most]))}{f' and {more} more' if more > 0 else ''}"


def read_recipe(path: str | PathLike[str]) -> Recipe:
    """Return the recipe in a file, of the trainer whose fields it has."""
    source = path_text("recipe", path)
    fields = read_fields(source, programs())
    every = with_inner_fields(fields)
    stream = "the recipe on standard input" if source == "-" else None
    trainer = trainer_of(fields, every, stream or quote_long(source))
    return Recipe(Config(every, stream or file_name(source)), trainer, tuple(fields))
