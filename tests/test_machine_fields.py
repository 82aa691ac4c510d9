"""What scripts rely on: the names, types and order of the fields in every machine format."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from typing import Any

import machine_fields
import pytest
from machine_fields import EXAMPLES, LOCKS, REFERENCE

from lora_cli.cli.registry import command_names

RECORDED: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    """Return the fields as they are now."""
    # A process of its own, as commands change how NumPy and the collector of garbage work.
    script = [sys.executable, machine_fields.__file__]
    answer: dict[str, Any] = json.loads(subprocess.run(script, capture_output=True, check=True).stdout)
    return answer


@pytest.mark.parametrize("command", [*EXAMPLES, *LOCKS])
def test_fields_are_those_that_were_recorded(command: str, now: dict[str, Any]) -> None:
    """`python tests/support/machine_fields.py --write` records them again, which only a new field allows."""
    assert now[command] == RECORDED[command]
    # The order too, as it is that of CSV's columns.
    assert json.dumps(now[command]) == json.dumps(RECORDED[command])


def test_every_command_has_an_example() -> None:
    """All of them answer in JSON, in version 1."""
    assert {command.split()[0] for command in EXAMPLES} == set(command_names())
    assert list(RECORDED) == [*EXAMPLES, *LOCKS]
    assert all(RECORDED[command]["json"]["schema_version"] == 1 for command in EXAMPLES)


def test_the_examples_of_types_are_true() -> None:
    """Unknown figures are seen as such."""
    assert doctest.testmod(machine_fields).failed == 0
