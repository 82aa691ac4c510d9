"""A package that is installed, but does not load, is the user's trouble and not a bug."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.optional_package import loaded


@pytest.mark.parametrize(
    ("content", "attribute", "problem"),
    [
        ("int('abc')", None, "invalid literal for int() with base 10: 'abc'\""),
        ("import package_that_is_nowhere", None, "No module named 'package_that_is_nowhere'"),
        ("def __getattr__(name): return int('abc')", "late", "invalid literal"),
    ],
)
def test_a_package_that_does_not_load_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, attribute: str | None, problem: str
) -> None:
    """Also where a part of it is imported only when it is used."""
    name = f"broken_{abs(hash(content))}"
    (tmp_path / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        loaded(name, attribute)
    assert str(caught.value).startswith(f"{name} cannot be loaded: ")
    assert problem in str(caught.value)
    assert "variables that begin with HF_, or install it again" in str(caught.value)
