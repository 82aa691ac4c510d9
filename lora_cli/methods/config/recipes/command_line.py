"""A trainer's command line, saved as text: the options and their values, as the fields of a recipe."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lora_cli.errors import InvalidInput, quote, quote_long

OPTION = "--"
# Programs that run a script, with options of their own before it.
LAUNCHERS = frozenset({"accelerate", "torchrun", "deepspeed", "uv"})
SCRIPT = ".py"
# What turns a flag off.
NEGATION = "no_"
# What YAML, and every trainer's parser, takes for a value that is not text.
WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "none": None}


def command_line(saved: str | Sequence[str], path: str) -> dict[str, Any]:
    """Return the fields that a command line sets; `path` names its file in messages.

    >>> saved = f"swift sft {OPTION}lora_rank 8 {OPTION}use_dora {OPTION}target-modules q_proj v_proj"
    >>> command_line(saved, "run.yml")
    {'lora_rank': 8, 'use_dora': True, 'target_modules': ['q_proj', 'v_proj']}
    >>> command_line(f"accelerate launch {OPTION}config_file z.yml dpo.py {OPTION}lora_r 8", "run.yml")
    {'lora_r': 8}
    """
    fields: dict[str, Any] = {}
    for option, values in _options(_without_launcher(_words(saved, path))):
        name, equals, value = option.removeprefix(OPTION).partition("=")
        field = name.replace("-", "_")
        is_flag = not equals and not values
        is_off = is_flag and field.startswith(NEGATION)
        field = field.removeprefix(NEGATION) if is_off else field
        if field in fields:
            raise InvalidInput(f"{quote_long(path)}: {OPTION}{quote(name)} is given twice; keep one of them")
        read = [_value(word) for word in ([value, *values] if equals else values)]
        fields[field] = not is_off if is_flag else read[0] if len(read) == 1 else read
    return fields


def _words(saved: str | Sequence[str], path: str) -> list[str]:
    if not isinstance(saved, str):
        return list(saved)
    try:
        # What continued on the next line is a word of nothing but spaces.
        return [word for each in shlex.split(saved, comments=True) if (word := each.strip())]
    except ValueError as error:
        raise InvalidInput(f"{quote_long(path)} is not a command line: {str(error).lower()}") from error


def _without_launcher(words: Sequence[str]) -> Sequence[str]:
    """Return the words from a launcher's script on, all where none stands before them."""
    launched = next((word for word in words if "=" not in word), None) in LAUNCHERS
    scripts = (at for at, word in enumerate(words) if launched and word.endswith(SCRIPT))
    return words[next(scripts, 0) :]


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each option with its values; what stands before the first is the program."""
    option, values = "", []
    for word in words:
        if not word.startswith(OPTION) or word == OPTION:
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
