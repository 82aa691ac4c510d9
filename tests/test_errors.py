"""The errors raised on purpose, and what they may repeat of a user's value."""

from __future__ import annotations

import pickle
from ast import literal_eval
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from printing import has_controls

import lora_cli
from lora_cli.errors import Enumeration, InvalidInput, LoraCliError, OutputFailed, quote, quote_long

# 40 shown characters are at most `\U0010ffff` each, and the count of the rest follows.
LONGEST = 40 * 10 + 40


@given(st.text() | st.integers() | st.floats() | st.binary() | st.lists(st.text()))
def test_a_quoted_value_is_short_and_printable(value: object) -> None:
    """Whatever the value, its quotation is one short line without control characters."""
    text = quote(value)
    assert not has_controls(text)
    assert len(text) <= LONGEST


@given(st.text(st.characters(exclude_characters="\\"), max_size=40))
def test_a_short_text_is_quoted_whole(value: str) -> None:
    """A text of up to 40 characters is quoted so that Python reads the same text back."""
    assert literal_eval(quote(value)) == value


def test_a_regular_expression_is_quoted_as_it_was_written() -> None:
    """Its backslashes are not doubled, nor are those of a path on Windows."""
    assert quote(r".*\.gate_up_proj") == quote_long(r".*\.gate_up_proj") == r"'.*\.gate_up_proj'"


def test_a_long_text_is_cut_and_its_length_told() -> None:
    """A text of 41 characters shows the first 40 of them and how many there are."""
    assert quote("a" * 41) == f"'{'a' * 40}'... (41 characters)"


@pytest.mark.parametrize("bits", [100, 333, 14_280, 14_290, 1_000_000])
def test_an_integer_however_long_is_quoted_short(bits: int) -> None:
    """Python prints no integer past 4,300 digits, 14,285 bits; the message about one is still made, and short."""
    for value in (2**bits, -(2**bits)):
        assert len(quote(value)) <= LONGEST


@pytest.mark.parametrize(("error", "builtin"), [(InvalidInput, ValueError), (OutputFailed, OSError)])
def test_errors_are_of_one_family_and_of_pythons(error: type[Exception], builtin: type[Exception]) -> None:
    """Every error is caught as LoraCliError, and as the builtin that a caller would expect."""
    with pytest.raises(LoraCliError):
        raise error("text")
    with pytest.raises(builtin, match="text"):
        raise error("text")


def test_the_public_names_are_there() -> None:
    """Every name in `__all__` can be had from the package, and is the one from its own module."""
    for name in lora_cli.__all__:
        assert getattr(lora_cli, name) is not None
    assert lora_cli.InvalidInput is InvalidInput
    assert lora_cli.LoraCliError is LoraCliError
    with pytest.raises(lora_cli.DoesNotFit):
        lora_cli.fit(8, 8, max_params=1)


def test_what_a_function_raises_or_returns_can_be_imported(tmp_path: Path) -> None:
    """A check without a limit, a file that is not JSON, and what a server preallocates."""
    config = tmp_path / "config.json"
    config.write_text("{", encoding="utf-8")
    with pytest.raises(lora_cli.UnreadableFile):
        lora_cli.read_model(config)
    with pytest.raises(lora_cli.NoLimit):
        lora_cli.check(lora_cli.count(8, 8, 2))
    assert issubclass(lora_cli.TookTooLong, InvalidInput)
    assert issubclass(lora_cli.OutputFailed, LoraCliError)
    assert isinstance(lora_cli.memory("qwen3-0.6b", serve=1), lora_cli.Serving)


@pytest.mark.parametrize("function", [each for name in lora_cli.__all__ if isfunction(each := getattr(lora_cli, name))])
def test_every_function_answers_an_argument_that_it_does_not_have(function: Callable[..., object]) -> None:
    """With those that it has; and it can be pickled, as a pool of processes does."""
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) has no argument nothing=5; choose from: \w+"):
        function(nothing=5)
    assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301


@pytest.mark.parametrize(
    ("function", "keywords", "meant"),
    [
        (lora_cli.count, {"use_dora": True}, r'settings=\{"use_dora": True\}'),
        (lora_cli.memory, {"modules_to_save": ["x"]}, r'settings=\{"modules_to_save": \[\'x\'\]\}'),
        (lora_cli.check, {"use_dora": True}, r'settings=\{"use_dora": True\} of count'),
        (lora_cli.count, {"target_modules": "x"}, "target"),
        (lora_cli.count, {"taget": "x"}, "target"),
    ],
)
def test_a_field_of_a_config_is_a_setting(
    function: Callable[..., object], keywords: dict[str, object], meant: str
) -> None:
    """Unless an argument is called by another word for it."""
    with pytest.raises(TypeError, match=rf"did you mean {meant}\?$"):
        function("gpt2", **keywords)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    """The lazy package says that a name is unknown as any other module does."""
    with pytest.raises(AttributeError, match="module 'lora_cli' has no attribute 'nothing'"):
        _ = lora_cli.nothing


@given(st.text())
def test_a_long_quotation_is_short_and_printable_too(value: str) -> None:
    """120 characters whole, or 40 of the start and 60 of the end."""
    text = quote_long(value)
    assert not has_controls(text)
    assert len(text) <= 120 * 10 + 40


def test_a_long_path_keeps_its_end() -> None:
    """The file's own name is what is looked for."""
    path = "folder/" * 30 + "config.json"
    assert quote_long("a" * 120) == f"'{'a' * 120}'"
    assert quote_long(path) == f"'{path[:40]}'...'{path[-60:]}' (221 characters)"


def test_an_enumeration_is_a_text_that_keeps_its_parts() -> None:
    """A result that has one can be copied and pickled."""
    found = Enumeration("two", ("a", "b"))
    assert found == "two"
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - what it has just made
    assert (again, again.parts) == (found, ("a", "b"))
