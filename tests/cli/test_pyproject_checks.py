"""`[[tool.lora-cli.check]]` of pyproject.toml: several subjects with rules of their own, and the section's model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import adapter_files
import numpy as np
import pytest
from program import run
from small_models import SMALL

from lora_cli.cli.pyproject_settings import TABLE_KEYS
from lora_cli.errors import choices

Write = Callable[..., None]
GPT2 = "[[tool.lora-cli.check]]\nmodel = 'gpt2'\n"
# What is wrong with one table, and how the message goes on after the table's name.
WRONG = [
    ("", " has no subject; give it a path, a model, a recipe, or d and h"),
    ("model = 'gpt2'\nrecipe = 'sft.json'", " has both model and recipe; keep one of them"),
    ("recipe = 'none.json'", ".recipe: cannot read 'none.json'"),
    ("recipe = '-'", ".recipe: '-' is a stream"),
    ("recipe = ''", ".recipe is ''; it must be a string that is not empty"),
    (
        "recipe = 'config/adapter_config.json'",
        ".recipe: 'config/adapter_config.json' is not a recipe that is known here",
    ),
    (
        "model = 'gpt2'\npath = 'config'",
        " has both model and path; keep one of them, or name the base model of the path",
    ),
    (
        "model = 'gpt2'\nbase = 'gpt2'",
        " has base, the model that the adapter at a path adapts, and no path; write model",
    ),
    ("path = 'config'\nbase = 'gpt3'", ".base 'gpt3' is neither a file nor a preset; did you mean gpt2?"),
    ("path = 'config'\nbase = 'below'", ".base: 'below' has neither a config.json nor a safetensors checkpoint"),
    ("path = 'base'\nbase = 'gpt2'", ".path: 'base' is not an adapter, so it conflicts with base; drop one of them"),
    ("model = 'gpt2'\nd = 8", " has both model and d; keep one of them"),
    ("path = 'config'\nh = 8", " has both path and h; keep one of them"),
    ("d = 8\nr = 8", ".h is missing; give d, h and r"),
    ("d = 8\nh = 8", ".r is missing; give d, h and r"),
    ("d = 8\nh = 8\nr = 2\ntarget = 'x'", ".target names modules of a model; give model too"),
    ("model = ''", ".model is ''; it must be a string that is not empty"),
    ("model = 8", ".model is 8; it must be a string"),
    ("model = ['gpt2']", ".model is ['gpt2']; it must be a string"),
    ("model = 'gpt3'", ".model 'gpt3' is neither a file nor a preset; did you mean gpt2?"),
    ('model = "\\u001b[31m"', r".model '\x1b[31m' is neither"),
    ('model = "a\\u0000"', r".model 'a\x00' is neither"),
    ("model = '-'", ".model: '-' is a stream, which can be read only once"),
    ("model = 'config'", ".model: 'config' has neither a config.json nor a safetensors checkpoint"),
    ("path = 'gpt2'", ".path: 'gpt2' does not exist; a bundled model is named by the key model"),
    ('path = "a\\u0000"', r".path: 'a\x00' does not exist"),
    ("path = '-'", ".path: '-' is a stream"),
    ("path = 'config'", ".path: 'config' is a config without weights; give the model that it adapts as base"),
    ("path = 'config'\nr = 8", ".path: 'config' is an adapter, whose config says how it adapts; drop r, target"),
    ("model = 'gpt2'\nadapter = 'none'", ".adapter: cannot read 'none'"),
    ("model = 'gpt2'\nadapter = '-'", ".adapter: '-' is a stream"),
    ("model = 'gpt2'\nadapter = 'config'\nr = 8", ".r conflicts with adapter, whose config already sets it"),
    ("model = 'gpt2'\nr = 0", ".r: 0 is out of range; give a whole number from 1"),
    ("model = 'gpt2'\nr = true", ".r is True; it must be a whole number"),
    ("model = 'gpt2'\nr = '8'", ".r is '8'; it must be a whole number"),
    (f"model = 'gpt2'\nr = 0x{'f' * 10_000}", ".r has a date, a number of more than 128 bits"),
    ("model = 'gpt2'\nalpha = nan", ".alpha: nan is not above 0"),
    ("model = 'gpt2'\nmethod = 'lorra'", ".method 'lorra' is not known; did you mean lora"),
    ("model = 'gpt2'\nmethod = []", ".method is []; it must be a string"),
    ("model = 'gpt2'\ntarget = []", ".target is []; it must be names"),
    ("model = 'gpt2'\ntarget = [1]", ".target: [1] has an entry that is not a name"),
    ("model = 'gpt2'\ntarget = 'q_proj'", ": no module of 'gpt2' is targeted by 'q_proj'; did you mean c_proj?"),
    ("model = 'gpt2'\nset = 'use_dora=true'", ".set is 'use_dora=true'; it must be a table"),
    ("model = 'gpt2'\nset = {use_dorra = true}", ".set: method lora has no field 'use_dorra'; did you mean use_dora"),
    ("model = 'gpt2'\nset = {use_dora = 'x'}", ": method lora: use_dora is 'x'; it must be true or false"),
    ("model = 'gpt2'\nset = {use_dora = 2026-01-01}", ".set has a date"),
    (f"model = 'gpt2'\nset.x{'.a' * 2_000} = 1", ".set has a date, a number of more than 128 bits, or more than 20 "),
    ("model = 'gpt2'\nadapter-dtype = 'float17'", ".adapter-dtype: 'float17' is not known; did you mean float16"),
    ("model = 'gpt2'\ntargets = 'c_attn'", " has no key 'targets'; did you mean target?"),
    ("model = 'gpt2'\nrank = 8", " has no key 'rank'; did you mean r?"),
    ("model = 'gpt2'\nlora_alpha = 8", " has no key 'lora_alpha'; did you mean alpha?"),
    ("model = 'gpt2'\ntarget_modules = ['c_attn']", " has no key 'target_modules'; did you mean target?"),
    ("path = 'config'\nbase-model = 'gpt2'", " has no key 'base-model'; did you mean base?"),
    ("model = 'gpt2'\nmax_params = 1", " has no key 'max_params'; did you mean max-params"),
    ("model = 'gpt2'\nmax-params = '1X'", ".max-params: '1X' has the unit X, which is not"),
    ("model = 'gpt2'\nloads-in = 'peftt'", ".loads-in: 'peftt' is not known; did you mean peft?"),
    ("model = 'gpt2'\nloads-in = 'peft'\npeft-version = '1'", ".peft-version: '1' is newer than 0.21.2"),
    ("model = 'gpt2'\npeft-version = 0.13", ".peft-version is 0.13; it must be a string"),
    ("model = 'gpt2'\npeft-version = '0.13'", ".peft-version needs loads-in peft; give that too"),
    ("model = 'gpt2'\nloads-in = 'vllm'\npeft-version = '0.13'", ".peft-version does not matter to vLLM"),
    ("model = 'gpt2'\nloads-in = 'vllm'", ".loads-in is about trained adapters, and 'gpt2 | lora r=8' is not one"),
    ("model = 'gpt2'\nmax-rank = 0", ".max-rank: '0' is out of range"),
    ("model = 'gpt2'\nfail-on = ['errors']", ".fail-on: 'errors' is not known; did you mean error?"),
    ("model = 'gpt2'\ncheck = []", " has no key 'check'; choose from: model, path"),
    (
        "model = 'gpt2'\nr = 4",
        " has the same subject as tool.lora-cli.check[0], 'gpt2 | lora r=4'; write the limits of both",
    ),
]


@pytest.mark.parametrize(
    ("word", "key"),
    [
        *(("rank", "r"), ("lora_alpha", "alpha"), ("target-modules", "target"), ("PEFT_TYPE", "method")),
        *(("settings", "set"), ("in-features", "d"), ("base-model-name-or-path", "base"), ("adapter-path", "path")),
        *(("loader", "loads-in"), ("max-size", "max-bytes"), ("max_vram", "max-memory"), ("max_params", "max-params")),
    ],
)
def test_another_word_for_a_key_is_answered_with_it(word: str, key: str) -> None:
    """As options, PEFT and trainers call it."""
    assert choices(word, TABLE_KEYS) == f"did you mean {key}?"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what writes pyproject.toml into a folder with a model, an adapter's config and a trained adapter."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(SMALL["gpt2"]))
    (tmp_path / "config").mkdir()
    config = {"peft_type": "LORA", "r": 4, "target_modules": ["c_attn"]}
    (tmp_path / "config" / "adapter_config.json").write_text(json.dumps(config))

    def write(body: str) -> None:
        (tmp_path / "pyproject.toml").write_text(body, encoding="utf-8")

    return write


def lines(*arguments: str, **options: str) -> list[str]:
    """Return the records of a check as CSV."""
    return run("check", "--format", "csv", *arguments, **options).stdout.splitlines()[1:]


def test_each_subject_has_the_limits_of_the_section_unless_it_has_its_own(project: Write) -> None:
    """Key by key, in the order of the file, each record with the name of its subject."""
    project(
        "[tool.lora-cli]\nmax-params = '200K'\nmax-bytes = '1MB'\n"
        f"{GPT2}r = 4\n{GPT2}r = 8\ntarget = ['c_attn', 'c_fc']\nmax-params = '1M'\n"
        "[[tool.lora-cli.check]]\nd = 4096\nh = 4096\nr = 16\nexpect-params = 131072\n"
    )
    assert lines() == [
        "gpt2 | lora r=4,max-params,147456,200000,true",
        "gpt2 | lora r=4,max-bytes,592848,1000000,true",
        '"gpt2 | lora r=8 target=c_attn,c_fc",max-params,663552,1000000,true',
        '"gpt2 | lora r=8 target=c_attn,c_fc",max-bytes,2660216,1000000,false',
        "4096 x 4096 | lora r=16,max-params,131072,200000,true",
        "4096 x 4096 | lora r=16,expect-params,131072,131072,true",
        "4096 x 4096 | lora r=16,max-bytes,524528,1000000,true",
    ]


def test_a_recipe_is_a_subject(project: Write, tmp_path: Path) -> None:
    """With its own base model and training; the other keys replace what it says, and paths are the file's."""
    recipe = {"base_model": "llama-3.2-1b", "adapter": "lora", "lora_r": 4, "lora_alpha": 8, "lora_target_linear": True}
    recipe |= {"micro_batch_size": 1, "sequence_len": 64}
    (tmp_path / "sft.json").write_text(json.dumps(recipe), encoding="utf-8")
    table = "[[tool.lora-cli.check]]\nrecipe = 'sft.json'\n"
    project(f"[tool.lora-cli]\nmodel = 'base'\nmax-params = '3M'\n{table}{table}r = 8\nmax-memory = '8GiB'\n")
    done = run("check", "--json", cwd=str(tmp_path / "below"))
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    found = [(each["rule"], each["value"], each["passed"]) for each in answer["results"]]
    assert [each for each in found if each[0] == "max-params"] == [
        ("max-params", 2818048, True),
        ("max-params", 5636096, False),
    ]
    assert [each[2] for each in found if each[0] == "max-memory"] == [True]
    assert "seq 64 (sequence_len)" in answer["assumptions"]
    assert "r replaces lora_r 4 of" in done.stderr
    own = run("check", "--recipe", "sft.json", "--max-memory", "8GiB", "-r", "8", "--json", cwd=str(tmp_path))
    memory = [each["value"] for each in answer["results"] if each["rule"] == "max-memory"]
    assert [each["value"] for each in json.loads(own.stdout)["results"] if each["rule"] == "max-memory"] == memory


@pytest.mark.parametrize(
    ("section", "words", "said"),
    [
        ("[[tool.lora-cli.check]]\npath = 'a'\n", ("--peft-version", "0.13"), "--peft-version needs --loads-in peft"),
        ("peft-version = '0.13'\n", (), "tool.lora-cli.peft-version needs"),
        ("loads-in = 'vllm'\n", ("--peft-version", "0.13"), "--peft-version does not matter to vLLM"),
        ("max-percent = 1\n", (), "tool.lora-cli.max-percent: percent_of_full is unknown"),
        ("max-percent = 1\n", ("--max-percent", "2"), "--max-percent: percent_of_full is unknown"),
        ("[[tool.lora-cli.check]]\npath = 'a'\n", ("--max-percent", "2"), "--max-percent: percent_of_full is unknown"),
    ],
)
def test_an_error_names_where_its_value_stands(
    section: str, words: tuple[str, ...], said: str, project: Write, tmp_path: Path
) -> None:
    """An option on the command line is not blamed on a key of the file, nor a key on an option."""
    arrays = adapter_files.pair("c_attn", np.ones((4, 8), "<f4"), np.ones((24, 4), "<f4"))
    adapter_files.write_adapter(tmp_path / "a", arrays, r=4, target_modules=["c_attn"])
    project(f"[tool.lora-cli]\n{section}")
    for paths in (("a",), ()) if "check" in section else (("a",),):
        done = run("check", *paths, *words, cwd=str(tmp_path))
        assert (done.returncode, done.stdout) == (2, "")
        start = f"lora-cli: error: {'a: ' if 'unknown' in said and paths else ''}"
        wanted = f"{start}{said}" if said.startswith("--") else f"'{tmp_path}/pyproject.toml': {said}"
        assert wanted in done.stderr, done.stderr


def test_a_recipe_is_named_by_its_file(project: Write, tmp_path: Path) -> None:
    """In records, in annotations and in a lock, with what replaces its own words behind it."""
    recipe = {"base_model": "llama-3.2-1b", "adapter": "lora", "lora_r": 4, "lora_alpha": 8, "lora_target_linear": True}
    (tmp_path / "sft.json").write_text(json.dumps(recipe), encoding="utf-8")
    table = "[[tool.lora-cli.check]]\nrecipe = 'sft.json'\nmax-params = 1\n"
    project(f"{table}{table}r = 8\n")
    done = run("check", "--field", "path", cwd=str(tmp_path))
    assert done.stdout.splitlines() == ["sft.json", "sft.json | r=8"]
    assert done.stderr.count("note: sft.json is a recipe of axolotl") == 1
    annotated = run("check", "--format", "github", cwd=str(tmp_path)).stdout
    assert annotated.startswith("::error file=sft.json,title=lora-cli check%3A max-params::sft.json: max-params: ")
    run("check", "--lock", "counts.lock", "--update-lock", cwd=str(tmp_path))
    for model in ((), ("-m", "gpt2", "-t", "c_attn")):
        words = ("--recipe", "sft.json", *model, "--lock", "counts.lock", "--update-lock")
        assert run("check", *words, cwd=str(tmp_path)).returncode == 0
    recorded = json.loads((tmp_path / "counts.lock").read_text(encoding="utf-8"))["subjects"]
    assert list(recorded) == ["./sft.json", "./sft.json | gpt2 | target=c_attn", "./sft.json | r=8"]
    (tmp_path / "sft.json").write_text(json.dumps(recipe | {"lora_r": 6}), encoding="utf-8")
    changed = run("check", "--recipe", "sft.json", "--lock", "counts.lock", cwd=str(tmp_path))
    assert "./sft.json: lock: r is 6, recorded as 4 in 'counts.lock'" in changed.stderr


def test_adapters_load_where_the_section_or_their_table_says(project: Write) -> None:
    """The loader, its release and the rank that a server takes are rules like others."""
    for name, r in (("first", 4), ("second", 24)):
        arrays = adapter_files.pair("c_attn", np.ones((r, 8), "<f4"), np.ones((24, r), "<f4"))
        adapter_files.write_adapter(Path(name), arrays, r=r, target_modules=["c_attn"], use_dora=False)
    project(
        "[tool.lora-cli]\nloads-in = 'peft'\npeft-version = '0.8'\nignore = ['rank-past-dimension']\n"
        "[[tool.lora-cli.check]]\npath = 'first'\n"
        "[[tool.lora-cli.check]]\npath = 'second'\nloads-in = 'vllm'\nmax-rank = 16\n"
    )
    assert lines() == [
        "first,findings,0,0,true",
        "first,loads-in peft: peft-field,1,0,false",
        "second,findings,0,0,true",
        "second,loads-in vllm: vllm-rank,1,0,false",
        "second,max-rank,24,16,false",
    ]
    assert lines("--loads-in", "peft", "--peft-version", "0.21", "--max-rank", "24") == [
        "first,findings,0,0,true",
        "first,loads-in peft,0,0,true",
        "first,max-rank,4,24,true",
        "second,findings,0,0,true",
        "second,loads-in peft,0,0,true",
        "second,max-rank,24,24,true",
    ]

    assert lines("--loads-in", "peft", "--max-rank", "24")[1] == "first,loads-in peft: peft-field,1,0,false"
    project("[tool.lora-cli]\nloads-in = ['peft', 'vllm']\n[[tool.lora-cli.check]]\npath = 'first'\n")
    several = [f"first,{rule},0,0,true" for rule in ("findings", "loads-in peft", "loads-in vllm")]
    assert lines() == lines("--loads-in", "peft,vllm") == several


def test_a_failure_names_its_subject_and_the_size_that_holds(project: Write) -> None:
    """Each of them, as one subject's does."""
    project(f"[tool.lora-cli]\nmax-params = '260K'\n{GPT2}r = 8\n[[tool.lora-cli.check]]\nd = 4096\nh = 4096\nr = 40\n")
    done = run("check")
    assert done.returncode == 1
    first, second = (line for line in done.stderr.splitlines() if "check failed" in line)
    assert first.startswith("lora-cli: check failed: gpt2 | lora r=8: max-params: trainable_params is 294,912, over")
    assert first.endswith("; r 7 would hold")
    assert second.startswith("lora-cli: check failed: 4096 x 4096 | lora r=40: max-params: ")
    assert second.endswith("; r 31 would hold")


def test_an_option_wins_over_table_and_section(project: Write) -> None:
    """Limits, findings and the presentation are no subject, so the tables count."""
    project(f"[tool.lora-cli]\nmax-bytes = 1\n{GPT2}r = 8\nmax-params = 1\n")
    assert lines("--max-params", "1M", "--max-bytes", "2MB", "--fail-on", "warning", "--ignore", "nan") == [
        "gpt2 | lora r=8,findings,0,0,true",
        "gpt2 | lora r=8,max-params,294912,1000000,true",
        "gpt2 | lora r=8,max-bytes,1182680,2000000,true",
    ]


@pytest.mark.parametrize("arguments", [("-d", "8", "-h", "8", "-r", "2"), ("--model", "gpt2", "-r", "8"), ("base",)])
def test_a_subject_on_the_command_line_is_checked_alone(project: Write, arguments: tuple[str, ...]) -> None:
    """The tables do not count, the section does."""
    project(f"[tool.lora-cli]\nmax-params = '5M'\n{GPT2}max-params = 1\n")
    found = lines(*arguments)
    assert len(found) == 1
    assert found[0].endswith(",5000000,true")


def test_an_option_that_adapts_needs_a_subject(project: Write) -> None:
    """`-r` does not resize the subjects of the file, and says so."""
    project(f"[tool.lora-cli]\nmax-params = '5M'\n{GPT2}r = 8\n")
    done = run("check", "-r", "4")
    assert done.returncode == 2
    assert "nothing to check" in done.stderr
    assert "the subjects in pyproject.toml need no option that adapts one" in done.stderr


def test_the_model_of_the_section_is_the_subject_where_none_is_named(project: Write) -> None:
    """Of a bare check, of options that adapt it, and of tables without a model of their own."""
    project("[tool.lora-cli]\nmodel = 'gpt2'\nmax-params = '1M'\n")
    assert lines() == lines("-r", "8") == lines("--model", "gpt2") == ["max-params,294912,1000000,true"]
    assert lines("--adapter", "config") == ["max-params,147456,1000000,true"]
    assert lines("-d", "8", "-h", "8", "-r", "2") == ["max-params,32,1000000,true"]
    project(
        "[tool.lora-cli]\nmodel = 'gpt2'\nmax-params = '1M'\n[[tool.lora-cli.check]]\nr = 4\n"
        "[[tool.lora-cli.check]]\nadapter = 'config'\n[[tool.lora-cli.check]]\nmodel = 'base'\n"
    )
    assert [line.partition(",")[0] for line in lines()] == ["gpt2 | lora r=4", "./config | gpt2", "./base | lora r=8"]


def test_the_model_of_the_section_is_the_base_of_adapters_at_paths(project: Write) -> None:
    """On the command line and in tables; a path that is a model has no base."""
    project("[tool.lora-cli]\nmodel = 'gpt2'\nmax-params = '1M'\n[[tool.lora-cli.check]]\npath = 'config'\n")
    assert lines() == lines("config") == ["config,max-params,147456,1000000,true"]
    assert lines("base", "-r", "2")[0].startswith("base,max-params,")
    with open("config/adapter_config.json", encoding="utf-8") as stream:
        found = run("check", "-", "--format", "csv", stdin=stream).stdout
    assert found.endswith("-,max-params,147456,1000000,true\n")


def test_each_adapter_can_have_a_base_of_its_own(project: Write) -> None:
    """Not that of the section, in a bare check and on the command line, where an option wins."""
    table = "[[tool.lora-cli.check]]\npath = 'config'\n"
    project(f"[tool.lora-cli]\nmodel = 'gpt2'\nmax-params = '1M'\n{table}base = 'base'\n")
    (own,) = lines()
    assert [own] == lines("config") == lines("config", "--model", "base") != lines("config", "--model", "gpt2")
    assert lines("config", cwd="config") == [] != lines(".", cwd="config")
    assert run("check", "--lock", "counts.lock", "--update-lock").returncode == 0
    assert run("check", "config", "--lock", "counts.lock").returncode == 0
    with open("counts.lock", encoding="utf-8") as file:
        assert list(json.load(file)["subjects"]) == ["./config | ./base"]


def test_a_wrong_model_of_the_section_is_refused_where_it_counts(project: Write) -> None:
    """With its key, and not where the command line names another subject."""
    project("[tool.lora-cli]\nmodel = 'gpt3'\nmax-params = '1M'\n")
    for arguments in ((), ("config",), ("-r", "8")):
        done = run("check", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "tool.lora-cli.model 'gpt3' is neither a file nor a preset; did you mean gpt2?" in done.stderr
    assert run("check", "--model", "gpt2").returncode == 0


def test_a_trained_adapter_is_inspected(project: Write, tmp_path: Path) -> None:
    """Its findings fail, by the rules of its table."""
    adapter_files.write_adapter(tmp_path / "trained", {})
    table = "[[tool.lora-cli.check]]\npath = 'trained'\n"
    project(table)
    done = run("check", "--format", "csv")
    assert done.returncode == 1
    assert "trained,finding: " in done.stdout
    codes = [line.split("finding: ")[1].split(",")[0] for line in done.stdout.splitlines() if "finding: " in line]
    project(f"{table}ignore = {json.dumps(codes)}\n")
    assert lines() == ["trained,findings,0,0,true"]


def test_a_file_of_another_format_is_inspected(project: Write, tmp_path: Path) -> None:
    """It is not taken for a model."""
    arrays = {
        f"lora_unet_to_q.{name}": np.ones(shape, np.float32)
        for name, shape in {"lora_down.weight": (4, 32), "lora_up.weight": (32, 4), "alpha": ()}.items()
    }
    adapter_files.write_arrays(tmp_path / "style.safetensors", arrays)
    project("[[tool.lora-cli.check]]\npath = 'style.safetensors'\nmax-params = 255\n")
    done = run("check")
    assert (done.returncode, "over the limit of 255 by 1" in done.stderr) == (1, True), done.stderr


def test_paths_are_those_of_the_files_folder(project: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder below it, where other files of these names are not meant."""
    project(
        "[tool.lora-cli]\nmodel = 'gpt2'\nmax-params = '1M'\n[[tool.lora-cli.check]]\npath = 'config'\n"
        f"[[tool.lora-cli.check]]\nmodel = 'base'\n[[tool.lora-cli.check]]\npath = {json.dumps(str(tmp_path / 'base'))}\nr = 2\n"
    )
    monkeypatch.chdir(tmp_path / "below")
    for name in ("base", "gpt2"):
        (tmp_path / "below" / name).mkdir()
    assert [line.partition(",")[0] for line in lines()] == ["../config", "../base | lora r=8", "../base | lora r=2"]
    project("[tool.lora-cli]\nmax-params = '1M'\n[[tool.lora-cli.check]]\nmodel = 'base'\nadapter = 'none'\n")
    assert ": tool.lora-cli.check[0].adapter: cannot read '../none'" in run("check").stderr
    project("[tool.lora-cli]\nmodel = 'config'\nmax-params = '1M'\n")
    assert ": tool.lora-cli.model: '../config' has neither" in run("check").stderr


def test_names_tell_configs_of_one_model_apart(project: Write) -> None:
    """As the keys of a lock do, and the lock has the same subjects."""
    project(
        f"[tool.lora-cli]\nmax-params = '1M'\n{GPT2}r = 4\n{GPT2}r = 4\nset = {{use_dora = true}}\n{GPT2}method = 'vera'\n"
    )
    names = [line.partition(",")[0] for line in lines()]
    assert names == ["gpt2 | lora r=4", "gpt2 | dora r=4 use_dora=true", "gpt2 | vera r=256"]
    assert run("check", "--lock", "counts.lock", "--update-lock").returncode == 0
    with open("counts.lock", encoding="utf-8") as file:
        assert sorted(json.load(file)["subjects"]) == sorted(names)
    assert run("check", "--lock", "counts.lock").returncode == 0


def test_a_table_can_be_named(project: Write) -> None:
    """In the records, the remarks, the cases of JUnit and the annotations, and not in a lock."""
    project(f"[tool.lora-cli]\nmax-params = 1\n{GPT2}r = 4\nname = 'base'\n[[tool.lora-cli.check]]\npath = 'base'\n")
    own, other = lines()
    assert own == "base,max-params,147456,1,false"
    assert other.startswith("./base | lora r=8,")
    done = run("check", "--format", "junit")
    assert '<testcase classname="lora-cli.check" name="base: max-params"' in done.stdout
    assert "lora-cli: check failed: base: max-params: " in done.stderr
    assert run("check", "--format", "github").stdout.startswith(
        "::error file=pyproject.toml,line=3,title=lora-cli check%3A max-params::base: "
    )
    run("check", "--lock", "counts.lock", "--update-lock")
    with open("counts.lock", encoding="utf-8") as file:
        assert "gpt2 | lora r=4" in json.load(file)["subjects"]


def test_remarks_name_their_subject(project: Write) -> None:
    """A warning without the subject is of no use beside others."""
    project("[tool.lora-cli]\nmax-params = '1M'\n" + "[[tool.lora-cli.check]]\nd = 8\nh = 8\nr = 8\n")
    assert "lora-cli: warning: 8 x 8 | lora r=8: rank 8 is above" in run("check").stderr


@pytest.mark.parametrize(("body", "problem"), WRONG)
def test_what_is_wrong_with_a_table_is_said_of_file_table_and_key(project: Write, body: str, problem: str) -> None:
    """One line and exit code 2, whatever the value is."""
    project(f"[tool.lora-cli]\nmax-params = '1M'\n{GPT2}r = 4\n[[tool.lora-cli.check]]\n{body}\n")
    done = run("check", timeout=10)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"lora-cli: error: '{os.getcwd()}/pyproject.toml': tool.lora-cli.check[1]{problem}")
    assert done.stderr.isprintable() or done.stderr.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            "[tool.lora-cli.check]\nmodel = 'gpt2'",
            "tool.lora-cli.check is {'model': 'gpt2'}; it must be an array of tables",
        ),
        ("[tool.lora-cli]\ncheck = [1]", "tool.lora-cli.check is [1]; it must be an array of tables"),
        (
            "[tool.lora-cli]\ncheck = []",
            "or list what to check in pyproject.toml, a table [[tool.lora-cli.check]] each",
        ),
        ("", "there is nothing to check; give the PATH of an adapter"),
        ("[tool.lora-cli]\nrank = 8", "has no key 'rank'; write r into a table [[tool.lora-cli.check]]"),
        ("[[tool.lora-cli.checks]]\nmodel = 'gpt2'", "tool.lora-cli has no key 'checks'; did you mean check?"),
        (GPT2, "tool.lora-cli.check[0] has no limit; write one into it or into [tool.lora-cli], e.g. max-params = "),
    ],
)
def test_what_is_wrong_with_the_tables_is_said_too(project: Write, body: str, problem: str) -> None:
    """None of them is passed over."""
    project(body)
    done = run("check")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert problem in done.stderr


def test_hundreds_of_subjects_are_checked(project: Write) -> None:
    """Each with its record, in the order of the file."""
    tables = "".join(f"[[tool.lora-cli.check]]\nd = 512\nh = 512\nr = {r}\n" for r in range(1, 401))
    project(f"[tool.lora-cli]\nmax-params = '400K'\n{tables}")
    found = lines()
    assert len(found) == 400
    assert (found[0], found[-1].rpartition(",")[2]) == ("512 x 512 | lora r=1,max-params,1024,400000,true", "false")


def test_an_annotation_stands_at_the_line_of_its_table(project: Write) -> None:
    """Of a subject without a file of its own; with one, at that."""
    project(
        "[tool.lora-cli]\nmodel = 'gpt2'\nmax-params = 1\n\n"
        "[[ tool . 'lora-cli' . \"check\" ]] # first\nr = 2\n[[tool.lora-cli.check]]\npath = 'config'\n"
        "[[tool.lora-cli.check]]\nadapter = 'config'\n[[tool.lora-cli.check]]\nmodel = 'base'\n"
    )
    done = run("check", "--format", "github")
    assert [line.partition("title=")[0] for line in done.stdout.splitlines()] == [
        "::error file=pyproject.toml,line=5,",
        "::error file=config/adapter_config.json,",
        "::error file=config/adapter_config.json,",
        "::error file=pyproject.toml,line=11,",
    ]


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        (f"{GPT2}r = 8\nmax-memory = '8GB'\ntraining = {{batc = 1}}", ",line=2", "[0].training: 'batc' is not known"),
        (f"{GPT2}r = 8\nmax-params = 1\ntraining = {{batch = 1}}", ",line=2", "[0]: batch says how"),
        (f"{GPT2}rr = 8\nmax-params = 1", ",line=2", "[0] has no key 'rr'"),
        (f"{GPT2}method = 'none'\nmax-params = 1", ",line=2", "[0].method 'none' is not known"),
        (f"{GPT2}r = 8", ",line=2", "[0] has no limit"),
        (f"{GPT2}r = 8\nmax-params = 1\n{GPT2}r = 8", ",line=6", "[1] has the same subject as"),
        (f"{GPT2}quantize = 'nf4'", ",line=2", "write it into the training: training = {quantize = 'nf4'}"),
        (f"{GPT2}kbit-prepare = false", ",line=2", "write it into the training: training = {kbit-prepare = false}"),
        ("seq = 8", ",line=2", "write it into the training of a table [[tool.lora-cli.check]]: training = {seq = 8}"),
        ("max-params = ''", ",line=2", "tool.lora-cli.max-params"),
        ("model = 'none'\n[[tool.lora-cli.check]]\nr = 8", "", "tool.lora-cli.model 'none'"),
        ("]", ",line=2", "is not TOML"),
    ],
)
def test_an_error_of_the_file_stands_at_its_table(project: Write, body: str, place: str, said: str) -> None:
    """In the annotations of GitHub; where no table is wrong, at the key of the section, or at the file."""
    project(f"[tool.lora-cli]\n{body}\n")
    done = run("check", "--format", "github")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (2, "", 1)
    assert done.stdout.startswith(f"::error file=pyproject.toml{place},title=lora-cli check::")
    assert said in done.stdout


def test_a_line_that_is_not_certain_is_left_out(project: Write) -> None:
    """Tables in one line have no headers, and a text may look like one."""
    for body in (
        "[tool.lora-cli]\nmax-params = 1\ncheck = [{model = 'gpt2'}]\n",
        f"[other]\ntext = '''\n[[tool.lora-cli.check]]\n'''\n{GPT2}max-params = 1\n",
    ):
        project(body)
        assert run("check", "--format", "github").stdout.startswith("::error file=pyproject.toml,title=")


def test_no_input_of_the_file_is_overwritten(project: Write) -> None:
    """-o names none of the files that the tables name, and an error in the format of a report replaces none either."""
    project(f"[tool.lora-cli]\nmodel = 'base'\nmax-params = '1M'\n[[tool.lora-cli.check]]\npath = 'config'\n{GPT2}")
    for name in ("pyproject.toml", "config/adapter_config.json", "base/config.json"):
        before = Path(name).read_text(encoding="utf-8")
        for kind in ("csv", "junit", "github"):
            done = run("check", "--format", kind, "-o", name)
            assert (done.returncode, done.stderr.count("is an input of this command")) == (2, 1)
        assert Path(name).read_text(encoding="utf-8") == before
