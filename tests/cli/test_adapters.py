"""`inspect` and `check PATH` from the real program."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from adapter_files import pair, write_adapter, write_arrays
from checkpoints import write
from program import run
from small_llama import llama

from lora_cli.cli import main

MODULE = "model.layers.0.self_attn.q_proj"
BASE = llama(
    architectures=["LlamaForCausalLM"], hidden_size=32, intermediate_size=64, num_hidden_layers=1, vocab_size=50
)


@pytest.fixture
def adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a whole adapter, one that was never trained, one cut short, a config alone, and their base."""
    monkeypatch.chdir(tmp_path)
    ones = np.ones((4, 32), "<f4"), np.ones((32, 4), "<f4")
    write_adapter(tmp_path / "good", pair(MODULE, *ones))
    write_adapter(tmp_path / "fresh", pair(MODULE, ones[0], np.zeros((32, 4), "<f4")))
    write_adapter(tmp_path / "nan", pair(MODULE, ones[0] * np.nan, ones[1]))
    shutil.copytree(tmp_path / "good", tmp_path / "short")
    os.truncate(tmp_path / "short" / "adapter_model.safetensors", 300)
    (tmp_path / "config").mkdir()
    shutil.copy(tmp_path / "good" / "adapter_config.json", tmp_path / "config")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(BASE))
    return tmp_path


@pytest.mark.usefixtures("adapters")
def test_inspect_tells_records_modules_and_findings() -> None:
    """JSON has all three; a finding goes to stderr too, in one line, and changes no exit code."""
    done = run("inspect", "good", "fresh", "--format", "json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["command"], answer["schema_version"]) == (0, "inspect", 1)
    assert [record["adapter"] for record in answer["results"]] == ["good", "fresh"]
    assert [module["name"] for module in answer["modules"]] == [MODULE, MODULE]
    (finding,) = answer["findings"]
    assert (finding["adapter"], finding["severity"], finding["code"]) == ("fresh", "warning", "zero-b")
    assert finding["message"]
    assert finding["remedy"]
    assert done.stderr.startswith("lora-cli: warning: fresh: 1 tensor")
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize(("layout", "parted"), [("plain", ()), ("table", ("·",))])
def test_findings_are_shown_by_their_severity(layout: str, parted: tuple[str, ...]) -> None:
    """Below the sheet, from their left edge; an error is called one on stderr, and the exit code stays 0."""
    done = run("inspect", "good", "--model", "base", "--format", layout)
    assert "severity" not in done.stdout
    config = json.loads(Path("good/adapter_config.json").read_text())
    Path("good/adapter_config.json").write_text(json.dumps(config | {"r": 5, "lora_alfa": 1}))
    done = run("inspect", "good", "--format", layout)
    assert done.returncode == 0
    rows = [
        line.split()[: 2 + len(parted)]
        for line in done.stdout.splitlines()
        if "mismatch" in line or "unknown-field" in line
    ]
    assert rows == [["error", *parted, "rank-mismatch"], ["note", *parted, "unknown-field"]]
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == ["error", "note"]


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize("command", ["inspect", "check"])
@pytest.mark.parametrize(("terminals", "said"), [(("stdout", "stderr"), 1), (("stdout",), 2), ((), 2)], ids=str)
def test_a_finding_is_told_once_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, command: str, terminals: tuple[str, ...], said: int
) -> None:
    """The table has its remedy, and stderr repeats it only where that is elsewhere."""
    written = {name: io.StringIO() for name in ("stdout", "stderr")}
    for name, stream in written.items():
        monkeypatch.setattr(stream, "isatty", lambda name=name: name in terminals)
        monkeypatch.setattr(sys, name, stream)
    assert main([command, "nan", "--format", "table", "--color", "never"]) == (command == "check")
    remedy = "go back to a checkpoint before training diverged"
    assert remedy in " ".join(written["stdout"].getvalue().split())
    assert " ".join(" ".join(stream.getvalue() for stream in written.values()).split()).count(remedy) == said


@pytest.mark.usefixtures("adapters")
def test_a_broken_file_is_a_finding_and_exit_code_2() -> None:
    """The other adapters are told all the same."""
    done = run("inspect", "short", "good", "--format", "json")
    answer = json.loads(done.stdout)
    assert done.returncode == 2
    assert [(finding["adapter"], finding["code"]) for finding in answer["findings"]] == [("short", "broken-file")]
    assert [record["file_params"] for record in answer["results"]] == [None, 256]
    assert "lora-cli: error: 'short/adapter_model.safetensors' is not a complete safetensors file" in done.stderr


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize("layout", ["table", "plain", "csv"])
def test_a_list_says_which_adapter_is_broken(layout: str) -> None:
    """Each row has the numbers of its errors and warnings, and so has --field."""
    paths = ("good", "fresh", "nan", "short")
    shown = run("inspect", *paths, "--format", layout, env={"COLUMNS": "200"}).stdout
    assert re.search("errors.*warnings", shown)
    assert run("inspect", *paths, "--field", "errors_found").stdout.split() == ["0", "0", "1", "1"]
    assert run("inspect", *paths, "--field", "warnings_found").stdout.split() == ["0", "1", "0", "0"]


@pytest.mark.usefixtures("adapters")
def test_a_spectrum_is_of_the_update() -> None:
    """By hand: scaling 2 times ones of rank 1 are 32 x 32 values of 8, whose norm is 256, all in one singular value."""
    done = run("inspect", "good", "--spectrum", "--format", "json")
    answer = json.loads(done.stdout)
    (module,) = answer["modules"]
    assert module["norm"] == pytest.approx(256)
    assert [module[name] for name in ("rank_90", "rank_95", "rank_99")] == [1, 1, 1]
    (record,) = answer["results"]
    assert (record["rank_needed"], record["saved_params"]) == (1, 3 * 64)
    listed = run("inspect", "good", "--spectrum", "--per-module", "--format", "csv").stdout.splitlines()
    assert listed[0].endswith(",norm,rank_90,rank_95,rank_99")


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good"], 0),
        (["fresh"], 0),
        (["fresh", "--fail-on", "warning"], 1),
        (["fresh", "--fail-on", "zero-b"], 1),
        (["fresh", "--fail-on", "warning", "--ignore", "zero-b"], 0),
        (["nan"], 1),
        (["nan", "--ignore", "nan"], 0),
        (["nan", "--fail-on", "warning"], 1),
        (["nan", "--fail-on", "note"], 1),
        (["fresh", "--fail-on", "note"], 1),
        (["nan", "--fail-on", "zero-b"], 0),
        (["nan", "--fail-on", "zero-b", "--fail-on", "error"], 1),
        (["nan", "--fail-on", "zero-b,error"], 1),
        (["fresh", "--fail-on", "warning, zero-b", "--fail-on", "nan"], 1),
        (["nan", "--ignore", "zero-b,nan"], 0),
        (["short"], 1),
        (["good", "--max-params", "255"], 1),
        (["good", "--max-params", "256"], 0),
        (["good", "--max-bytes", "1kB"], 1),
        (["good", "--model", "base", "--max-percent", "100"], 0),
        (["good", "--model", "base", "--max-percent", "1"], 1),
        (["config", "--model", "base", "--expect-params", "256"], 0),
        (["config/adapter_config.json", "--model", "base", "--expect-params", "257"], 1),
        (["base", "-r", "4", "--target", "q_proj", "--expect-params", "256"], 0),
        (["good", "--max-percent", "1"], 2),
        (["config", "--expect-params", "256"], 2),
        (["good", "-r", "4"], 2),
        (["good", "-d", "4"], 2),
        (["base", "--model", "base", "--max-params", "1"], 2),
        (["base"], 2),
        (["nowhere"], 2),
        (["good", "--fail-on", "nam"], 2),
        (["good", "--fail-on", "nan,nam"], 2),
        (["good", "--fail-on", "nan,"], 2),
        (["good", "--ignore", "error"], 2),
    ],
)
def test_check_judges_paths(arguments: list[str], code: int) -> None:
    """0 where all holds, 1 where a limit or a finding fails, 2 where it cannot be checked; trouble is one line."""
    done = run("check", *arguments)
    assert done.returncode == code, done.stderr
    if code == 2:
        assert (done.stdout, done.stderr.count("\n")) == ("", 1)


@pytest.mark.usefixtures("adapters")
def test_a_path_gets_the_same_verdict_in_any_batch() -> None:
    """Its records are those of a run on its own; an adapter that two files lead to is checked once."""
    together = run("check", "good", "nan", "fresh", "--format", "csv", "--max-params", "1K").stdout.splitlines()
    alone = [
        run("check", path, "--format", "csv", "--max-params", "1K").stdout.splitlines()
        for path in ("good", "nan", "fresh")
    ]
    assert together[0] == "path,rule,value,limit,passed"
    assert together[1:] == [line for lines in alone for line in lines[1:]]
    files = [f"good/{name}" for name in ("adapter_config.json", "adapter_model.safetensors")]
    assert run("check", *files, "--field", "path").stdout.split() == files[:1]


@pytest.mark.usefixtures("adapters")
def test_ci_reads_the_verdicts() -> None:
    """GitHub shows each failure beside its path; JUnit's counts add up."""
    done = run("check", "good", "nan", "--max-params", "1", "--format", "github")
    assert [line.partition("::")[2].split(",")[0] for line in done.stdout.splitlines()] == [
        "error file=good/adapter_config.json",
        "error file=nan/adapter_config.json",
        "error file=nan/adapter_config.json",
    ]
    root = ET.fromstring(run("check", "good", "nan", "--max-params", "1", "--format", "junit").stdout)  # noqa: S314 - the program's own
    assert (root.get("tests"), root.get("failures")) == ("4", "3")
    assert len(root.findall(".//failure")) == 3


def test_a_lock_holds_adapters(adapters: Path) -> None:
    """What was recorded of a folder is held against it later, and a difference shows old and new."""
    assert run("check", "good", "--lock", "counts.lock", "--update-lock").returncode == 0
    assert run("check", "good", "--lock", "counts.lock").returncode == 0
    stale = run("check", "fresh", "--lock", "counts.lock")
    assert stale.returncode == 1
    assert "is not recorded" in stale.stderr
    write_adapter(adapters / "good", pair(MODULE, np.ones((5, 32), "<f4"), np.ones((32, 5), "<f4")), r=5)
    changed = run("check", "good", "--lock", "counts.lock")
    assert changed.returncode == 1
    assert "check failed: good: lock: trainable_params is 320, recorded as 256" in changed.stderr


def test_settings_say_what_fails(adapters: Path) -> None:
    """pyproject.toml has limits and findings; an option wins over its key."""
    (adapters / "pyproject.toml").write_text('[tool.lora-cli]\nmax-params = "1K"\nfail-on = ["zero-b"]\n')
    assert run("check", "fresh").returncode == 1
    assert run("check", "fresh", "--fail-on", "error").returncode == 0
    assert run("check", "good", "--max-params", "1").returncode == 1
    (adapters / "pyproject.toml").write_text('[tool.lora-cli]\nfail-on = ["zero-c"]\n')
    done = run("check", "good")
    assert (done.returncode, "did you mean zero-b?" in done.stderr) == (2, True)


def test_hostile_names_stay_data(adapters: Path) -> None:
    """Escape sequences and markup in a module's name reach no terminal."""
    name = "model.\x1b[31m[red]\n.q_proj"
    write_adapter(adapters / "evil", pair(name, np.ones((4, 32), "<f4"), np.zeros((32, 4), "<f4")))
    for shape in ("table", "plain", "csv", "json", "ndjson", "markdown"):
        done = run("inspect", "evil", "--per-module", "--format", shape)
        assert done.returncode == 0
        assert "\x1b[31m" not in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ["inspect", "good", "-o", "good/adapter_model.safetensors"],
        ["inspect", "good", "-o", "good/adapter_config.json"],
        ["inspect", "good", "--model", "base", "-o", "base/config.json"],
        ["check", "good", "-o", "link"],
        ["check", "good", "-o", "pyproject.toml"],
        ["count", "--model", "base", "--target", "q_proj", "-o", "base/config.json"],
        ["count", "--model", "base", "--adapter", "good", "-o", "good/adapter_config.json"],
        ["fit", "--model", "base", "--max-params", "5K", "-o", "base/config.json"],
        ["fit", "--model", "base", "--max-params", "5K", "--write", "new", "-o", "new/adapter_config.json"],
        ["count", "--model", "sharded", "--target", "q_proj", "-r", "2", "-o", "sharded/parts/one.safetensors"],
        ["check", "good", "--model", "sharded", "-o", "sharded/parts/one.safetensors"],
        ["inspect", "short", "-o", "new.txt"],
    ],
)
def test_what_was_read_is_never_written_over(adapters: Path, command: list[str]) -> None:
    """Not under another name either; and nothing is written where the exit code is 2."""
    (adapters / "pyproject.toml").write_text('[tool.lora-cli]\nmax-params = "1M"\n')
    (adapters / "link").symlink_to("good/adapter_model.safetensors")
    (adapters / "sharded" / "parts").mkdir(parents=True)
    name = f"{MODULE}.weight"
    write(adapters / "sharded" / "parts" / "one.safetensors", {name: ("F32", (32, 32))})
    index = {"weight_map": {name: "parts/one.safetensors"}}
    (adapters / "sharded" / "model.safetensors.index.json").write_text(json.dumps(index))
    before = {path: path.read_bytes() for path in adapters.rglob("*") if path.is_file()}
    done = run(*command)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert {path: path.read_bytes() for path in adapters.rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize(
    "command",
    [
        ["count", "-d", "8", "-h", "8", "-r", "8", "-o", "8/config.json"],
        ["count", "--model", "base", "--method", "lora", "-r", "8", "-o", "lora/config.json"],
        ["count", "--model", "named.json", "-r", "8", "-o", "config.json"],
        ["count", "--model", "base", "-r", "8", "--target", "q_proj", "-o", "q_proj/adapter_config.json"],
    ],
)
def test_what_is_not_read_can_be_written_over(adapters: Path, command: list[str]) -> None:
    """A number, a method or a target is not a path, and a config.json beside a file of another name is not read."""
    shutil.copy("base/config.json", "named.json")
    output = adapters / command[-1]
    output.parent.mkdir(exist_ok=True)
    output.write_text("old")
    assert run(*command).returncode == 0
    assert output.read_text() != "old"


def test_a_file_that_cannot_be_read_is_in_no_lock(adapters: Path) -> None:
    """It fails, and only the others are recorded."""
    done = run("check", "good", "short", "--lock", "counts.lock", "--update-lock")
    assert done.returncode == 1
    assert list(json.loads((adapters / "counts.lock").read_text())["subjects"]) == ["./good"]


@pytest.mark.parametrize(
    "command",
    [
        ["check", "slow"],
        *(pytest.param(["inspect", "slow", *more], marks=pytest.mark.long) for more in ([], ["--spectrum"])),
    ],
)
@pytest.mark.parametrize("field", ["rank_pattern", pytest.param("alpha_pattern", marks=pytest.mark.long)])
def test_a_pattern_that_backtracks_for_ever_ends(adapters: Path, field: str, command: list[str]) -> None:
    """One line names the reason; nothing hangs."""
    tensors = pair(MODULE, np.ones((4, 32), "<f4"), np.ones((32, 4), "<f4"))
    write_adapter(adapters / "slow", tensors, **{field: {"(([a-z.0-9_]+)+)+!": 4}})
    done = run(*command, timeout=30)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "took over 3 s" in done.stderr


def test_targets_that_are_excluded_are_not_missed(adapters: Path) -> None:
    """PEFT writes all-linear out, excluded modules too."""
    ones = np.ones((4, 32), "<f4"), np.ones((32, 4), "<f4")
    names = [MODULE, MODULE.replace("q_proj", "k_proj")]
    write_adapter(adapters / "spared", pair(MODULE, *ones), target_modules=names, exclude_modules=["k_proj"])
    for command in (["inspect", "spared"], ["inspect", "spared", "--model", "base"]):
        assert run(*command).stderr == ""


def test_a_pointer_of_git_lfs_is_named(adapters: Path) -> None:
    """It is a very common reason why weights are none."""
    (adapters / "good" / "adapter_model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    assert "git lfs pull" in run("inspect", "good").stderr
    (adapters / "good" / "adapter_model.safetensors").write_text("<!DOCTYPE html>\n")
    assert "it begins with '<!DOCTYP', as a text or a web page does" in run("inspect", "good").stderr


@pytest.mark.parametrize("shown", ["plain", "table", "csv", "json", "markdown"])
def test_what_a_strangers_file_notes_is_escaped(tmp_path: Path, shown: str) -> None:
    """Names of modules and texts of the metadata; numbers in other scripts are not numbers."""
    name = "lora_unet_\x1b[31m[red]\u202eq"
    arrays = {f"{name}.lora_down.weight": np.ones((4, 32), "<f4"), f"{name}.lora_up.weight": np.ones((32, 4), "<f4")}
    notes = {"ss_sd_model_name": "\x1b]0;title\x07\n", "ss_steps": "\u0661", "ss_epoch": "-1"}
    write_arrays(tmp_path / "style.safetensors", arrays, metadata=notes)
    for more in ((), ("--per-module",)):
        done = run("inspect", str(tmp_path / "style.safetensors"), "--format", shown, *more)
        assert done.returncode == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)
    assert "2 values ('ss_steps', 'ss_epoch') in the metadata are neither a number nor a short name" in done.stderr


def test_a_field_of_the_training_is_empty_where_no_file_notes_it(adapters: Path) -> None:
    """So that a loop over files goes on; a field that no file can have is refused."""
    write_arrays(
        adapters / "style.safetensors",
        {"lora_unet_a.lora_down.weight": np.ones((2, 4), "<f4")},
        metadata={"ss_steps": "30"},
    )
    for path, values in (("good", "4\t\t\n"), ("style.safetensors", "2\t30\t\n")):
        assert run("inspect", path, "--field", "r,steps,epochs").stdout == values
    assert run("inspect", "good", "--field", "step").returncode == 2
    assert "steps" not in json.loads(run("inspect", "good", "--json").stdout)["results"][0]


@pytest.mark.usefixtures("adapters")
def test_a_field_of_the_spectrum_needs_it() -> None:
    """The message names the option, and with it the field is there."""
    done = run("inspect", "good", "--field", "rank_needed")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lora-cli: error: --field: 'rank_needed' needs --spectrum; give that too\n"
    assert run("inspect", "good", "--spectrum", "--field", "rank_needed").returncode == 0


def test_an_alpha_that_nothing_has_is_told_to_people(tmp_path: Path) -> None:
    """Where LoRA's scaling needs one: machines get what is unknown, and IA3 has none."""
    ones = np.ones((4, 32), "<f4"), np.ones((32, 4), "<f4")
    path = tmp_path / "adapter_model.safetensors"
    write_arrays(path, {f"base_model.model.{key}": values for key, values in pair("q_proj", *ones).items()})
    (tmp_path / "style").mkdir()
    style = tmp_path / "style" / "style.safetensors"
    keys = (f"lora_unet_q.lora_{name}.weight" for name in ("down", "up"))
    write_arrays(style, dict(zip(keys, ones, strict=True)))
    for file in (path, style):
        for form in ("plain", "table", "markdown"):
            assert re.search(r"alpha[ |]+not in the file", run("inspect", str(file), "--format", form).stdout)
        assert json.loads(run("inspect", str(file), "--json").stdout)["results"][0]["alpha"] is None
        assert run("inspect", str(file), "--field", "alpha").stdout == "\n"
    ia3 = tmp_path / "ia3"
    write_adapter(ia3, {"q_proj.ia3_l": ones[1][:, :1]}, peft_type="IA3", target_modules=["q_proj"])
    assert re.search(r"^alpha +none$", run("inspect", str(ia3)).stdout, flags=re.MULTILINE)


@pytest.mark.usefixtures("adapters")
def test_a_field_of_the_modules_or_of_the_adapter_is_told_where_it_is() -> None:
    """`--per-module` has other records, and with `--spectrum` these have more."""
    for arguments, said in (
        (("--field", "scaling"), "'scaling' needs --per-module; give that too"),
        (("--field", "norm"), "'norm' needs --per-module and --spectrum; give that too"),
        (("--per-module", "--field", "norm"), "'norm' needs --spectrum; give that too"),
        (("--per-module", "--field", "file_params"), "'file_params' is a field of inspect only without --per-module; "),
    ):
        done = run("inspect", "good", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


@pytest.mark.usefixtures("adapters")
def test_json_of_a_check_has_the_findings_of_adapters() -> None:
    """Those that fail, those that do not, and not those that are ignored; a count has no such part."""
    answer = json.loads(run("check", "good", "fresh", "nan", "short", "--json").stdout)
    found = {(each["path"], each["severity"], each["code"]) for each in answer["findings"]}
    assert found == {("fresh", "warning", "zero-b"), ("nan", "error", "nan"), ("short", "error", "broken-file")}
    assert all(list(each) == ["path", "severity", "code", "message", "remedy"] for each in answer["findings"])
    assert all(each["message"] and each["remedy"] for each in answer["findings"])
    assert all(list(each) == ["path", "rule", "value", "limit", "passed"] for each in answer["results"])
    assert json.loads(run("check", "fresh", "--ignore", "zero-b", "--json").stdout)["findings"] == []
    counted = run("check", "-d", "8", "-h", "8", "-r", "2", "--max-params", "99", "--json").stdout
    assert "findings" not in json.loads(counted)


@pytest.mark.parametrize("width", [80, 100])
def test_a_list_of_adapters_stays_a_table(width: int, adapters: Path) -> None:
    """What tells adapters apart is in it, and what there is no room for is named."""
    metadata = {"ss_steps": "30", "ss_epoch": "2", "ss_learning_rate": "0.0001", "ss_network_dim": "2"}
    arrays = {
        "lora_unet_a.lora_down.weight": np.ones((2, 4), "<f4"),
        "lora_unet_a.lora_up.weight": np.ones((4, 2), "<f4"),
    }
    write_arrays(adapters / "style.safetensors", arrays, metadata=metadata)
    names = ("good", "short", "style.safetensors")
    done = run("inspect", *names, "--format", "table", env={"COLUMNS": str(width)})
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines if line.split() and line.split()[0] in names] == list(names)
    left_out = next(line for line in lines if line.startswith("No room for "))
    kept = {"adapter", "format", "r", "trainable_params", "adapter_bytes", "errors_found", "warnings_found"}
    assert not kept & set(re.split("[ ,:]+", left_out))
    assert "steps" in left_out
