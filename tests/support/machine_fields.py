"""The fields of every machine format: names, types and order, for commands of each kind.

`python tests/support/machine_fields.py` prints them as they are now; with `--write` it writes them to
tests/reference/machine_fields.json, which tests/test_machine_fields.py compares them with. A field that is renamed,
gone or of another type breaks users' scripts, so a change of the reference needs a new `schema_version`; a new field
does not.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import example

from lora_cli.cli import main

REFERENCE = Path(__file__).parents[1] / "reference" / "machine_fields.json"
WEIGHTS = "forward --weights base --adapter my-adapter --module layers.0.self_attn.q_proj"
# Sizes are small, and beside each usual answer stand those with unknown figures (null) and without findings.
EXAMPLES = (
    "count -d 6 -h 8 -r 2",
    "count -d 6 -h 8 --method vera -r 4",
    "count -d 6 -h 8 --method fourierft --set n_frequency=10",
    "count --model base --target q_proj,v_proj -r 8",
    "count --model base --adapter my-adapter",
    "count --model base --target all-linear -r 8 --per-module",
    "count --model base --method prompt_tuning --set num_virtual_tokens=5",
    'count --model gpt2 --target all-linear --set modules_to_save=["lm_head"] -r 2',
    "forward -d 6 -h 8 -r 2",
    "forward -d 6 -h 8 -r 2 --init zero --dtype bfloat16",
    WEIGHTS,
    f"{WEIGHTS} --dtype bfloat16",
    "sweep -d 6,8 -h 8 -r 1:3:1",
    "sweep -d 6 -h 8 -r 2 --method lora,vera,c3a --set block_size=2",
    "sweep --model base --model gpt2 --target all-linear -r 2,4",
    "fit -d 4096 -h 4096 --max-params 200K",
    "fit -d 4096 -h 4096 --max-params 8192",
    "fit --model base --target all-linear --max-params 20K",
    "fit --model base --method lora,vera,ia3 --max-bytes 50kB",
    "fit --model base --max-percent 5",
    "check -d 64 -h 64 -r 2 --max-percent 50 --max-params 200K --min-saved 1 --expect-params 256 --max-bytes 1MB",
    "check -d 64 -h 64 -r 2 --max-params 1",
    "check --model base -r 8 --max-percent 50",
    "check my-adapter broken --max-bytes 50kB",
    "check my-adapter --max-percent 50 --model base",
    "check base -r 8 --target all-linear --max-percent 50",
    "check my-adapter --lock counts.lock --update-lock",
    "check --model base -r 8 --lock model.lock --update-lock",
    "check --model base -r 4 --lock model.lock",
    "inspect my-adapter",
    "inspect style.safetensors",
    "inspect my-adapter broken --model base",
    "inspect my-adapter --per-module",
    "inspect my-adapter --spectrum",
    "inspect my-adapter --spectrum --per-module",
    "sweep --model base -r 2 --memory --seq 64",
    "memory --model base -r 8 --seq 64",
    "memory --model base -r 8 --seq 64 --dtype float16 --gpu t4 --tokens 1M --utilisation 0.4",
    "memory --model base --serve 2",
    "memory --model base --serve 2 --adapter my-adapter",
    "cards",
    'explain "trainable params: 589,824 || all params: 125,029,632" -m gpt2 -t c_attn -r 8',
    'explain "Number of trainable parameters = 7,168" --model base',
    "models",
    "models llava-1.5-7b",
    "methods",
    "methods vera",
    "methods prompt_tuning",
)
LOCKS = ("counts.lock", "model.lock")
TYPES = {str: "text", bool: "truth", int: "integer", float: "number", type(None): "null"}


def types(value: Any) -> Any:
    """Return a JSON value with types for values: an object's by name, a list's as those that its elements have.

    >>> types({"r": 8, "modules": [{"d": 1}, {"d": None}], "shape": [2, 3]})
    {'r': 'integer', 'modules': [{'d': 'integer or null'}], 'shape': ['integer']}
    """
    if isinstance(value, dict):
        return {name: types(part) for name, part in value.items()}
    if isinstance(value, list):
        return merged([types(part) for part in value])
    return TYPES[type(value)]


def merged(parts: list[Any]) -> list[Any]:
    """Return the types of a list's elements: one for all, if need be with `or`; objects field by field."""
    if parts and all(isinstance(part, dict) for part in parts):
        names = dict.fromkeys(name for part in parts for name in part)
        fields = {name: merged([part.get(name, "missing") for part in parts]) for name in names}
        return [{name: found[0] for name, found in fields.items()}]
    if parts and all(isinstance(part, list) for part in parts):
        return [merged([kind for part in parts for kind in part])]
    texts = {word for part in parts for word in (part if isinstance(part, str) else json.dumps(part)).split(" or ")}
    return [" or ".join(sorted(texts))] if parts else []


def answer(command: str, shape: str) -> tuple[str, int]:
    """Return what a command writes to stdout in a format, and its exit code."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        # Quotes stay: those of JSON are needed, and no log line minds them.
        code = main([*shlex.split(command, posix=False), "--format", shape])
    assert code in (0, 1), f"{command}: {stderr.getvalue()}"
    return stdout.getvalue(), code


def fields(command: str) -> dict[str, Any]:
    """Return a command's exit code, and the names and types in its JSON and NDJSON; CSV has NDJSON's."""
    document, code = answer(command, "json")
    records, _ = answer(command, "ndjson")
    table, _ = answer(command, "csv")
    assert next(csv.reader(io.StringIO(table))) == list(json.loads(records.split("\n")[0]))
    return {
        "exit code": code,
        "json": types(json.loads(document)) | {"schema_version": json.loads(document)["schema_version"]},
        "ndjson": types([json.loads(line) for line in records.splitlines()]),
    }


def every() -> dict[str, Any]:
    """Return the fields of all examples, and of the files that record counts."""
    with tempfile.TemporaryDirectory() as folder:
        example.write(Path(folder))
        before = Path.cwd()
        os.chdir(folder)
        try:
            found = {command: fields(command) for command in EXAMPLES}
            locks = {name: types(json.loads(Path(name).read_text(encoding="utf-8"))) for name in LOCKS}
        finally:
            os.chdir(before)
    return found | locks


if __name__ == "__main__":
    text = json.dumps(every(), indent=1) + "\n"
    if "--write" in sys.argv[1:]:
        REFERENCE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
