"""Every example in a docstring is run, on the package as it is installed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import lora_cli

MODULES = [
    module.name
    for module in pkgutil.walk_packages(lora_cli.__path__, "lora_cli.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["lora_cli", *MODULES])
def test_docstring_examples_are_true(name: str) -> None:
    """What a docstring shows is what happens."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    """The public functions each have one."""
    for name in ("check", "count", "fit", "forward", "sweep"):
        assert ">>>" in getattr(lora_cli, name).__doc__
