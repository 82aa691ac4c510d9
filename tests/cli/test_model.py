"""Whole models from the real program: published figures, every format, and what goes wrong."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import checkpoints
import pytest
from program import run
from small_llama import LLAMA_PARAMS, llama

SMALL = llama()
LORA = ("--target", "q_proj,v_proj", "-r", "2")
LORA_PARAMS = 4 * 2 * (64 + 64)
HOSTILE = "\x1b[31m[red]\nx"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Write the small model's config.json, and return its path."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(SMALL))
    return str(path)


def adapter(folder: Path, **fields: Any) -> str:
    """Write an adapter_config.json into the folder, and return its path."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({"peft_type": "LORA", **fields}))
    return str(path)


def answer(*arguments: str) -> str:
    """Return what the program answers without a warning."""
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refusal(*arguments: str) -> str:
    """Return the one line that refuses these arguments."""
    done = run(*arguments, timeout=10)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lora-cli: error: ")
    assert done.stderr.count("\n") == 1
    line = done.stderr[:-1]
    assert line.isprintable()
    assert len(line) < 1000
    return line


def records(text: str) -> list[dict[str, str]]:
    """Return the records of CSV."""
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("model", "target", "r", "trained"),
    [
        ("llama-3.2-3b", "q_proj,v_proj", 32, 9_175_040),
        ("llama-3.2-3b", "gate_proj,up_proj,down_proj", 10, 9_461_760),
        ("llama-2-7b", "q_proj,k_proj,v_proj,o_proj", 16, 16_777_216),
        ("llama-2-7b", "all-linear", 64, 159_907_840),
        ("mistral-7b-v0.3", "all-linear", 16, 41_943_040),
        ("roberta-base", "query,value", 8, 294_912),
        ("gpt2-medium", "c_attn", 4, 393_216),
    ],
)
def test_presets_train_what_peft_was_recorded_to_train(model: str, target: str, r: int, trained: int) -> None:
    """Figures of PEFT's own runs and documents; LLaMA-7B with rank 16 on q, k, v and o is the best known."""
    arguments = ("--model", model, "--target", target, "-r", str(r), "--field", "trainable_params")
    assert answer("count", *arguments) == f"{trained}\n"


def test_a_preset_has_its_published_size() -> None:
    """What full fine-tuning of Llama 3.2 3B trains."""
    assert answer("count", "--model", "llama-3.2-3b", "--field", "full_params") == "3212749824\n"


def test_a_config_and_its_folder_answer_the_same(config: str) -> None:
    """But for the name that was asked for."""
    (by_file,) = json.loads(answer("count", "--model", config, *LORA, "--format", "json"))["results"]
    folder = str(Path(config).parent)
    (by_folder,) = json.loads(answer("count", "--model", folder, *LORA, "--format", "json"))["results"]
    assert (by_file.pop("model"), by_folder.pop("model")) == (config, folder)
    assert by_file == by_folder
    assert list(by_file)[:3] == ["method", "r", "adapted_modules"]
    assert by_file["full_params"] == LLAMA_PARAMS
    assert by_file["trainable_params"] == LORA_PARAMS
    assert by_file["all_params"] == LLAMA_PARAMS + LORA_PARAMS
    assert by_file["adapted_modules"] == 4


def test_the_rank_is_pefts_default_without_one(config: str) -> None:
    """8, on what PEFT targets by default."""
    assert answer("count", "--model", config, "--field", "trainable_params") == f"{4 * LORA_PARAMS}\n"


def test_per_module_json_has_them_beside_the_results(config: str) -> None:
    """And their figures add up to the record's."""
    found = json.loads(answer("count", "--model", config, *LORA, "--per-module", "--format", "json"))
    (result,) = found["results"]
    assert sum(module["trainable_params"] for module in found["modules"]) == result["trainable_params"] == LORA_PARAMS
    assert found["modules"][0] == {
        "name": "model.layers.0.self_attn.q_proj",
        "kind": "Linear",
        "d": 64,
        "h": 64,
        "r": 2,
        "full_params": 4096,
        "trainable_params": 256,
        "percent_of_full": 6.25,
    }


def test_per_module_csv_has_a_record_each(config: str) -> None:
    """Under the same names, and instead of the model's record."""
    rows = records(answer("count", "--model", config, *LORA, "--per-module", "--format", "csv"))
    assert list(rows[0]) == ["name", "kind", "d", "h", "r", "full_params", "trainable_params", "percent_of_full"]
    assert [row["name"] for row in rows] == [
        f"model.layers.{layer}.self_attn.{leaf}" for layer in (0, 1) for leaf in ("q_proj", "v_proj")
    ]
    assert sum(int(row["trainable_params"]) for row in rows) == LORA_PARAMS


def test_the_last_plain_line_is_pefts(config: str) -> None:
    """For people who compare."""
    assert answer("count", "--model", "llama-2-7b", "--target", "all-linear", "-r", "64").splitlines()[-1] == (
        "trainable params: 159,907,840 || all params: 6,898,323,456 || trainable%: 2.3181"
    )
    share = 100 * LORA_PARAMS / (LLAMA_PARAMS + LORA_PARAMS)
    assert answer("count", "--model", config, *LORA).splitlines()[-1] == (
        f"trainable params: {LORA_PARAMS:,} || all params: {LLAMA_PARAMS + LORA_PARAMS:,} || trainable%: {share:.4f}"
    )


def test_an_adapter_is_a_file_or_its_folder(config: str, tmp_path: Path) -> None:
    """With all of its fields."""
    path = adapter(tmp_path, r=2, target_modules=["q_proj", "v_proj"], rank_pattern={"v_proj": 4})
    for given in (path, str(tmp_path)):
        answered = answer("count", "--model", config, "--adapter", given, "--field", "trainable_params")
        assert answered == f"{2 * (2 + 4) * 128}\n"


@pytest.mark.parametrize(("option", "value"), [("-r", "8"), ("--target", "q_proj")])
def test_an_adapter_goes_with_nothing_that_it_says(config: str, tmp_path: Path, option: str, value: str) -> None:
    """Two truths are one too many."""
    line = refusal("count", "--model", config, "--adapter", adapter(tmp_path, r=2), option, value)
    assert "--adapter" in line
    assert option in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("count", "--model", "gpt2", "-d", "8"), "--model"),
        (("count", "--model", "gpt2", "-h", "8"), "--model"),
        (("check", "--model", "gpt2", "-d", "8", "--max-params", "1"), "--model"),
        (("sweep", "--model", "gpt2", "-d", "8", "-r", "8"), "--model"),
        (("sweep", "--model", "gpt2", "--square", "-r", "8"), "--square"),
        (("count", "-d", "8", "-h", "8", "-r", "2", "--target", "q_proj"), "--model"),
        (("count", "-d", "8", "-h", "8", "-r", "2", "--per-module"), "--per-module"),
        (("sweep", "-d", "8", "-h", "8", "-r", "2", "--target", "q_proj"), "--model"),
        (("count", "--target", "q_proj"), "--model"),
        (("count", "--model", "gpt2", "--target", ""), "--target"),
        (("count", "--model", "gpt2", "--target", "c_attn,"), "--target"),
        (("count", "--model", "gpt2", "--target", "q_proj"), "c_attn"),
        (("count", "--model", "gpt2", "--target", "("), "regular expression"),
        (("count", "--model", "gpt2", "--target", "ln_1"), "h.0.ln_1"),
        (("count", "--model", "gpt2", "-r", "0"), "--rank"),
        (("count", "--model", "gpt2", "--method", "lorra"), "lora"),
        (("count", "--model", "llama-3.1-8"), "llama-3.1-8b"),
        (("count", "--model", "Qwen/Qwen3-8"), "Qwen/Qwen3-8B"),
        (("count", "--model", "no-such-thing-at-all"), "lora-cli models"),
        (("count", "--model", ""), "nor a preset"),
        (("count", "--model", "pytorch_model.bin"), "a pickle is never unpickled"),
        (("count", "--model", "/dev/zero"), "not a regular file"),
        (("count", "--model", "gpt2", "--adapter", "/dev/zero"), "not a regular file"),
        (("count", "--model", "gpt2", "--adapter", "no/such/file"), "No such file"),
        (("sweep", "--model", "gpt2", "--model", "gtp2", "-r", "8"), "gpt2"),
        (("sweep", "--model", "gpt2", "-r", "8", "--target", ""), "--target"),
    ],
)
def test_the_line_names_what_helps(arguments: tuple[str, ...], named: str) -> None:
    """What is wrong is said with the option, the choices or the fix."""
    assert named in refusal(*arguments)


def test_a_sweep_is_models_by_targets_by_ranks(config: str) -> None:
    """In the order given, the rank fastest, each row what count says."""
    models, targets = ("gpt2", config), ("all-linear", ".*(c_attn|q_proj)")
    options = [part for name in models for part in ("--model", name)]
    options += [part for name in targets for part in ("--target", name)]
    rows = records(answer("sweep", *options, "-r", "4,8", "--format", "csv"))
    grid = [(model, target, r) for model in models for target in targets for r in ("4", "8")]
    assert [(row["model"], row["target"], row["r"]) for row in rows] == grid
    model, target, r = grid[3]
    counted = records(answer("count", "--model", model, "--target", target, "-r", r, "--format", "csv"))[0]
    assert {name: value for name, value in rows[3].items() if name != "target"} == counted


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        (("--expect-params", "16777216"), 0),
        (("--expect-params", "16777217"), 1),
        (("--max-params", "16.777216M", "--max-percent", "0.25", "--min-saved", "99.75"), 0),
        (("--max-params", "16M"), 1),
        (("--max-percent", "0.2"), 1),
        ((), 2),
    ],
)
def test_a_model_is_checked(limit: tuple[str, ...], code: int) -> None:
    """0 where all limits hold, 1 where one does not, 2 where there is none."""
    done = run("check", "--model", "llama-2-7b", "--target", "q_proj,k_proj,v_proj,o_proj", "-r", "16", *limit)
    assert done.returncode == code
    assert done.stderr.count("\n") == (code > 0)


@pytest.mark.parametrize("known_by", ["nothing", "config.json", "weights", "no copies"])
def test_a_type_that_nothing_names_is_a_note_where_the_file_has_copies(tmp_path: Path, known_by: str) -> None:
    """Transformers loads weights in their own type then, and PEFT saves copies of them in that which they are trained in."""
    named = {"torch_dtype": "bfloat16"} if known_by == "config.json" else {}
    (tmp_path / "config.json").write_text(json.dumps(llama(**named)))
    if known_by == "weights":
        checkpoints.write(tmp_path / "model.safetensors", {"lm_head.weight": ("BF16", (128, 64))})
    copies = [] if known_by == "no copies" else ["--set", 'modules_to_save=["lm_head"]']
    done = run("count", "--model", str(tmp_path), "-r", "2", "--target", "q_proj", *copies, "--field", "adapter_bytes")
    assert ("for float32, because its config.json names no type; PEFT saves copies" in done.stderr) == (
        known_by == "nothing"
    )


def test_what_matched_nothing_is_warned_of(config: str) -> None:
    """On stderr, and the answer is given all the same."""
    done = run("count", "--model", config, "--target", "q_proj,nope", "-r", "2", "--field", "adapted_modules")
    assert (done.returncode, done.stdout) == (0, "2\n")
    assert done.stderr == f"lora-cli: warning: target_modules 'nope' matched nothing in {config}\n"


def test_a_target_that_is_misspelt_beside_others_is_told_what_was_meant() -> None:
    """Of the names that are not given already."""
    done = run("count", "-m", "llama-3.2-1b", "-t", "q_pro,v_proj", "-r", "8")
    said = "target_modules 'q_pro' (did you mean q_proj, o_proj or k_proj?) matched nothing in llama-3.2-1b"
    assert done.stderr == f"lora-cli: warning: {said}\n"


@pytest.mark.parametrize("style", ["auto", "table", "plain", "csv", "markdown", "ndjson"])
def test_names_from_files_reach_no_terminal_raw(config: str, tmp_path: Path, style: str) -> None:
    """Neither from targets, patterns and unknown fields nor from the path: one printable line each."""
    path = adapter(
        tmp_path,
        target_modules=["q_proj", HOSTILE],
        rank_pattern={"\x1b\\[2Jx": 4},
        modules_to_save=["lm_head", HOSTILE],
        **{HOSTILE: 1},
    )
    source = tmp_path / "\x1b[31m[red]"
    source.mkdir()
    (source / "config.json").write_text(Path(config).read_text())
    done = run("count", "--model", str(source), "--adapter", path, "--format", style, "--color", "always")
    assert done.returncode == 0
    assert "\x1b[31m" not in done.stdout + done.stderr
    assert "\x1b[2J" not in done.stdout + done.stderr
    assert "[red]" in done.stdout
    assert done.stderr.isascii()
    lines = done.stderr.splitlines()
    assert all(line.startswith(("lora-cli: warning: ", "lora-cli: note: ")) and line.isprintable() for line in lines)
    assert sum("red" in line and "adapter_config" not in line for line in lines) >= 3
    assert sum("unknown and ignored" in line for line in lines) == 1
    assert f"lora-cli: warning: '{path}': field" in done.stderr


@pytest.mark.parametrize(
    "fields",
    [
        {"target_modules": [HOSTILE]},
        {"target_modules": HOSTILE},
        {"target_modules": ["q_proj"], "rank_pattern": {f"{HOSTILE}|.*q_proj": 0}},
        {"target_modules": ["q_proj"], "rank_pattern": {"q" * 10**6 + "|.*q_proj": 0}},
        {"target_modules": ["q" * 10**6]},
        {"target_modules": "(?\x1b)"},
        {"target_modules": "(?P<" + "a-" * 10**5 + ">x)"},
        {"bias": HOSTILE},
        {"peft_type": HOSTILE},
    ],
    ids=range(9),
)
def test_a_hostile_adapter_is_refused_in_one_line(config: str, tmp_path: Path, fields: dict[str, Any]) -> None:
    """Short, printable, and naming no more of it than helps."""
    assert "\x1b" not in refusal("count", "--model", config, "--adapter", adapter(tmp_path, **fields))


@pytest.mark.long
def test_a_regex_that_backtracks_for_ever_is_given_up() -> None:
    """After some seconds of computing, in one line; a busy machine takes longer for them."""
    done = run("count", "--model", "gpt2", "--target", "(.*.*)*x", timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "took over 3 s" in done.stderr


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (("--target", "q_proj,v_proj", "-r", "32"), 36715216),
        (("--target", "gate_proj,up_proj,down_proj", "-r", "10"), 37868984),
    ],
)
def test_a_models_adapter_has_the_bytes_that_peft_wrote(options: tuple[str, ...], size: int) -> None:
    """Llama-3.2-3B's recorded files, to the byte."""
    assert run("count", "--model", "llama-3.2-3b", *options, "--field", "adapter_bytes").stdout == f"{size}\n"


def test_a_file_that_peft_cannot_write_has_no_size(tmp_path: Path) -> None:
    """PEFT would save the input embeddings, and CLIP, which has two towers, names none."""
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    answer = run("count", "--model", str(tmp_path), "--target", "q_proj,lm_head", "-r", "8", "--format", "json")
    assert json.loads(answer.stdout)["results"][0]["adapter_bytes"] is None
