"""`lora-cli fit` as a user runs it: what fits, what would be next, and the config that it writes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from program import PROGRAM, run
from small_llama import llama

from lora_cli import count, fit

MATRIX = ("-d", "4096", "-h", "4096")
LLAMA = ("--model", "llama-3.1-8b")
CONFIG = llama(architectures=["LlamaForCausalLM"])


def answer(*arguments: str) -> dict[str, Any]:
    """Return the JSON that a fit answers."""
    done = run("fit", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(*arguments: str) -> str:
    """Return the one line that refuses a fit."""
    done = run("fit", *arguments, timeout=10)
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.removesuffix("\n")
    assert line.startswith("lora-cli: error: ")
    assert line.isprintable()
    assert len(line) < 400
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of a small model."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path / "base"


def test_a_matrix_is_what_the_python_function_says() -> None:
    """The record is the count's and the fit's own fields behind it."""
    (record,) = answer(*MATRIX, "--max-params", "200K")["results"]
    assert record == fit(4096, 4096, max_params=200_000).record()
    assert list(record)[: len(record) - 7] == list(count(4096, 4096, 24).record())
    assert list(record)[-7:] == ["limit", "budget", "headroom", "knob", "size", "next_size", "overshoot"]
    assert record["headroom"] == 200_000 - 24 * 8192


def test_a_models_record_is_its_count_at_that_rank() -> None:
    """All of count's figures are the same, and the next rank's are over."""
    found = answer(*LLAMA, "--target", "all-linear", "--max-bytes", "100MB")
    (record,) = found["results"]
    command = ("count", *LLAMA, "--target", "all-linear", "--format", "json", "-r")
    (counted,) = json.loads(run(*command, str(record["size"])).stdout)["results"]
    (after,) = json.loads(run(*command, str(record["size"] + 1)).stdout)["results"]
    assert counted.items() <= record.items()
    assert record["headroom"] == 100_000_000 - counted["adapter_bytes"] >= 0
    assert record["overshoot"] == after["adapter_bytes"] - 100_000_000 > 0
    assert found["alternatives"][0]["target"] == "q_proj,v_proj"


def test_all_limits_hold_and_the_one_that_stops_is_named() -> None:
    """Each limit alone allows more than all of them."""
    (record,) = answer(*MATRIX, "--max-params", "1M", "--max-percent", "1%", "--max-bytes", "1MiB")["results"]
    assert (record["limit"], record["budget"], record["size"]) == ("max-percent", 1.0, 20)


def test_methods_compare_at_an_equal_budget() -> None:
    """A row each; what does not fit or cannot be counted is missing with its reason."""
    done = run("fit", *LLAMA, "--method", "lora,dora,c3a,xlora,frod", "--max-params", "10M", "--format", "csv")
    header, *rows = [line.split(",") for line in done.stdout.splitlines()]
    assert [row[header.index("method")] for row in rows] == ["lora", "dora", "c3a"]
    assert [row[header.index("knob")] for row in rows] == ["r", "r", "block_size"]
    assert all(int(row[header.index("trainable_params")]) <= 10_000_000 for row in rows)
    assert "warning: xlora is left out: " in done.stderr
    assert "warning: frod is left out: --max-params: trainable_params of frod is " in done.stderr


def test_a_field_goes_to_the_methods_that_have_it() -> None:
    """AdaLoRA needs its steps, which LoRA does not know; a field that none knows is refused."""
    both = ("--method", "lora,adalora", "--max-params", "100K")
    rows = answer(*MATRIX, *both, "--set", "total_step=100", "--alpha", "8")["results"]
    assert [row["method"] for row in rows] == ["lora", "adalora"]
    assert "no field 'total_stepp'" in refusal(*MATRIX, *both, "--set", "total_stepp=100")


def test_a_rank_above_break_even_is_warned_of_and_the_highest_is_the_last() -> None:
    """The budget allows more, but more would mean nothing."""
    done = run("fit", "-d", "6", "-h", "8", "--max-params", "10M", "--field", "r")
    assert done.stdout == "6\n"
    assert "warning: rank 6 is above the break-even rank 3.42857" in done.stderr
    assert "note: the budget allows more than r 6 of lora" in done.stderr


def test_people_see_what_other_targets_would_get() -> None:
    """Below the one record, a row for each other set."""
    shown = run("fit", *LLAMA, "--target", "all-linear", "--max-params", "20M").stdout
    assert "next size          8" in shown
    assert shown.splitlines()[-3].split()[:3] == ["q_proj,v_proj", "r", "46"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*MATRIX,), "no budget to fit into; give at least one of --max-percent"),
        ((*MATRIX, "--max-params", "10"), "even at the smallest size, r 1; give --max-params of 8192 or more"),
        ((*MATRIX, "--max-params", "10", "--max-bytes", "10"), "give --max-params of 8192 and --max-bytes of"),
        ((*MATRIX, "--max-params", "10", "--method", "lora,loha"), "none of the 2 methods fits"),
        (("-d", "600", "-h", "800", "--max-bytes", "10"), "give --max-bytes of 5,832 (5.84kB) or more"),
        ((*MATRIX, "--max-params", "0"), "over the budget of 0"),
        ((*MATRIX, "--max-params", "-1"), "--max-params: '-1'"),
        ((*MATRIX, "--max-percent", "nan"), "--max-percent: 'nan'"),
        ((*MATRIX, "--max-bytes", "50 MB"), "--max-bytes: '50 MB'"),
        ((*MATRIX, "--max-params", "1M", "--set", "r=4"), "r is what is searched for; leave it out"),
        ((*MATRIX, "--max-params", "1M", "--method", "lora,nope"), "method 'nope' is not known"),
        ((*MATRIX, "--max-params", "1M", "--method", ","), "method '' is not known"),
        ((*MATRIX, "--max-params", "1M", "--target", "q_proj"), "--target names modules of a model"),
        ((*MATRIX, "--max-params", "1M", "--write", "x"), "--write writes one adapter_config.json for a model"),
        ((*MATRIX, "--max-params", "1M", "--method", "prompt_tuning"), "cannot adapt one matrix"),
        ((*MATRIX, "--max-bytes", "1MB", "--method", "adamss"), "does not follow from its config"),
        (
            (*LLAMA, "--max-params", "1M", "--method", "lora,vera", "--write", "x"),
            "give one method instead of 2",
        ),
        ((*LLAMA, "--max-params", "1M", "-d", "8"), "drop one of them"),
        (
            ("--model", "t5-small", "--max-params", "1M", "--method", "prompt_tuning", "--write", "x"),
            "give one, e.g. --set task_type=CAUSAL_LM",
        ),
        (("-d", "8", "--max-params", "1M"), "-h/--out-features is missing"),
        ((*LLAMA, "--max-params", "1M", "--target", "nope"), "no module of 'llama-3.1-8b' is targeted"),
        ((*LLAMA, "--max-params", "1M", "--adapter", "/nowhere"), "cannot read '/nowhere'"),
        ((*LLAMA, "--max-params", "1M", "--adapter", "x", "--method", "lora,vera"), "--adapter is the config of one"),
    ],
)
def test_what_cannot_be_fitted_is_refused(arguments: tuple[str, ...], words: str) -> None:
    """One line says what is wrong and what would do."""
    assert words in refusal(*arguments)


def test_the_figure_that_a_refusal_gives_is_enough() -> None:
    """The smallest possible, unrounded, fits."""
    line = refusal(*LLAMA, "--max-percent", "0.00001")
    least = line.rpartition("give --max-percent of ")[2].removesuffix(" or more")
    assert answer(*LLAMA, "--max-percent", least)["results"][0]["r"] == 1


def test_the_short_size_that_a_refusal_gives_is_enough() -> None:
    """It is rounded up, and written as a limit is typed."""
    line = refusal("--model", "gpt2", "--max-bytes", "1")
    assert line.rstrip().endswith("give --max-bytes of 150,456 (151kB) or more")
    assert answer("--model", "gpt2", "--max-bytes", "151kB")["results"][0]["r"] == 1


def test_a_config_is_written_for_peft(folder: Path, tmp_path: Path) -> None:
    """The size, what was given, PEFT's defaults of what it hangs on, the base and its task."""
    target = tmp_path / "new"
    done = run(
        *("fit", "--model", str(folder), "--max-params", "5K", "--write", str(target), "--field", "r"),
        *("--set", "use_rslora=true", "--set", 'rank_pattern={"v_proj": 2}'),
    )
    assert json.loads((target / "adapter_config.json").read_text()) == {
        "peft_type": "LORA",
        "base_model_name_or_path": str(folder),
        "task_type": "CAUSAL_LM",
        "inference_mode": False,
        "r": int(done.stdout),
        "lora_alpha": 8,
        "target_modules": ["q_proj", "v_proj"],
        "use_rslora": True,
        "rank_pattern": {"v_proj": 2},
    }
    assert os.listdir(target) == ["adapter_config.json"]
    assert f"note: wrote '{target}/adapter_config.json'" in done.stderr
    assert "note: lora_alpha is PEFT's default, 8, at r " in done.stderr


def test_what_is_written_counts_as_it_was_fitted(folder: Path, tmp_path: Path) -> None:
    """Count --adapter gives the record; fitting it again gives the same, whatever size it has."""
    target = tmp_path / "new"
    model = ("--model", str(folder))
    (record,) = answer(*model, "--method", "loha", "--alpha", "3", "--max-bytes", "50kB", "--write", str(target))[
        "results"
    ]
    (counted,) = json.loads(run("count", *model, "--adapter", str(target), "--format", "json").stdout)["results"]
    assert counted.items() <= record.items()
    assert answer(*model, "--adapter", str(target), "--max-bytes", "50kB")["results"] == [record]
    assert answer(*model, "--adapter", str(target), "--max-bytes", "10kB")["results"][0]["r"] < record["r"]


def test_a_presets_base_is_on_the_hub_and_a_task_that_trains_a_head_is_not_set(folder: Path, tmp_path: Path) -> None:
    """Neither a name that no hub has, nor modules that were not counted, get into the file; JSON has the same config."""
    written = answer("--model", "gpt2", "--max-params", "1M", "--write", str(tmp_path / "a"))
    (folder / "config.json").write_text(json.dumps(CONFIG | {"architectures": ["LlamaForSequenceClassification"]}))
    run("fit", "--model", str(folder / "config.json"), "--max-params", "1M", "--write", str(tmp_path / "b"))
    first, second = (json.loads((tmp_path / name / "adapter_config.json").read_text()) for name in "ab")
    assert (first["base_model_name_or_path"], first["task_type"]) == ("openai-community/gpt2", "CAUSAL_LM")
    assert written["config"] == first
    assert (second["base_model_name_or_path"], second["task_type"]) == (str(folder), None)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"])
def test_an_adapter_that_is_there_is_kept(tmp_path: Path, name: str) -> None:
    """Neither its config nor a config beside its weights is written."""
    (tmp_path / name).write_text("mine")
    # A message says behind a long path how long it is.
    sentence = refusal("--model", "gpt2", "--max-params", "1M", "--write", str(tmp_path))
    assert f"{name}' " in sentence
    assert " exists already and is not replaced" in sentence
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A file in the folder's place, a folder without its parent, a name that is none, a format that is unknown."""
    (tmp_path / "file").write_text("")
    fitted = ("--model", "gpt2", "--max-params", "1M", "--write")
    assert "Not a directory" in refusal(*fitted, str(tmp_path / "file"))
    assert "No such file or directory" in refusal(*fitted, str(tmp_path / "no" / "where"))
    assert "cannot write ''" in refusal(*fitted, "")
    assert "--format: 'xml'" in refusal(*fitted, str(tmp_path / "new"), "--format", "xml")
    assert "--field: 'nope'" in refusal(*fitted, str(tmp_path / "new"), "--field", "nope")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="needs a shell's limits")
def test_a_disk_that_is_full_leaves_no_folder(tmp_path: Path) -> None:
    """A limit on the size of files stands in for it: the folder that was made goes too."""
    limited = ["bash", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$0" "$@" 2>&1 | cat']
    fitted = [PROGRAM, "fit", "--model", "gpt2", "--max-params", "1M", "--write", str(tmp_path / "new")]
    done = subprocess.run([*limited, *fitted], capture_output=True, text=True, check=False)
    assert "lora-cli: error: cannot write '" in done.stdout
    assert list(tmp_path.iterdir()) == []
