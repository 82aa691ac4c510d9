"""Files that are no recipe, or mean to harm: one clear line, nothing executed, nothing read but the file itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lora_cli import InvalidInput, count, memory
from lora_cli.methods.config.recipes import yaml_text
from lora_cli.methods.config.recipes.recipe import read_recipe
from lora_cli.methods.config.recipes.recipe_file import EXAMPLE

AXOLOTL = "base_model: meta-llama/Llama-3.2-1B\nadapter: lora\nlora_r: 8\nlora_alpha: 16\nlora_target_linear: true\n"
GROWING = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 9)
)


def refused(path: Path, content: str | bytes) -> str:
    """Return the message that a file is refused with."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInput) as error:
        count(recipe=path)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 700
    return message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds null"),
        ("\x00", "is not plain YAML"),
        ("42", "holds a number"),
        ("[1, 2]", "holds an array"),
        ("import os\nos.system('touch ran')\n", "is a Python script, which is not run to learn what it sets; give the"),
        (
            "#!/usr/bin/env python\nfrom trl import SFTTrainer\n",
            "adapter_config.json that it saves as adapter, or what it",
        ),
        ("hello\n", "holds a string; a recipe has fields by name, e.g. {"),
        ("lora_r:\t8\n\tlora_alpha: 16\n", "is not plain YAML: while scanning for the next token found character"),
        (AXOLOTL + "lora_r: 16\n", "'lora_r' is given twice; keep one of them (line 6)"),
        (AXOLOTL + "x: !!python/object/apply:os.system ['touch ran']\n", "could not determine a constructor"),
        (AXOLOTL + "x: !!python/name:os.system\n", "could not determine a constructor"),
        (AXOLOTL + "x: &x [*x]\n", "the alias *x stands inside what it refers to"),
        (AXOLOTL + "x: *missing\n", "found undefined alias"),
        (AXOLOTL + GROWING, "values, repeated ones included"),
        (AXOLOTL + "x: " + "[" * 100 + "]" * 100, "nested over 40 levels deep"),
        ("[" * 100_000, "nested"),
        (AXOLOTL + "---\n" + AXOLOTL, "expected a single document"),
        ("? [a, b]\n: c\n", "is not plain YAML"),
        ("1: 2\n", "1 is not the name of a field"),
        ("nothing: 1\n", "is not a recipe that is known here"),
        (
            AXOLOTL + "model_name_or_path: x\nstage: sft\nfinetuning_type: lora\nlora_target: all\n",
            "its fields are as much those of axolotl as of LLaMA-Factory; drop those of one of them",
        ),
        ("learning_rate: 1\n", "is not a recipe that is known here"),
        (
            "model: qwen3-4b\npeft_config: {name: lora, r: 16, target_modules: all}\nmicro_batch_size: 1\ncutoff_len: 9\n",
            "peft_config.name is a field of LLaMA-Factory's v1 layout, which is not read here; give its model, targets",
        ),
        ("model: qwen3-4b\nmodel_class: llm\ntemplate: qwen3\n", "model_class is a field of LLaMA-Factory's v1 layout"),
        ("peft_type: LORA\nr: 8\n", "it is PEFT's config of an adapter; give it as adapter"),
        ('{"lora_rank": 8, "lora_rank": 9}', "'lora_rank' is given twice"),
        ('{"lora_rank": 8', "is not JSON"),
        ("{" + '"a":{' * 50_000, "is not JSON"),
        ('base_model = "x"\nlora_r = 8\n', "is TOML; a recipe is YAML, JSON or a saved command line"),
        ("[model]\nlora_rank = 8\n", "is TOML"),
        ("# a comment\n\n[[model]]\nlora_rank = 8\n", "is TOML"),
        ("a = " + "[" * 50_000, "is TOML"),
        ("\n" * 200_000 + "[", "is not plain YAML"),
        ("#\n \n" * 50_000 + "[", "is not plain YAML"),
        (b"\xff\xfe\x00b", "is not UTF-8 text"),
        ("a: " + "x" * 300_000, "a recipe has at most 262144"),
        (AXOLOTL.replace("lora_r: 8", "lora_r: .nan"), "lora_r is nan; it must be a whole number"),
        (AXOLOTL.replace("lora_r: 8", "lora_r: -1"), "lora_r is -1; it must be a whole number"),
        (AXOLOTL.replace("lora_r: 8", f"lora_r: {'9' * 5000}"), "is not plain YAML"),
        (AXOLOTL.replace("lora_r: 8", "lora_r: '8'"), "lora_r is '8'; it must be a whole number"),
        (AXOLOTL.replace("lora_r: 8\n", ""), "lora_r is missing, which axolotl needs"),
        (AXOLOTL.replace("lora_alpha: 16", "lora_alpha: .inf"), "lora_alpha is inf"),
        (
            AXOLOTL.replace("lora_alpha: 16", "lora_alpha: ${rank}"),
            "lora_alpha '${rank}' refers to other fields; write",
        ),
        (AXOLOTL.replace("lora_alpha: 16", "lora_alpha: 0"), "lora_alpha is 0; it must be a number above 0"),
        (AXOLOTL.replace("lora_target_linear: true", "lora_target_linear: maybe"), "must be true or false"),
        (AXOLOTL.replace("lora_target_linear: true", "lora_target_modules: [1]"), "must be names"),
        (AXOLOTL.replace("adapter: lora", "adapter: llama-adapter"), "adapter 'llama-adapter' is not counted here"),
        (AXOLOTL.replace("adapter: lora\n", ""), "trains every weight (no adapter)"),
        (AXOLOTL.replace("meta-llama/Llama-3.2-1B", "'-'"), "names no base model; give model"),
        (AXOLOTL.replace("meta-llama/Llama-3.2-1B", "no such model"), "its base model cannot be read; give model"),
        ("swift sft --model 'x", "is not a command line: no closing quotation"),
        ("swift sft --lora_rank 8 --lora_rank 9", "is given twice"),
        ("axolotl train axo.yml", "starts axolotl with 'axo.yml'; give that file"),
        (
            "#!/bin/bash\nset -e\n/opt/bin/axolotl train ../axo.yml --debug\n",
            "starts axolotl with '../axo.yml'; give that",
        ),
        ("CUDA_VISIBLE_DEVICES=0 llamafactory-cli train x.yaml", "starts LLaMA-Factory with 'x.yaml'; give that file"),
        ("torchrun --nproc-per-node 2 -m axolotl.cli.train axo.yml", "starts axolotl with 'axo.yml'; give that file"),
        ("tune run --nnodes 1 lora_finetune --config x.yaml", "starts torchtune with 'x.yaml'; give that file"),
        (
            "tune run lora --config x.yaml batch_size=2",
            "with 'x.yaml'; give that file, and by options what the command",
        ),
        ("swift sft --config=x.yaml --lora_rank 8", "starts ms-swift with 'x.yaml'; give that file, and by options"),
        ("accelerate launch --config_file z.yaml trl sft --config x.yaml", "starts TRL with 'x.yaml'; give that file"),
    ],
)
def test_a_wrong_file_is_one_line(
    content: str | bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says what is wrong, and nothing in the file is run."""
    monkeypatch.chdir(tmp_path)
    assert said in refused(tmp_path / "recipe.yml", content)
    assert not (tmp_path / "ran").exists()


def test_a_script_is_told_by_its_ending(tmp_path: Path) -> None:
    """Whatever its first line is."""
    assert "is a Python script" in refused(tmp_path / "train.py", '"""Train: a model."""\nimport trl\n')


def test_the_example_of_the_messages_is_a_recipe(tmp_path: Path) -> None:
    """A whole one, as YAML and as JSON."""
    for name in ("recipe.yml", "recipe.json"):
        path = tmp_path / name
        path.write_text(EXAMPLE, encoding="utf-8")
        assert count(recipe=path).r == 8


def test_aliases_and_merges_that_do_not_grow_are_read(tmp_path: Path) -> None:
    """A dumped recipe has them for values that it repeats."""
    path = tmp_path / "recipe.yml"
    path.write_text("base: &base {a: 1}\nother:\n  <<: *base\n  a: 2\n" + AXOLOTL, encoding="utf-8")
    assert count(recipe=path).r == 8


def test_json_and_a_command_line_need_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML names the package that it needs."""
    monkeypatch.setattr(yaml_text, "PACKAGE", "no_such_package")
    written = tmp_path / "args.json"
    written.write_text('{"model": "qwen3-0.6b", "tuner_type": "lora", "torch_dtype": null}', encoding="utf-8")
    assert count(recipe=written).trainable_params == 5_046_272
    saved = tmp_path / "train.sh"
    saved.write_text(
        "#!/bin/sh\nswift sft \\\n  --model qwen3-0.6b --tuner_type lora --torch_dtype 'bfloat16'\n", encoding="utf-8"
    )
    assert count(recipe=saved).trainable_params == 5_046_272
    assert "pip install 'lora-cli[recipes]'" in refused(tmp_path / "recipe.yml", AXOLOTL)
    assert "pip install 'lora-cli[recipes]'" in refused(
        tmp_path / "recipe.yml", f"# --model x\n{AXOLOTL}run_name: --x\n"
    )


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """And so is a folder."""
    with pytest.raises(InvalidInput, match="cannot read"):
        read_recipe(tmp_path / "missing.yml")
    with pytest.raises(InvalidInput, match="not a regular file"):
        read_recipe(tmp_path)
    with pytest.raises(InvalidInput, match="is not a path"):
        count(recipe=7)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_other_files_are_named_and_not_read(tmp_path: Path) -> None:
    """A recipe may name files anywhere; what they say is not followed, and a warning says so."""
    secret = tmp_path / "zero3.json"
    os.mkfifo(secret)
    path = tmp_path / "recipe.yml"
    path.write_text(
        f"{AXOLOTL}deepspeed: {secret}\nlora_model_dir: {tmp_path}\ndatasets: [{{path: {secret}}}]\n", encoding="utf-8"
    )
    found = memory(recipe=path)
    assert any("deepspeed" in warning and "zero3.json" in warning for warning in found.warnings)
    assert any("lora_model_dir" in warning and "is not read" in warning for warning in found.warnings)
