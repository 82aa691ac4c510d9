"""The file of a recipe: YAML, JSON or a saved command line, as the fields that it sets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lora_cli.errors import InvalidInput, argument, quote, quote_long
from lora_cli.methods.config.recipes.command_line import OPTION, SCRIPT, command_line, is_command_line
from lora_cli.methods.config.recipes.yaml_text import read_yaml
from lora_cli.models.files import JSON_NAMES, read_content

# Real recipes have some kilobytes.
MAX_BYTES = 2**18
WHAT = "a recipe"
# A whole one, of LLaMA-Factory, as YAML and as JSON.
EXAMPLE = '{"model_name_or_path": "Qwen/Qwen3-0.6B", "finetuning_type": "lora"}'
# Python, by its first line; YAML's has a colon behind a name, and a shell's another command.
PYTHON = re.compile(r"import \w[\w., ]*|from [\w.]+ import .*")
# A table or a field of TOML, by its first line: parsing all of it can take minutes.
TOML = re.compile(r"(?:\[\[?[\w.-]+\]\]?|[\w.-]+ = .*)")
# How deep the fields stand that a trainer keeps inside others.
INNER_LEVELS = 2


def read_fields(path: str, programs: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that the file at `path`, or the stream, sets. Anything but fields by name raises `InvalidInput`.

    `programs` are the trainers' names by the programs that a command line starts.
    """
    content = read_content(path, MAX_BYTES, WHAT)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{quote_long(path)} is not UTF-8 text, so it is not {WHAT}") from error
    first_line = _first_line(text)
    if path.lower().endswith(SCRIPT) or PYTHON.fullmatch(first_line):
        raise InvalidInput(
            f"{quote_long(path)} is a Python script, which is not run to learn what it sets; give the adapter_config.json "
            f"that it saves as {argument('adapter')}, or what it sets by options, e.g. {argument('r')} and {argument('target')}"
        )
    if TOML.fullmatch(first_line):
        raise InvalidInput(
            f"{quote_long(path)} is TOML; {WHAT} is YAML, JSON or a saved command line: write its fields so, e.g. {EXAMPLE}"
        )
    # Neither a command line nor JSON needs a package.
    if is_command_line(text, first_line, programs):
        return command_line(text, path, programs)
    data = _json(text, path) if text.lstrip().startswith("{") else read_yaml(text, path)
    if isinstance(data, str) and OPTION in data:
        return command_line(data, path, programs)
    if isinstance(data, list) and data and all(isinstance(word, str) for word in data):
        return command_line(data, path, programs)
    if not isinstance(data, dict):
        found = JSON_NAMES.get(type(data), f"a {type(data).__name__}")
        raise InvalidInput(f"{quote_long(path)} holds {found}; {WHAT} has fields by name, e.g. {EXAMPLE}")
    if wrong := next((name for name in data if not isinstance(name, str)), None):
        raise InvalidInput(f"{quote_long(path)}: {quote(wrong)} is not the name of a field; {WHAT} has fields by name")
    return data


def with_inner_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with those inside them, two levels deep, under dotted names.

    >>> with_inner_fields({"model": {"lora_rank": 8}})
    {'model': {'lora_rank': 8}, 'model.lora_rank': 8}
    """
    return dict(_dotted(fields, "", INNER_LEVELS))


def _dotted(fields: Mapping[Any, Any], prefix: str, levels: int) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        yield f"{prefix}{name}", value
        if isinstance(value, dict) and levels:
            yield from _dotted(value, f"{prefix}{name}.", levels - 1)


def _first_line(text: str) -> str:
    """Return the first line of a text that is neither empty nor a comment."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def _json(text: str, path: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, value in pairs:
            if name in given:
                raise InvalidInput(f"{quote_long(path)} is not {WHAT}: {quote(name)} is given twice; keep one of them")
            given[name] = value
        return given

    try:
        return json.loads(text, object_pairs_hook=once)
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as error:
        # Python's message about a number of thousands of digits says how to allow it; that part is left out.
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("; use sys.")[0]
        raise InvalidInput(f"{quote_long(path)} is not JSON: {reason}") from error
