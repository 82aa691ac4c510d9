"""What a question returns: figures by name, that read, print, compare, copy and tabulate as people expect."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from lora_cli import Count, Fit, InvalidInput, count, fit, forward, read_model, sweep
from lora_cli.analysis.count.model_count import FIELDS as MODEL_FIELDS
from lora_cli.analysis.count.plain_lora import FIELDS
from lora_cli.analysis.result import Result, html_table, text_table
from lora_cli.analysis.revisions import REVISIONS

RESULTS: dict[str, Callable[[], Result]] = {
    "one matrix": lambda: count(d=8, h=6, r=2),
    "one matrix, another method": lambda: count(d=8, h=8, r=2, method="vera"),
    "a method without a rank": lambda: count(d=8, h=8, method="fourierft", settings={"n_frequency": 3}),
    "a model": lambda: count(model="gpt2", target="c_attn", r=2),
    "a fit": lambda: fit(d=8, h=8, max_params=40),
    "a fit of a model": lambda: fit(model="gpt2", max_params=100_000),
    "a pass": lambda: forward(d=8, h=8, r=2, alpha=1e6, dtype="float16"),
}
EVERY = pytest.mark.parametrize("make", RESULTS.values(), ids=list(RESULTS))


@EVERY
def test_fields_are_attributes_items_and_a_dict(make: Callable[[], Result]) -> None:
    """All three give the same values in the same order."""
    result = make()
    record = result.record()
    assert type(record) is dict
    assert record == dict(result) == {field: getattr(result, field) for field in result}
    assert list(record) == list(result)
    assert len(record) == len(result)
    assert isinstance(result, Mapping)


@EVERY
def test_the_repr_names_every_field(make: Callable[[], Result]) -> None:
    """Nobody counts places in a tuple to find a figure."""
    result = make()
    text = repr(result)
    assert text.startswith(f"{type(result).__name__}(")
    places = [text.index(f"{field}={value!r}") for field, value in result.items()]
    assert places == sorted(places)


def test_every_declared_field_is_in_some_record() -> None:
    """An annotation without a figure behind it would be None for ever. Only what is from the Hub has a commit.

    What a recipe said stands beside the record.
    """
    counts = [count(8, 8, 2), count(model="gpt2", r=2), next(iter(sweep(model="gpt2", r=2)))]
    assert {name for name in vars(Count)["__annotations__"] if name[0] != "_"} == {
        name for each in counts for name in each
    } | {*REVISIONS, "assumptions"}
    own = {name for name in vars(Fit)["__annotations__"] if name[0] != "_"}
    assert own == fit(8, 8, max_params=40).keys() - count(8, 8, 2).keys()


def test_the_repr_of_a_model_shows_its_figures() -> None:
    """A user reads the answer without calling anything."""
    result = count(model="llama-3.1-8b", target="all-linear", r=16)
    assert "trainable_params=41943040" in repr(result)
    assert result.trainable_params == 41_943_040


@EVERY
def test_a_result_is_not_a_tuple(make: Callable[[], Result]) -> None:
    """It has no places, no order and no methods of a tuple."""
    result = make()
    assert not isinstance(result, tuple)
    assert not hasattr(result, "_fields")
    assert not hasattr(result, "_asdict")
    with pytest.raises(KeyError):
        result[0]  # type: ignore[index]
    with pytest.raises(TypeError):
        _ = result < make()  # type: ignore[operator]


@EVERY
def test_a_result_is_read_only(make: Callable[[], Result]) -> None:
    """No field, old or new, can be set or deleted, and a changed dict changes no result."""
    result = make()
    before = result.record()
    for name in ("trainable_params", "d", "another", "_record", "warnings"):
        with pytest.raises(AttributeError, match="read-only"):
            setattr(result, name, 1)
        with pytest.raises(AttributeError, match="read-only"):
            delattr(result, name)
    with pytest.raises(TypeError):
        result["d"] = 1  # type: ignore[index]
    result.record().clear()
    assert result.record() == before
    assert isinstance(result.warnings, tuple)
    assert isinstance(result.notes, tuple)


@EVERY
def test_an_unknown_attribute_is_an_error(make: Callable[[], Result]) -> None:
    """A misspelt field is not None."""
    with pytest.raises(AttributeError, match="has no attribute 'trainable_parms'"):
        _ = make().trainable_parms  # type: ignore[attr-defined]


def test_a_field_that_a_question_has_no_figure_for_is_none() -> None:
    """One matrix has no model, and a model has no d; neither is among the keys."""
    matrix, model = count(d=8, h=8, r=2), count(model="gpt2", r=2)
    assert (matrix.model, matrix.adapted_modules, model.d, model.break_even_rank) == (None, None, None, None)
    assert tuple(matrix) == FIELDS
    assert tuple(model) == MODEL_FIELDS


@EVERY
def test_dir_lists_the_fields(make: Callable[[], Result]) -> None:
    """A notebook completes them."""
    result = make()
    assert set(result) | {"record", "warnings", "notes"} <= set(dir(result))


@EVERY
def test_a_notebook_shows_a_table(make: Callable[[], Result]) -> None:
    """Each field is a row."""
    result = make()
    html = result._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<tr>") == len(result) + 1
    assert all(f"<td>{field}</td>" in html for field in result)


@EVERY
def test_print_shows_a_table(make: Callable[[], Result]) -> None:
    """Each field is a line, with its value in groups of three digits; the repr stays on one line."""
    result = make()
    rows = dict(line.split(maxsplit=1) for line in str(result).splitlines())
    assert list(rows) == list(result)
    assert rows["r"] == str(result["r"])
    assert "\n" not in repr(result)


def test_a_printed_table_rounds_nothing_to_a_whole_number() -> None:
    """A saving that is not 100 % does not read like one, and no name writes to the terminal."""
    assert text_table([("a", 99.99999999), ("b", 16.0), ("c", 1.5e-9), ("d", None), ("e", "\x1b[31m")]) == (
        "a  99.99999999\nb  16\nc  1.5e-09\nd  None\ne  \\x1b[31m"
    )


def test_html_is_escaped(tmp_path: Path) -> None:
    """The name of a folder is text, whatever it looks like."""
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    html = count(model=str(folder), r=2)._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html
    assert html_table(("<i>",), [("&", None)]).count("<td>") == 2
    assert "<i>" not in html_table(("<i>",), [("&", None)])


@EVERY
def test_equal_figures_are_equal_results(make: Callable[[], Result]) -> None:
    """The same question gives the same answer, and it can be compared with a dict."""
    assert make() == make()
    assert make() == make().record()
    assert make() != count(d=3, h=3, r=3)


@EVERY
@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))],  # noqa: S301 - our own
    ids=["copy", "deep copy", "pickle"],
)
def test_a_result_can_be_copied_and_pickled(make: Callable[[], Result], again: Callable[[Result], Result]) -> None:
    """A pool of processes can return results, with all that belongs to them."""
    result = make()
    found = again(result)
    assert type(found) is type(result)
    assert found == result
    assert (found.warnings, found.notes) == (result.warnings, result.notes)
    for part in ("tensors", "modules", "groups", "summary", "pair_sizes", "shapes", "samples"):
        assert getattr(found, part, None) == getattr(result, part, None)
    if hasattr(result, "alternatives"):
        assert found.alternatives() == result.alternatives()


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
def test_numpys_integers_are_sizes(kind: type[np.integer]) -> None:
    """The figures are Python's numbers all the same."""
    for method in ("lora", "vera"):
        found = count(kind(8), kind(6), kind(2), method)
        assert found == count(8, 6, 2, method)
        assert {type(value) for value in found.values()} <= {int, float, str}
    assert count(model="gpt2", r=kind(2)) == count(model="gpt2", r=2)


@pytest.mark.parametrize("wrong", [True, False, np.True_, np.float64(8), np.array([8]), 8.0, "8"])
def test_truth_values_floats_and_texts_are_not_sizes(wrong: int) -> None:
    """The error names the argument as Python spells it."""
    for name in ("d", "h", "r"):
        with pytest.raises(InvalidInput, match=f"^{name}: "):
            count(**{"d": 8, "h": 8, "r": 2, name: wrong})
    with pytest.raises(InvalidInput, match=r"^r: "):
        count(8, 8, wrong, "vera")


@pytest.mark.parametrize("method", ["lora", "dora", "vera", "ia3", "road"])
def test_count_returns_one_type(method: str) -> None:
    """Whatever is counted, and however: no caller has to ask which it got."""
    ranks = {} if method in {"ia3", "road"} else {"r": 2}
    assert type(count(d=64, h=64, method=method, **ranks)) is Count
    model = read_model("llama-3.2-1b")
    settings = {"feedforward_modules": []} if method == "ia3" else {}
    assert type(count(model=model, target=["q_proj"], method=method, settings=settings, **ranks)) is Count


def test_results_are_rows_of_a_data_frame() -> None:
    """The fields are the columns, in their order. pandas is not a dependency, so this runs where it is installed."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([count(8, 8, r) for r in (1, 2, 4)])
    assert list(frame.columns) == list(FIELDS)
    assert list(frame["trainable_params"]) == [16, 32, 64]


def test_type_checkers_know_the_fields(tmp_path: Path) -> None:
    """A figure has its type, and a misspelt field is found before anything runs."""
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        "from lora_cli import count, fit, forward\n"
        "reveal_type(count(d=8, h=8, r=2).trainable_params)\n"
        "reveal_type(count(model='gpt2').reduction_factor)\n"
        "reveal_type(fit(d=8, h=8, max_params=9).size)\n"
        "reveal_type(forward(d=8, h=8, r=2).output_norm)\n"
        "count(d=8, h=8, r=2).trainable_parms\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    revealed = [line.split('"')[1] for line in done.stdout.splitlines() if "Revealed" in line]
    words = ["int", "float | None", "int | None", "float | None"]
    assert [text.replace("builtins.", "") for text in revealed] == words, done.stdout + done.stderr
    assert '"Count" has no attribute "trainable_parms"' in done.stdout
