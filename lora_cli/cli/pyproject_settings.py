"""The settings that a project has for all its checks: `[tool.lora-cli]` of pyproject.toml.

A wrong section is always refused, because limits that nobody reads protect nobody. The figures of a subject in a table
of its own are checked when the subject is counted, as those of a Python caller are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from lora_cli.analysis.check.loads_in import Loaders, destinations_of, known_loaders
from lora_cli.analysis.check.subject_check import FAIL_ON, Rules
from lora_cli.analysis.limits import LIMITS, MAX_MEMORY, Limit
from lora_cli.cli.pyproject_file import CHECKS, FILE, SECTION, Section, errors_at, errors_at_key, find_section
from lora_cli.errors import InvalidInput, argument, arguments_spelled, choices, meant_by, quote, quote_long
from lora_cli.quantities import QuantityError

# tomllib reads hexadecimal numbers of any length, but Python refuses to print the longest.
MAX_BITS = 128
# Deeper than any field of a config.
MAX_DEPTH = 20


class Key(NamedTuple):
    """A key whose value names a subject or says how it is adapted: the types of TOML it takes, described in words."""

    kinds: tuple[type, ...]
    expected: str


TEXT, WHOLE = Key((str,), "a string that is not empty"), Key((int,), "a whole number")
TRAINING = "training"
LIMIT_KEYS = {limit.rule: limit for limit in LIMITS.values()}
LISTS = {"fail-on": "fail_on", "ignore": "ignore"}
# The keys that say where trained adapters are to be loaded.
DESTINATION_KEYS = {
    "loads-in": Key((str, list), 'names in a list or a string, e.g. ["peft", "vllm"]'),
    "peft-version": Key((str,), 'a string, e.g. "0.13"'),
}
RULE_KEYS = (*LIMIT_KEYS, *LISTS, *DESTINATION_KEYS)
# The keys that name a subject, and those that say how it is adapted and what it is called.
SUBJECT_KEYS = {"model": TEXT, "path": TEXT, "recipe": TEXT, "d": WHOLE, "h": WHOLE}
# The keys that name a file or folder, as seen from that of the section.
PATH_KEYS = ("model", "path", "recipe", "base", "adapter")
ADAPTATION_KEYS = {
    "name": TEXT,
    "base": TEXT,
    "adapter": TEXT,
    "target": Key((str, list), 'names in a list or a string, e.g. "q_proj,v_proj"'),
    "method": TEXT,
    "r": WHOLE,
    "alpha": Key((int, float), "a number"),
    "set": Key((dict,), "a table of the fields of a config, e.g. {use_dora = true}"),
    "adapter-dtype": TEXT,
    TRAINING: Key((dict,), "a table of how it is trained, e.g. {batch = 4, seq = 1024}"),
}
KEYS = (*RULE_KEYS, "model", "lock", CHECKS)
TABLE_KEYS = (*SUBJECT_KEYS, *ADAPTATION_KEYS, *RULE_KEYS)

# Returns the names that `fail_on` or `ignore` can list.
KnownNames = Callable[[str], Sequence[str]]
# Returns what says of an error inside it where a key is.
AtKey = Callable[[str], AbstractContextManager[None]]
T = TypeVar("T")


class OwnRules(NamedTuple):
    """The rules of the section, of one of its tables or of a command line; all but limits are None where they are not set."""

    limits: Mapping[str, int | float] = MappingProxyType({})
    fail_on: Sequence[str] | None = None
    ignore: Sequence[str] | None = None
    loads_in: Loaders | None = None
    peft_version: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """The arguments that these rules are of. A release needs a loader beside it, wherever that is missing."""
        own = {name for name in self._fields[1:] if getattr(self, name) is not None}
        return frozenset({*self.limits, *own, *(["loads_in"] if "peft_version" in own else [])})

    def over(self, others: OwnRules) -> OwnRules:
        """Return these rules, and those of the others that are not set here."""
        # A release goes with the loader that it was written beside.
        release = others.peft_version if self.loads_in in (None, others.loads_in) else None
        return OwnRules(
            {**others.limits, **self.limits},
            others.fail_on if self.fail_on is None else self.fail_on,
            others.ignore if self.ignore is None else self.ignore,
            self.loads_in or others.loads_in,
            self.peft_version or release,
        )

    def complete(self, training: Mapping[str, Any] = MappingProxyType({})) -> Rules:
        """Return these rules, with the default of each that is not set, for a training."""
        if training and MAX_MEMORY not in self.limits:
            from lora_cli.analysis.memory.arguments import read_arguments

            card = read_arguments(training).card
            size = f", e.g. {argument(MAX_MEMORY)} {card.mebibytes}MiB for {card.name}" if card else ""
            raise InvalidInput(
                f"{argument(next(iter(training)))} says how an adapter is trained, which only {argument(MAX_MEMORY)} "
                f"depends on; give that too{size}, or drop it"
            )
        fail_on = FAIL_ON if self.fail_on is None else self.fail_on
        destinations = destinations_of(self.loads_in, self.peft_version, self.limits)
        return Rules(self.limits, fail_on, self.ignore or (), training, destinations)


class CheckTable(NamedTuple):
    """A subject of the section with rules of its own. `where` names its table in messages, and `line` is the file's."""

    where: str
    line: int | None
    values: Mapping[str, Any]
    rules: OwnRules

    @property
    def names_model(self) -> bool:
        """Whether it says itself what is adapted, whatever the model of the section is."""
        return not self.values.keys().isdisjoint(("model", "recipe", "base", "d", "h"))


class Settings(NamedTuple):
    """The section: the rules of every subject, the model of those that name none, the subjects, and the lock of them all.

    `source` is the path of the file, or None where there is none.
    """

    rules: OwnRules = OwnRules()
    model: str | None = None
    tables: Sequence[CheckTable] = ()
    source: str | None = None
    lock: str | None = None

    @property
    def where(self) -> str:
        """The name of the section in messages."""
        return _where(self.source or FILE)

    def path(self, text: str) -> str:
        """Return a path that the file names, from the working directory; its bytes are those of the file, UTF-8."""
        text = os.fsdecode(text.encode())
        folder = os.path.relpath(os.path.dirname(os.path.abspath(self.source or FILE)))
        return text if folder == os.curdir else os.path.join(folder, text)

    def inputs(self) -> list[str]:
        """Return the file and the paths that it names."""
        named = [self.model, *(table.values.get(key) for table in self.tables for key in PATH_KEYS)]
        return [*filter(None, [self.source]), *(self.path(text) for text in named if text is not None)]


def read_settings(known_names: KnownNames) -> Settings:
    """Return the settings of the nearest pyproject.toml that has the section, or else none."""
    section = find_section()
    if section is None:
        return Settings()
    with errors_at(section.path):
        return _settings(section, known_names)


def _settings(section: Section, known_names: KnownNames) -> Settings:
    source, content = _where(section.path), section.content
    at = partial(errors_at_key, section)
    for key in content:
        meant = [] if key in KEYS else meant_by(key, TABLE_KEYS)
        if meant and meant[0] not in KEYS:
            what = "it" if meant[0] == key else meant[0]
            with at(key):
                raise InvalidInput(
                    f"{source} has no key {quote(key)}; write {what} into a table [[tool.{SECTION}.{CHECKS}]]"
                )
    for key, value in content.items():
        with at(key):
            _refuse_unknown({key: value}, KEYS, source)
    texts = _at_keys(
        content, {"model": TEXT, "lock": TEXT}, at, lambda key, kind: _value(content[key], kind, f"{source}.{key}")
    )
    model, lock = texts.get("model"), texts.get("lock")
    tables = content.get(CHECKS, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        with at(CHECKS):
            raise InvalidInput(
                f"{source}.{CHECKS} is {quote(tables)}; it must be an array of tables: [[tool.{SECTION}.{CHECKS}]]"
            )
    read = []
    for place, (table, line) in enumerate(zip(tables, section.check_lines(len(tables)), strict=True)):
        with errors_at(section.path, line):
            read.append(_table(table, f"{source}.{CHECKS}[{place}]", line, known_names, has_model=model is not None))
    if lock is not None and not tables:
        with at("lock"):
            raise InvalidInput(
                f"{source}.lock is of the tables [[tool.{SECTION}.{CHECKS}]], of which there is none; add one"
            )
    return Settings(_rules(content, source, known_names, at), model, read, section.path, lock)


def _where(path: str) -> str:
    return f"{quote_long(path)}: tool.{SECTION}"


def _table(
    table: Mapping[str, Any], where: str, line: int | None, known_names: KnownNames, *, has_model: bool
) -> CheckTable:
    _refuse_unknown(table, TABLE_KEYS, where)
    values = {
        key: _value(table[key], expected, f"{where}.{key}")
        for key, expected in {**SUBJECT_KEYS, **ADAPTATION_KEYS}.items()
        if key in table
    }
    subjects = [key for key in SUBJECT_KEYS if key in values and not (key == "h" and "d" in values)]
    if not (subjects or has_model):
        raise InvalidInput(f"{where} has no subject; give it a path, a model, a recipe, or d and h")
    if len(subjects) > 1:
        base = ", or name the base model of the path by the key base" if subjects[:2] == ["model", "path"] else ""
        raise InvalidInput(f"{where} has both {subjects[0]} and {subjects[1]}; keep one of them{base}")
    if "name" in values and "path" in values:
        raise InvalidInput(f"{where} has both name and path, which is the name of what is there; drop name")
    if "base" in values and "path" not in values:
        raise InvalidInput(f"{where} has base, the model that the adapter at a path adapts, and no path; write model")
    return CheckTable(where, line, values, _rules(table, where, known_names))


def _refuse_unknown(table: Mapping[str, object], known: Sequence[str], where: str) -> None:
    for key, value in table.items():
        if key not in known:
            from lora_cli.analysis.memory.arguments import TrainingArguments

            if key.replace("-", "_") in TrainingArguments._fields:
                shown = quote(value).lower() if isinstance(value, bool) else quote(value)
                table_of = "" if TRAINING in known else f" of a table [[tool.{SECTION}.{CHECKS}]]"
                raise InvalidInput(
                    f"{where} has no key {quote(key)}; write it into the {TRAINING}{table_of}: "
                    f"{TRAINING} = {{{key} = {shown}}}"
                )
            raise InvalidInput(f"{where} has no key {quote(key)}; {choices(key, known)}")


def _rules(
    table: Mapping[str, Any], where: str, known_names: KnownNames, at: AtKey = lambda _: nullcontext()
) -> OwnRules:
    """Return the rules of a table; an error about a key is raised inside `at` of it."""
    limits = _at_keys(table, LIMIT_KEYS, at, lambda key, limit: _limit(table[key], limit, f"{where}.{key}"))
    lists = _at_keys(table, LISTS, at, lambda key, name: _names(table[key], known_names(name), f"{where}.{key}"))
    texts = _at_keys(table, DESTINATION_KEYS, at, lambda key, expected: _value(table[key], expected, f"{where}.{key}"))
    loads_in, peft_version = map(texts.get, DESTINATION_KEYS)
    with (
        at("loads-in" if peft_version is None else "peft-version"),
        arguments_spelled(lambda name: f"{where}.{name.replace('_', '-')}"),
    ):
        loads_in = known_loaders(loads_in, peft_version)
    return OwnRules(
        {LIMIT_KEYS[key].name: most for key, most in limits.items()},
        lists.get("fail-on"),
        lists.get("ignore"),
        loads_in,
        peft_version,
    )


def _at_keys(
    table: Mapping[str, Any], keys: Mapping[str, T], at: AtKey, read: Callable[[str, T], Any]
) -> dict[str, Any]:
    """Return what is read of those of some keys that a table has."""
    found = {}
    for key, kind in keys.items():
        if key in table:
            with at(key):
                found[key] = read(key, kind)
    return found


def _limit(value: object, limit: Limit, where: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidInput(f"{where} is {quote(value)}; it must be a number, or a string that --{limit.rule} accepts")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise InvalidInput(f"{where} is {quote(value)}; it must be a number of at most {MAX_BITS} bits")
    try:
        return limit.parse(value if isinstance(value, str) else repr(value))
    except QuantityError as error:
        raise InvalidInput(f"{where}: {quote(error.text)} {error.problem}") from None


def _names(value: object, known: Sequence[str], where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise InvalidInput(f'{where} is {quote(value)}; it must be a list of strings, e.g. ["error"]')
    for name in value:
        if name not in known:
            raise InvalidInput(f"{where}: {quote(name)} is not known; {choices(name, known)}")
    return tuple(value)


def _value(value: Any, key: Key, where: str) -> Any:
    if type(value) not in key.kinds or value in ("", []):
        raise InvalidInput(f"{where} is {quote(value)}; it must be {key.expected}")
    if not _is_plain(value):
        raise InvalidInput(
            f"{where} has a date, a number of more than {MAX_BITS} bits, or more than {MAX_DEPTH} levels; drop it"
        )
    return value


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether JSON has such a value, and Python can print it."""
    if isinstance(value, list | dict):
        inner = value.values() if isinstance(value, dict) else value
        return depth < MAX_DEPTH and all(_is_plain(each, depth + 1) for each in inner)
    if isinstance(value, int):
        return value.bit_length() <= MAX_BITS
    return isinstance(value, str | float)
