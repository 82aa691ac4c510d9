"""Locks: what is recorded comes back, any difference shows, and each subject is judged alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import InvalidInput, count
from lora_cli.analysis.check.limits import FIELDS
from lora_cli.analysis.check.lock import FIGURES, MAX_FIGURE, TEXTS, compare, document, figures, recorded

SOURCE = "'counts.lock'"
NUMBERS = st.integers(0, MAX_FIGURE)
SUBJECT = st.fixed_dictionaries(
    {}, optional={figure: st.text() if figure in TEXTS else NUMBERS | st.none() for figure in FIGURES}
)
SUBJECTS = st.dictionaries(st.text(), SUBJECT, max_size=4)


def read_back(subjects: Any) -> Any:
    """Return subjects as a lock's text brings them back."""
    return recorded(json.loads(json.dumps(document(subjects), indent=2)), SOURCE)


@given(SUBJECTS)
def test_what_is_recorded_comes_back_and_passes(subjects: Any) -> None:
    """Whatever the subjects' names and figures, the lock of them holds for them, with a record a known figure."""
    held = compare(subjects, read_back(subjects), SOURCE)
    assert all(one.passed for one in held)
    assert [(one.subject, one.figure) for one in held] == [
        (name, figure) for name, found in subjects.items() for figure in FIGURES if found.get(figure) is not None
    ]


@given(SUBJECTS, st.data())
def test_any_difference_fails_and_shows_both(subjects: Any, data: st.DataObject) -> None:
    """A figure that changed, came or went fails, that one alone."""
    if not subjects:
        return
    locked = read_back(subjects)
    name = data.draw(st.sampled_from(sorted(subjects)))
    figure = data.draw(st.sampled_from(sorted(set(FIGURES) - set(TEXTS))))
    old = subjects[name].get(figure)
    new = data.draw((NUMBERS | st.none()).filter(lambda value: value != old))
    changed = {**subjects, name: {**subjects[name], figure: new}}
    failed = [one for one in compare(changed, locked, SOURCE) if not one.passed]
    assert [(one.subject, one.rule, one.value, one.limit) for one in failed] == [(name, f"lock: {figure}", new, old)]
    shown = ["unknown" if value is None else f"{value:,}" for value in (new, old)]
    assert f" is {shown[0]}, recorded as {shown[1]} in {SOURCE}" in failed[0].failure()


@given(SUBJECTS, st.data())
def test_a_subject_has_the_same_verdict_in_any_batch(subjects: Any, data: st.DataObject) -> None:
    """Some of the recorded subjects, in any order, give what they give among all."""
    locked = read_back(subjects)
    batch = data.draw(st.permutations(sorted(subjects)))[: data.draw(st.integers(0, len(subjects)))]
    together = compare({name: subjects[name] for name in batch}, locked, SOURCE)
    assert together == [one for name in batch for one in compare({name: subjects[name]}, locked, SOURCE)]


def test_a_subject_that_is_not_recorded_fails() -> None:
    """Its one record says so, and how to record it."""
    (held,) = compare({"new": {"r": 8}}, {"old": {"r": 8}}, SOURCE)
    assert tuple(held.record()) == FIELDS
    assert tuple(held.record().values()) == ("lock", None, None, False)
    assert held.failure() == (
        "lock: 'new' is not recorded in 'counts.lock', which is stale; delete that file and run again to record it anew"
    )


def test_a_matrix_has_the_same_figures_however_it_is_counted() -> None:
    """LoRA by its rank alone and by its config are two ways to one count, and one lock."""
    plain, by_config = count(48, 64, 4), count(48, 64, 4, settings={"lora_alpha": 8})
    assert type(plain) is not type(by_config)
    assert figures(plain.record()) == figures(by_config.record())


def test_a_lock_changes_only_where_a_figure_does() -> None:
    """Subjects are sorted, figures in their order, and each stands on a line of its own."""
    one, other = {"r": 8, "method": "lora"}, {"trainable_params": 1}
    text = json.dumps(document({"b": one, "a": other}), indent=2)
    assert text == json.dumps(document({"a": other, "b": one}), indent=2)
    changed = json.dumps(document({"a": other, "b": {**one, "r": 16}}), indent=2)
    lines = [pair for pair in zip(text.splitlines(), changed.splitlines(), strict=True) if pair[0] != pair[1]]
    assert lines == [('      "r": 8', '      "r": 16')]


def lock(**changes: Any) -> dict[str, Any]:
    """Return a lock with some of its fields changed."""
    return {"lock": "lora-cli check", "schema_version": 1, "subjects": {}, **changes}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "another program's file"),
        ({"lockfileVersion": 3, "packages": {}}, "another program's file"),
        (lock(lock="uv"), "another program's file"),
        (lock(lock=["lora-cli check"]), "another program's file"),
        (lock(schema_version=2), "schema_version is 2, and 1 is read"),
        (lock(schema_version=True), "schema_version is True, and 1 is read"),
        (lock(schema_version=1.0), "schema_version is 1.0, and 1 is read"),
        (lock(schema_version=None), "schema_version is None, and 1 is read"),
        (lock(subjects=[]), "subjects is [], which is no object"),
        (lock(subjects=None), "subjects is None, which is no object"),
        (lock(subjects={"a": 1}), "'a' is 1, which is no object"),
        (lock(subjects={"a": {"r": "8"}}), "'r' is '8', which is no whole number from 0 to 10^30"),
        (lock(subjects={"a": {"r": True}}), "'r' is True, which is no whole number"),
        (lock(subjects={"a": {"r": 8.0}}), "'r' is 8.0, which is no whole number"),
        (lock(subjects={"a": {"r": None}}), "'r' is None, which is no whole number"),
        (lock(subjects={"a": {"r": -1}}), "'r' is -1, which is no whole number"),
        (lock(subjects={"a": {"r": 10**4000}}), "'r' is an int of 13288 bits, which is no whole number"),
        (lock(subjects={"a": {"method": 1}}), "'method' is 1, which is no text"),
        (lock(subjects={"a": {"params": 1}}), "'params' is 1, which no lock has"),
        (lock(subjects={"\x1b[31m" * 99: {"\x1b": 1}}), "which no lock has"),
    ],
)
def test_what_is_no_lock_is_refused(content: dict[str, Any], problem: str) -> None:
    """The message names the file, what is wrong in it, and the fix."""
    with pytest.raises(InvalidInput) as caught:
        recorded(content, SOURCE)
    assert str(caught.value).startswith(SOURCE)
    assert problem in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700
