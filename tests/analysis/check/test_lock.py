"""Locks: what is recorded comes back, any difference shows, and each subject is judged alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import InvalidInput, count
from lora_cli.analysis.check.lock import FIGURES, MAX_FIGURE, TEXTS, compare, document, figures_of, read_subjects
from lora_cli.analysis.check.verdict import FIELDS

SOURCE = "'counts.lock'"
NUMBERS = st.integers(0, MAX_FIGURE)
SUBJECT = st.fixed_dictionaries(
    {}, optional={figure: st.text() if figure in TEXTS else NUMBERS | st.none() for figure in FIGURES}
)
SUBJECTS = st.dictionaries(st.text(), SUBJECT, max_size=4)


def read_back(subjects: Any) -> Any:
    """Return subjects as a lock's text brings them back."""
    return read_subjects(json.loads(json.dumps(document(subjects), indent=2)), SOURCE)


@given(SUBJECTS)
def test_what_is_recorded_comes_back_and_passes(subjects: Any) -> None:
    """Whatever the subjects' names and figures, the lock of them holds for them, with a record a known figure."""
    verdicts = compare(subjects, read_back(subjects), SOURCE)
    assert all(verdict.passed for each in verdicts.values() for verdict in each)
    assert {name: [verdict.rule for verdict in each] for name, each in verdicts.items()} == {
        name: [f"lock: {figure}" for figure in FIGURES if figures.get(figure) is not None]
        for name, figures in subjects.items()
    }


@given(SUBJECTS, st.data())
def test_any_difference_fails_and_shows_both(subjects: Any, data: st.DataObject) -> None:
    """A figure that changed or went fails, that one alone; one that came has nothing to differ from."""
    if not subjects:
        return
    locked = read_back(subjects)
    name = data.draw(st.sampled_from(sorted(subjects)))
    figure = data.draw(st.sampled_from(sorted(set(FIGURES) - set(TEXTS))))
    old = subjects[name].get(figure)
    if old is None:
        came = {**subjects, name: {**subjects[name], figure: data.draw(NUMBERS)}}
        assert compare(came, locked, SOURCE).keys() == subjects.keys()
        assert all(verdict.passed for each in compare(came, locked, SOURCE).values() for verdict in each)
        return
    new = data.draw((NUMBERS | st.none()).filter(lambda value: value != old))
    changed = {**subjects, name: {**subjects[name], figure: new}}
    verdicts = compare(changed, locked, SOURCE)
    ((key, verdict),) = [(key, verdict) for key, each in verdicts.items() for verdict in each if not verdict.passed]
    assert (key, verdict.rule, verdict.value, verdict.limit) == (name, f"lock: {figure}", new, old)
    shown = ["unknown" if value is None else f"{value:,}" for value in (new, old)]
    assert f" is {shown[0]}, recorded as {shown[1]} in {SOURCE}" in str(verdict.failure())


@given(SUBJECTS, st.data())
def test_a_subject_has_the_same_verdict_in_any_batch(subjects: Any, data: st.DataObject) -> None:
    """Some of the recorded subjects, in any order, give what they give among all."""
    locked = read_back(subjects)
    batch = data.draw(st.permutations(sorted(subjects)))[: data.draw(st.integers(0, len(subjects)))]
    together = compare({name: subjects[name] for name in batch}, locked, SOURCE)
    assert list(together) == batch
    assert all(together[name] == compare({name: subjects[name]}, locked, SOURCE)[name] for name in batch)


def test_a_subject_that_is_not_recorded_fails() -> None:
    """Its one record says so, and how to record it."""
    (verdict,) = compare({"new": {"r": 8}}, {"old": {"r": 8}}, SOURCE)["new"]
    assert tuple(verdict.record()) == FIELDS
    assert tuple(verdict.record().values()) == ("lock", None, None, False)
    assert verdict.failure() == (
        "new: lock: it is not recorded in 'counts.lock', which is out of date; run again with update_lock to record it"
    )


def test_a_matrix_has_the_same_figures_however_it_is_counted() -> None:
    """LoRA by its rank alone and by its config are two ways to one count, and one lock."""
    plain, by_config = count(48, 64, 4), count(48, 64, 4, settings={"lora_alpha": 8})
    assert figures_of(plain.record()) == figures_of(by_config.record())


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
        (lock(schema_version=2), "schema_version is 2, but only 1 can be read"),
        (lock(schema_version=True), "schema_version is True, but only 1 can be read"),
        (lock(schema_version=1.0), "schema_version is 1.0, but only 1 can be read"),
        (lock(schema_version=None), "schema_version is None, but only 1 can be read"),
        (lock(subjects=[]), "subjects is [], which is not an object"),
        (lock(subjects=None), "subjects is None, which is not an object"),
        (lock(subjects={"a": 1}), "'a' is 1, which is not an object"),
        (lock(subjects={"a": {"r": "8"}}), "'r' is '8', which is not a whole number from 0 to 10^30"),
        (lock(subjects={"a": {"r": True}}), "'r' is True, which is not a whole number"),
        (lock(subjects={"a": {"r": 8.0}}), "'r' is 8.0, which is not a whole number"),
        (lock(subjects={"a": {"r": None}}), "'r' is None, which is not a whole number"),
        (lock(subjects={"a": {"r": -1}}), "'r' is -1, which is not a whole number"),
        (lock(subjects={"a": {"r": 10**4000}}), "'r' is an int of 13288 bits, which is not a whole number"),
        (lock(subjects={"a": {"method": 1}}), "'method' is 1, which is not a string"),
        (lock(subjects={"a": {"params": 1}}), "'params' is 1, which is not a figure of a lock"),
        (lock(subjects={"\x1b[31m" * 99: {"\x1b": 1}}), "which is not a figure of a lock"),
    ],
)
def test_what_is_no_lock_is_refused(content: dict[str, Any], problem: str) -> None:
    """The message names the file, what is wrong in it, and the fix."""
    with pytest.raises(InvalidInput) as caught:
        read_subjects(content, SOURCE)
    assert str(caught.value).startswith(SOURCE)
    assert problem in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700
