"""`check` from Python: counts, inspections and paths, findings and locks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import example
import numpy as np
import pytest
from adapter_files import pair, write_adapter
from small_llama import llama

from lora_cli import Count, InvalidInput, check, count, inspect
from lora_cli.analysis.check.lock import LockUpdate
from lora_cli.analysis.check.lock_file import write_lock
from lora_cli.errors import OutputFailed

MODULE = "model.layers.0.self_attn.q_proj"


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write an adapter of rank 4 whose B is zero, and its base model; return the adapter's path."""
    monkeypatch.chdir(tmp_path)
    arrays = pair(MODULE, np.ones((4, 64), "<f4"), np.zeros((64, 4), "<f4"))
    write_adapter(tmp_path / "fresh", arrays, r=4, target_modules=["q_proj"])
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(llama(num_hidden_layers=1)))
    return "fresh"


def test_a_path_is_judged_like_its_inspection(adapter: str) -> None:
    """A path, a list of paths and an inspection give the same verdicts, each with the path."""
    limits: dict[str, Any] = {"max_params": 512, "max_bytes": 10}
    verdicts = check(adapter, **limits)
    assert [(v.path, v.rule, v.passed) for v in verdicts] == [
        ("fresh", "findings", True),
        ("fresh", "max-params", True),
        ("fresh", "max-bytes", False),
    ]
    assert check([adapter], **limits) == check(inspect(adapter, values=True), **limits) == verdicts
    assert str(verdicts[2].failure()).startswith("fresh: max-bytes: adapter_bytes is ")


@pytest.mark.parametrize("limits", [{"max_params": 6271}, {"max_params": 895}, {"max_bytes": 20_000}])
def test_an_adapter_on_disk_is_told_which_rank_would_hold(tmp_path: Path, limits: dict[str, Any]) -> None:
    """As with its model, from the shapes in its file: by hand, 896 parameters for each of its 8 ranks."""
    example.write(tmp_path)
    adapter, base = str(tmp_path / "my-adapter"), str(tmp_path / "base")
    failures = [[str(each.failure()) for each in check(adapter, model=model, **limits)] for model in (None, base)]
    assert failures[0] == failures[1]
    if "max_params" in limits:
        assert failures[0][-1].endswith("; r 6 would hold" if limits["max_params"] > 896 else "; no r would hold")


def test_findings_fail_by_severity_or_code(adapter: str) -> None:
    """What fails is told as the finding says it; what is ignored is not."""
    for fail_on in (["warning"], ["zero-b"], "zero-b"):
        (verdict,) = check(adapter, fail_on=fail_on)
        assert (verdict.rule, verdict.value, verdict.limit, verdict.passed) == ("finding: zero-b", 1, 0, False)
        assert "all zero" in str(verdict.failure())
        assert check(adapter, fail_on=fail_on, ignore=["zero-b"])[0].passed


@pytest.mark.parametrize("subject", [count(8, 8, 5), count(model="gpt2", r=577)])
def test_the_ranks_of_a_count_are_findings_too(subject: Count) -> None:
    """By hand: break-even at 4 on 8 x 8, and at 576 on GPT-2's 768 x 2304. A rule that nothing breaks has its row."""
    code = "rank-past-break-even"
    for fail_on in (["warning"], [code]):
        finding, limit = check(subject, fail_on=fail_on, max_percent=200)
        assert (finding.rule, finding.value, finding.limit, finding.passed) == (f"finding: {code}", 1, 0, False)
        assert str(finding.failure()).endswith(f"; lower the rank, or train the weight itself [{code}]")
        assert (limit.rule, limit.passed) == ("max-percent", True)
        (verdict,) = check(subject, fail_on=fail_on, ignore=[code])
        assert (verdict.rule, verdict.passed) == ("findings", True)
    assert [verdict.rule for verdict in check(subject, fail_on=["error", "zero-b"], max_percent=200)] == ["max-percent"]


@pytest.mark.parametrize("names", [{"fail_on": ["zero-c"]}, {"ignore": ["zero-c"]}, {"ignore": "zero-c"}])
def test_a_code_that_does_not_exist_is_refused(adapter: str, names: dict[str, Any]) -> None:
    """The argument is named, and the near code."""
    with pytest.raises(InvalidInput, match=rf"^{next(iter(names))}: 'zero-c' is not known; did you mean zero-b\?"):
        check(adapter, **names)


def test_a_model_adds_the_limits_of_a_base(adapter: str) -> None:
    """Without it, what depends on the base is unknown."""
    assert check(adapter, model="base", max_percent=5)[1].passed
    with pytest.raises(InvalidInput, match=r"^fresh: max_percent: percent_of_full is unknown, because"):
        check(adapter, max_percent=5)


def test_the_highest_rank_counts(adapter: str, tmp_path: Path) -> None:
    """That of any module: of LoRA by the file, of another method by its config, each with the model and without."""
    arrays = {f"model.layers.{layer}.self_attn.q_proj": values for layer, values in enumerate((4, 12))}
    tensors = {
        key: array
        for module, r in arrays.items()
        for key, array in pair(module, np.ones((r, 64), "<f4"), np.ones((64, r), "<f4")).items()
    }
    mixed = write_adapter(tmp_path / "mixed", tensors, rank_pattern={"layers.1.self_attn.q_proj": 12})
    loha = {f"{MODULE}.hada_w{n}": np.ones(s, "<f4") for n, s in (("1_a", (64, 6)), ("1_b", (6, 64)), ("2_a", (64, 6)))}
    other = write_adapter(
        tmp_path / "loha", loha | {f"{MODULE}.hada_w2_b": np.ones((6, 64), "<f4")}, peft_type="LOHA", r=6
    )
    for path, rank in ((adapter, 4), (mixed, 12), (other, 6)):
        for model in (None, "base") if path != mixed else (None,):
            at, past = (check(path, max_rank=limit, model=model)[-1] for limit in (rank, rank - 1))
            assert (at.rule, at.value, at.passed, past.passed) == ("max-rank", rank, True, False)


def test_a_verdict_is_false_where_the_subject_failed() -> None:
    """So a script may ask `all(check(…))`."""
    assert [bool(verdict) for verdict in check(count(8, 8, 2), max_params=100, max_rank=1)] == [True, False]


def test_a_lock_is_created_and_compared(adapter: str) -> None:
    """A check with update_lock records a count or an adapter, and later ones compare it."""
    with pytest.raises(InvalidInput, match=r"^lock: 'counts.lock' does not exist; run again with update_lock"):
        check(count(8, 8, 2), lock="counts.lock")
    assert all(verdict.passed for verdict in check(count(8, 8, 2), lock="counts.lock", update_lock=True))
    assert list(json.loads(Path("counts.lock").read_text())["subjects"]) == ["8 x 8 | lora r=2"]
    changed = check(count(8, 8, 1), lock="counts.lock")
    assert [verdict.rule for verdict in changed if not verdict.passed][:2] == ["lock: r", "lock: trainable_params"]
    assert all(verdict.path == adapter for verdict in check(adapter, lock="adapters.lock", update_lock=True))
    assert list(json.loads(Path("adapters.lock").read_text())["subjects"]) == ["./fresh"]
    assert all(verdict.passed for verdict in check(adapter, lock="adapters.lock"))


def test_an_update_keeps_what_is_there(tmp_path: Path) -> None:
    """A file that is not a lock stays as it is, and a folder that is not there is an error."""
    path = tmp_path / "counts.lock"
    path.write_text("mine")
    with pytest.raises(InvalidInput, match="is not JSON"):
        write_lock(LockUpdate(str(path), {}))
    assert path.read_text() == "mine"
    with pytest.raises(OutputFailed, match="cannot write"):
        write_lock(LockUpdate(str(tmp_path / "missing" / "counts.lock"), {}))


def test_a_name_that_is_none_is_refused() -> None:
    """The name of a bundled model takes the place of a path."""
    assert [verdict.passed for verdict in check("gpt2", max_params=1)] == [False]
    with pytest.raises(InvalidInput, match=r"^'gtp2' is neither a path that exists nor the name .*; did you mean gpt2"):
        check("gtp2", max_params=1)


def test_what_is_wrong_with_one_of_several_paths_names_it(adapter: str) -> None:
    """Where the sentence is about an argument, as on the command line."""
    with pytest.raises(InvalidInput, match=r"^fresh: max_percent"):
        check([adapter, "gpt2"], max_percent=1)


@pytest.mark.parametrize("empty", [[], ()])
def test_an_empty_list_of_loaders_is_refused(adapter: str, empty: Any) -> None:
    """Nothing would be asked of an adapter that is to be loaded."""
    with pytest.raises(InvalidInput, match=r"^loads_in: the list is empty; give at least one, or drop it$"):
        check(adapter, loads_in=empty)
