"""`check --lock FILE` from the real program: recorded once, held against from then on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import example
import pytest
from program import PROGRAM, environment, run

from lora_cli.analysis.check.lock import compare_with_file, update_of_file
from lora_cli.analysis.check.lock_file import write_lock
from lora_cli.analysis.check.lock_keys import path_key

MATRIX = ("check", "-d", "4096", "-h", "14336")
GPT2 = ("check", "--model", "gpt2", "--target", "c_attn")


def lock_of(path: Path, *arguments: str) -> Path:
    """Record what the arguments name, and return the lock."""
    assert run(*arguments, "--lock", str(path), "--update-lock").returncode == 0
    return path


def test_the_first_run_records_and_says_so(tmp_path: Path) -> None:
    """With --update-lock the counts are recorded, a line a figure, and all of them hold."""
    path = tmp_path / "counts.lock"
    done = run(*MATRIX, "-r", "16", "--lock", str(path), "--update-lock", "--field", "passed")
    assert (done.returncode, set(done.stdout.split())) == (0, {"true"})
    assert done.stderr == f"lora-cli: note: '{path}' records 1 new subject\n"
    assert path.read_text() == (
        '{\n  "lock": "lora-cli check",\n  "schema_version": 1,\n  "subjects": {\n    "4096 x 14336 | lora r=16": {\n'
        '      "method": "lora",\n      "r": 16,\n      "full_params": 58720256,\n      "trainable_params": 294912,\n'
        '      "all_params": 59015168,\n      "adapter_bytes": 1179888\n    }\n  }\n}\n'
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_2(tmp_path: Path) -> None:
    """A gate whose lock was not committed does not open, and says what would record it."""
    done = run(*MATRIX, "-r", "16", "--lock", "counts.lock", cwd=tmp_path)
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert "--lock: 'counts.lock' does not exist; run again with --update-lock to record it" in done.stderr
    done = run(*MATRIX, "-r", "16", "--max-params", "1M", "--update-lock", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("as --lock")) == (2, 1)


def test_an_update_writes_what_changed_or_is_new(tmp_path: Path) -> None:
    """Other records stay, several configs of one model have their own, and a lock of the same is not touched."""
    path = lock_of(tmp_path / "counts.lock", *MATRIX, "-r", "16")
    lock_of(path, *GPT2, "-r", "8")
    lock_of(path, *GPT2, "-r", "16")
    lock_of(path, "check", "--model", "gpt2", "--method", "dora", "-r", "8")
    subjects = json.loads(path.read_text())["subjects"]
    assert list(subjects) == [
        "4096 x 14336 | lora r=16",
        "gpt2 | dora r=8",
        "gpt2 | lora r=16 target=c_attn",
        "gpt2 | lora r=8 target=c_attn",
    ]
    subjects["gpt2 | lora r=8 target=c_attn"]["trainable_params"] = 1
    path.write_text(json.dumps({"lock": "lora-cli check", "schema_version": 1, "subjects": subjects}))
    assert run(*GPT2, "-r", "8", "--lock", str(path)).returncode == 1
    assert run(*GPT2, "-r", "16", "--lock", str(path)).returncode == 0
    done = run(*GPT2, "-r", "8", "--lock", str(path), "--update-lock")
    assert (done.returncode, done.stderr) == (0, f"lora-cli: note: '{path}' records 1 changed subject\n")
    assert run(*GPT2, "-r", "8", "--lock", str(path)).returncode == 0
    assert len(json.loads(path.read_text())["subjects"]) == 4
    path.chmod(0o400)
    assert run(*GPT2, "-r", "8", "--lock", str(path), "--update-lock").returncode == 0


def test_other_limits_decide_beside_an_update(tmp_path: Path) -> None:
    """The lock is written, and the check still fails."""
    path = tmp_path / "counts.lock"
    done = run(*GPT2, "-r", "8", "--lock", str(path), "--update-lock", "--max-params", "1")
    assert (done.returncode, done.stderr.count("check failed: ")) == (1, 1)
    assert run(*GPT2, "-r", "8", "--lock", str(path)).returncode == 0


def test_configs_of_one_folder_have_their_own_records(tmp_path: Path) -> None:
    """Each config file, and each model that it is counted on."""
    for name, r in (("one", 8), ("two", 4)):
        fields = {"peft_type": "LORA", "r": r, "target_modules": ["c_attn"]}
        (tmp_path / f"{name}.json").write_text(json.dumps(fields))
    path = tmp_path / "counts.lock"
    runs = [(name, model) for name in ("one", "two") for model in ("gpt2", "gpt2-medium")]
    for name, model in runs:
        lock_of(path, "check", "--model", model, "--adapter", str(tmp_path / f"{name}.json"))
    for name, model in runs:
        again = ("check", "--model", model, "--adapter", f"{name}.json", "--lock", "counts.lock")
        assert run(*again, cwd=tmp_path).returncode == 0
    assert len(json.loads(path.read_text())["subjects"]) == 4


def test_runs_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each merges its record with those that the others have written."""
    command = [PROGRAM, "check", "-d", "64", "-h", "64", "--lock", "counts.lock", "--update-lock", "-r"]
    runs = [
        subprocess.Popen([*command, str(r)], cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL)
        for r in range(1, 13)
    ]
    assert [each.wait(timeout=60) for each in runs] == [0] * 12
    assert len(json.loads((tmp_path / "counts.lock").read_text())["subjects"]) == 12
    assert [path.name for path in tmp_path.iterdir()] == ["counts.lock"]


def test_a_later_run_of_the_same_is_silent(tmp_path: Path) -> None:
    """What did not change passes, and the file is not touched."""
    path = lock_of(tmp_path / "counts.lock", *GPT2, "-r", "8")
    path.chmod(0o400)
    before = path.stat().st_mtime_ns
    done = run(*GPT2, "-r", "8", "--lock", str(path))
    assert (done.returncode, done.stderr, path.stat().st_mtime_ns) == (0, "", before)


def test_a_difference_is_1_and_shows_old_and_new(tmp_path: Path) -> None:
    """Each figure that changed is a failed record, with what it was and how to record it anew."""
    path = lock_of(tmp_path / "counts.lock", *GPT2, "-r", "8")
    text = path.read_text()
    done = run(*GPT2, "-r", "4", "--lock", str(path), "--format", "csv")
    failed = [line for line in done.stdout.splitlines() if line.endswith("false")]
    assert done.returncode == 1
    assert failed[:2] == ["lock: r,4,8,false", "lock: trainable_params,147456,294912,false"]
    assert (
        f"gpt2 | lora r=4 target=c_attn: lock: trainable_params is 147,456, recorded as 294,912 in '{path}'; "
        "if the change is intended, run again with --update-lock to record it"
    ) in done.stderr
    assert path.read_text() == text


def test_what_was_not_known_is_no_difference(tmp_path: Path) -> None:
    """A lock that was written without a base has no figures of one, as a note says; what it has must stay known."""
    example.write(tmp_path)
    path = lock_of(tmp_path / "counts.lock", "check", str(tmp_path / "my-adapter"))
    with_base = ("check", str(tmp_path / "my-adapter"), "-m", str(tmp_path / "base"), "--lock", str(path))
    done = run(*with_base, "--format", "csv")
    assert (done.returncode, "full_params" in done.stdout, "lock: trainable_params" in done.stdout) == (0, False, True)
    assert "has no full_params, all_params of 1 subject ('./my-adapter | ./base'), which was not known" in done.stderr
    path.unlink()
    lock_of(path, *with_base[:-2])
    assert not run(*with_base).stderr
    done = run("check", str(tmp_path / "my-adapter"), "--lock", str(path))
    assert (done.returncode, done.stderr.count("lock: full_params is unknown, recorded as 361,088")) == (1, 1)


def test_limits_and_the_lock_are_judged_together(tmp_path: Path) -> None:
    """Records of limits come first, and either fails the check."""
    path = lock_of(tmp_path / "counts.lock", *MATRIX, "-r", "16")
    done = run(*MATRIX, "-r", "16", "--max-params", "1", "--lock", str(path), "--field", "rule")
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == ["max-params", "lock: method"]


def test_a_subject_that_is_not_recorded_is_1(tmp_path: Path) -> None:
    """A lock of other subjects is stale, and stays as it is."""
    path = lock_of(tmp_path / "counts.lock", *MATRIX, "-r", "16")
    text = path.read_text()
    done = run(*GPT2, "-r", "8", "--lock", str(path), "--field", "rule")
    assert (done.returncode, done.stdout, path.read_text()) == (1, "lock\n", text)
    assert "gpt2 | lora r=8 target=c_attn: lock: it is not recorded in" in done.stderr


def test_an_adapter_is_known_by_its_folder(tmp_path: Path) -> None:
    """Two adapters of one model are two subjects, each by its path from the lock, from any working directory."""
    for name in ("a", "b"):
        (tmp_path / "adapters" / name).mkdir(parents=True)
        fields = {"peft_type": "LORA", "r": 8, "target_modules": ["c_attn"]}
        (tmp_path / "adapters" / name / "adapter_config.json").write_text(json.dumps(fields))
    path = lock_of(tmp_path / "counts.lock", "check", "--model", "gpt2", "--adapter", str(tmp_path / "adapters" / "a"))
    assert list(json.loads(path.read_text())["subjects"]) == ["adapters/a | gpt2"]
    inside = ("check", "--model", "GPT2", "--adapter", "adapter_config.json", "--lock", "../../counts.lock")
    assert run(*inside, cwd=tmp_path / "adapters" / "a").returncode == 0
    assert run(*inside, cwd=tmp_path / "adapters" / "b").returncode == 1


def test_a_model_is_known_by_its_path_or_its_name(tmp_path: Path) -> None:
    """A folder that is called like a preset is another subject than the preset, in whatever case that is written."""
    fields = {"model_type": "gpt2", "n_layer": 1}
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text(json.dumps(fields))
    update = ("-r", "8", "--update-lock", "--lock")
    run(*GPT2, *update, "folder.lock", cwd=tmp_path)
    run("check", "--model", "GPT2", "--target", "c_attn", *update, "name.lock", cwd=tmp_path)
    found = [list(json.loads((tmp_path / f"{name}.lock").read_text())["subjects"]) for name in ("folder", "name")]
    assert found == [["./gpt2 | lora r=8 target=c_attn"], ["gpt2 | lora r=8 target=c_attn"]]


@pytest.mark.parametrize(
    ("path", "lock", "key"),
    [
        ("adapters/a", "counts.lock", "adapters/a"),
        ("adapters/a/", "counts.lock", "adapters/a"),
        ("./adapters/../adapters/a", "counts.lock", "adapters/a"),
        ("a", "counts.lock", "./a"),
        ("a", "locks/counts.lock", "../a"),
        ("locks/a", "locks/counts.lock", "./a"),
        ("linked/a", "locks/counts.lock", "./a"),
        ("locks/a", "linked/counts.lock", "./a"),
        (".", "counts.lock", "./."),
    ],
)
def test_a_path_has_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, lock: str, key: str) -> None:
    """It is the way from the lock's folder, whatever way is taken there, and has a slash."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "linked").symlink_to("locks")
    monkeypatch.chdir(tmp_path)
    assert path_key(path, lock) == path_key(str(tmp_path / path), str(tmp_path / lock)) == key


def test_a_batch_records_all_of_its_subjects_or_checks_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded and not asked for is left alone, but a path that is gone is warned of."""
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    subjects = {"./a": {"r": 8}, "./b": {"r": 8}, "./c\x1b": {"r": 4}, "gpt2": {"r": 2}, "8 x 8": {"r": 1}}
    first = update_of_file("counts.lock", subjects)
    assert first.notes == ["'counts.lock' records 5 new subjects"]
    assert first.update is not None
    write_lock(first.update)
    later = compare_with_file("counts.lock", {"gpt2": {"r": 2}})
    assert [verdict.passed for verdict in later.verdicts["gpt2"]] == [True]
    assert later.update is None
    gone = "'counts.lock' records what no longer exists: 2 subjects ('./b', './c\\x1b'); "
    assert later.warnings == [gone + "remove its entry"]
    assert compare_with_file("counts.lock", subjects).warnings == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{\x00",
        b'{"name": "x", "lockfileVersion": 3}',
        b'{"lock": "lora-cli check", "schema_version": 2, "subjects": {}}',
        b'{"lock": "lora-cli check", "schema_version": 1}',
        b'{"lock": "lora-cli check", "schema_version": 1, "subjects": {"8 x 8": {"r": NaN}}}',
        b'{"lock": "lora-cli check", "schema_version": 1, "subjects": {"8 x 8": {"r": ' + b"9" * 5000 + b"}}}",
        b"[" * 100_000,
        b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n",
    ],
)
def test_what_is_no_lock_is_2_and_untouched(tmp_path: Path, content: bytes) -> None:
    """One line that names the file, and not a byte of it changed."""
    path = tmp_path / "counts.lock"
    path.write_bytes(content)
    for more in ((), ("--update-lock",)):
        done = run("check", "-d", "8", "-h", "8", "-r", "2", "--lock", str(path), *more, timeout=10)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert str(path) in done.stderr
        assert path.read_bytes() == content


def test_a_lock_of_any_size_is_no_wait(tmp_path: Path) -> None:
    """A file past what is read is refused by its size."""
    path = tmp_path / "counts.lock"
    with path.open("wb") as file:
        file.truncate(10**12)
    done = run(*MATRIX, "-r", "2", "--lock", str(path), timeout=10)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a lock has at most" in done.stderr


@pytest.mark.parametrize("path", ["", "folder", "pipe", "nothing", "missing/counts.lock", "new/", "/dev/full"])
def test_a_path_that_holds_no_lock_is_2(tmp_path: Path, path: str) -> None:
    """Folders, pipes, links to nothing and folders that are not there: one line, and no wait."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nothing").symlink_to("nowhere")
    before = sorted(tmp_path.iterdir())
    for more in ((), ("--update-lock",)):
        done = run(*MATRIX, "-r", "2", "--lock", path, *more, cwd=tmp_path, timeout=10)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "wrong",
    [("--format", "xml"), ("--field", "bogus"), ("--color", "red"), ("-o", "no/such"), ("-o", "new.lock")],
)
def test_a_run_that_is_refused_records_nothing(tmp_path: Path, wrong: tuple[str, str]) -> None:
    """A wrong option, and --output on the lock itself, leave no lock behind."""
    done = run(*MATRIX, "-r", "2", "--lock", "new.lock", "--update-lock", *wrong, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_json_is_not_a_lock(tmp_path: Path) -> None:
    """The parser's message alone says nothing of what to do, and the file stays."""
    lock = tmp_path / "counts.lock"
    lock.write_text("{", encoding="utf-8")
    for update in ((), ("--update-lock",)):
        done = run("check", "-m", "gpt2", "-r", "4", "--lock", str(lock), *update)
        assert (done.returncode, done.stdout, lock.read_text(encoding="utf-8")) == (2, "", "{")
        assert done.stderr.endswith(
            "; it is not a lock: restore it, or write a new one with --update-lock to another file\n"
        )


def test_a_project_has_a_lock_for_its_tables(tmp_path: Path) -> None:
    """Its path is relative to pyproject.toml; --lock wins, a subject of the command line needs its own, and it has no other use."""
    section = '[tool.lora-cli]\nlock = "counts.lock"\n'
    project = tmp_path / "pyproject.toml"
    project.write_text(section + '[[tool.lora-cli.check]]\nmodel = "gpt2"\nr = 8\n')
    below = tmp_path / "below"
    below.mkdir()
    assert "'../counts.lock' does not exist" in run("check", cwd=below).stderr
    assert run("check", "--update-lock", cwd=below).returncode == 0
    assert run("check", cwd=below).returncode == 0
    project.write_text(project.read_text().replace("r = 8", "r = 9"))
    assert run("check", cwd=below).returncode == 1
    assert run("check", "--lock", "own.lock", "--update-lock", cwd=below).returncode == 0
    assert [path.name for path in below.iterdir()] == ["own.lock"]
    assert "there is no limit to check" in run(*GPT2, "-r", "8", cwd=tmp_path).stderr
    kept = run("check", "-o", "counts.lock", cwd=tmp_path)
    assert (kept.returncode, "are both 'counts.lock'" in kept.stderr) == (2, True)
    project.write_text(section)
    assert "lock is of the tables [[tool.lora-cli.check]], of which there is none" in run(*MATRIX, cwd=tmp_path).stderr
