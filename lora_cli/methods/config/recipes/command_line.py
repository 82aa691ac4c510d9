"""A trainer's command line, saved as text: the options and their values, as the fields of a recipe."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from lora_cli.errors import InvalidInput, quote, quote_long

OPTION = "--"
# Programs that run a script, with options of their own before it.
LAUNCHERS = frozenset({"accelerate", "torchrun", "deepspeed", "uv"})
SCRIPT, MODULE = ".py", ("-m", f"{OPTION}module")
# What a trainer is given its recipe by: an option, or a word of these ends.
CONFIG, FILES = "config", (".yml", ".yaml", ".json")
# The trainer whose commands and scripts say what a step is, where others have a field for it; that is read as a field, too.
BY_COMMAND, SUPERVISED = "trl", "sft"
COMMANDS = frozenset(
    ["bco", "cpo", "dpo", "gkd", "grpo", "kto", "nash_md", "online_dpo", "orpo", "ppo", "prm", "reward", "rloo", "xpo"]
)
# What turns a flag off.
NEGATION = "no_"
# What YAML, and every trainer's parser, takes for a value that is not text.
WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "none": None}
# How a line of a shell begins; that of YAML begins with the name of a field, and a colon, or with a sign.
BEGINNING = re.compile(r"[\w./~$][^\s:]*(?!\s*:)(?:\s|$)")


def is_command_line(text: str, first_line: str, programs: Mapping[str, str]) -> bool:
    """Whether a text is a command line, or a script, by its first line that says something.

    >>> saved = f"swift sft {OPTION}lora_rank 8"
    >>> is_command_line(saved, saved, {}), is_command_line(f"lora_rank: 8 # {OPTION}", "lora_rank: 8", {})
    (True, False)
    """
    if BEGINNING.match(first_line) is None:
        return False
    return OPTION in text or any(_program(word, programs) for word in text.split())


def command_line(saved: str | Sequence[str], path: str, programs: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that a command line sets; `path` names its file in messages.

    `programs` are those of trainers, each with the trainer's name. One that is given a recipe of its own raises
    `InvalidInput`, which names that: it is not read, for it may lie anywhere.

    >>> saved = f"swift sft {OPTION}lora_rank 8 {OPTION}use_dora {OPTION}target-modules q_proj v_proj"
    >>> command_line(saved, "run.yml", {})
    {'lora_rank': 8, 'use_dora': True, 'target_modules': ['q_proj', 'v_proj']}
    >>> command_line(f"accelerate launch {OPTION}config_file z.yml dpo.py {OPTION}lora_r 8", "run.yml", {})
    {'lora_r': 8}
    >>> command_line("axolotl train axo.yml", "run.sh", {"axolotl": "axolotl"})
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: 'run.sh' starts axolotl with 'axo.yml'; give that file
    """
    words = _without_launcher(_words(saved, path), programs)
    command = _command(_before_options(words), programs)
    fields: dict[str, Any] = {} if command is None else {BY_COMMAND: command}
    for option, values in _options(words):
        name, equals, value = option.removeprefix(OPTION).partition("=")
        field = name.replace("-", "_")
        is_flag = not equals and not values
        is_off = is_flag and field.startswith(NEGATION)
        field = field.removeprefix(NEGATION) if is_off else field
        if field in fields:
            raise InvalidInput(f"{quote_long(path)}: {OPTION}{quote(name)} is given twice; keep one of them")
        read = [_value(word) for word in ([value, *values] if equals else values)]
        fields[field] = not is_off if is_flag else read[0] if len(read) == 1 else read
    _refuse_recipe(words, fields, path, programs)
    return fields


def _refuse_recipe(words: Sequence[str], fields: Mapping[str, Any], path: str, programs: Mapping[str, str]) -> None:
    """Refuse a command line that starts a trainer with a recipe, which says what this one does not."""
    before = _before_options(words)
    at = next((at for at, word in enumerate(before) if _program(word, programs)), None)
    if at is None:
        return
    named = fields.get(CONFIG)
    files = [*(named if isinstance(named, list) else [named]), *(word for word in before[at:] if word.endswith(FILES))]
    if file := next((each for each in files if isinstance(each, str)), None):
        more = fields.keys() - {CONFIG} or isinstance(named, list)
        raise InvalidInput(
            f"{quote_long(path)} starts {_program(before[at], programs)} with {quote_long(file)}; give that file"
            f"{', and by options what the command sets beside it' if more else ''}"
        )


def _program(word: str, programs: Mapping[str, str]) -> str | None:
    """Return the trainer whose program, or whose module for `python -m`, a word is."""
    name = word.rpartition("/")[2]
    return None if name.endswith((SCRIPT, *FILES)) else programs.get(name.partition(".")[0])


def _command(words: Sequence[str], programs: Mapping[str, str]) -> str | None:
    """Return which other command than that of supervised fine-tuning is started, or a script of its name.

    >>> trl = {"trl": "TRL"}
    >>> _command(["trl", "dpo"], trl), _command(["trl", "sft"], trl), _command(["python", "scripts/dpo.py"], trl)
    ('dpo', None, 'dpo')
    """
    if BY_COMMAND not in programs:
        return None
    for word, after in zip(words, [*words[1:], ""], strict=False):
        if word.rpartition("/")[2] == BY_COMMAND:
            return after if after and after != SUPERVISED else None
        script = word.rpartition("/")[2].removesuffix(SCRIPT)
        if word.endswith(SCRIPT) and script in COMMANDS:
            return script
    return None


def _words(saved: str | Sequence[str], path: str) -> list[str]:
    if not isinstance(saved, str):
        return list(saved)
    try:
        # What continued on the next line is a word of nothing but spaces.
        return [word for each in shlex.split(saved, comments=True) if (word := each.strip())]
    except ValueError as error:
        raise InvalidInput(f"{quote_long(path)} is not a command line: {str(error).lower()}") from error


def _is_value(word: str) -> bool:
    return not word.startswith(OPTION) or word == OPTION


def _before_options(words: Sequence[str]) -> list[str]:
    return list(takewhile(_is_value, words))


def _without_launcher(words: Sequence[str], programs: Mapping[str, str]) -> Sequence[str]:
    """Return the words from what a launcher runs on, a script, a module or a program; all where no launcher is."""
    if LAUNCHERS.isdisjoint(_before_options(words)):
        return words

    def is_run(at: int) -> bool:
        word, before, after = words[at], *(words[at - 1 : at] or [""]), *(words[at + 1 : at + 2] or [OPTION])
        return word.endswith(SCRIPT) or (
            _is_value(word) and (before in MODULE or (_program(word, programs) is not None and _is_value(after)))
        )

    return words[next(filter(is_run, range(len(words))), 0) :]


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each option with its values; what stands before the first is the program."""
    option, values = "", []
    for word in words:
        if _is_value(word):
            values.append(word)
            continue
        if option:
            yield option, values
        option, values = word, []
    if option:
        yield option, values


def _value(word: str) -> Any:
    """Return a word as a trainer's parser reads it.

    >>> [_value(word) for word in ("8", "1e-4", "True", "q_proj")]
    [8, 0.0001, True, 'q_proj']
    """
    if word.lower() in WORDS:
        return WORDS[word.lower()]
    for read in (int, float):
        try:
            return read(word)
        except ValueError:
            continue
    return word
