"""`--recipe` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import run

AXOLOTL = """base_model: meta-llama/Llama-3.2-1B
adapter: lora
lora_r: 4
lora_alpha: 8
lora_target_linear: true
micro_batch_size: 2
sequence_len: 128
bf16: auto
gradient_checkpointing: true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a recipe."""
    (tmp_path / "lora.yml").write_text(AXOLOTL, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("count", 0),
        ("fit --max-params 3M", 0),
        ("fit --max-memory 6GiB --method lora,dora", 0),
        ("check --max-params 1M", 1),
        ("check --max-memory 24GiB", 0),
        ("memory --gpu 4090", 0),
        ("sweep --method lora,vera -r 4,8", 0),
        ("explain 2818048", 0),
    ],
)
def test_a_recipe_takes_the_place_of_model_and_method(command: str, code: int, folder: Path) -> None:
    """What of it was used is a note, and in JSON under `assumptions`."""
    done = run(*command.split(), "--recipe", "lora.yml", "--json", cwd=folder)
    assert done.returncode == code, done.stderr
    assert "lora-cli: note: lora.yml is a recipe of axolotl; " in done.stderr
    assert "model meta-llama/Llama-3.2-1B (base_model)" in json.loads(done.stdout)["assumptions"]


def test_options_replace_what_the_recipe_says(folder: Path) -> None:
    """Named as the command line does, `--checkpointing` too, although it is the default of memory."""
    done = run("memory", "--recipe", "lora.yml", "-r", "8", "--batch", "1", "--checkpointing", "--json", cwd=folder)
    assert [json.loads(done.stdout)["results"][0][name] for name in ("r", "batch", "seq")] == [8, 1, 128]
    assert "note: -r/--rank replaces lora_r 4 of lora.yml" in done.stderr
    assert "note: --batch replaces micro_batch_size 2 of lora.yml" in done.stderr
    assert "note: --checkpointing replaces gradient_checkpointing true of lora.yml" in done.stderr
    off = (folder / "lora.yml").read_text(encoding="utf-8").replace("gradient_checkpointing: true", "")
    (folder / "lora.yml").write_text(off, encoding="utf-8")
    peaks = [
        json.loads(run("memory", "--recipe", "lora.yml", *words, "--json", cwd=folder).stdout)["results"][0][
            "peak_bytes"
        ]
        for words in ((), ("--checkpointing",), ("--no-checkpointing",))
    ]
    assert peaks[0] == peaks[2] > peaks[1]


@pytest.mark.parametrize("name", ["padded", "autocast"])
def test_what_a_trainer_does_by_default_can_be_switched_off(name: str, folder: Path) -> None:
    """TRL's own trainer pads batches, and runs float32 weights by autocast."""
    (folder / "trl.yml").write_text(
        "model_name_or_path: openai-community/gpt2\nuse_peft: true\nlora_r: 4\nper_device_train_batch_size: 2\nmax_length: 64\n",
        encoding="utf-8",
    )
    found = [
        json.loads(run("memory", "--recipe", "trl.yml", *words, "--json", cwd=folder).stdout)
        for words in ((), (f"--{name}",), (f"--no-{name}",))
    ]
    peaks = [each["results"][0]["peak_bytes"] for each in found]
    assert peaks[0] == peaks[1] != peaks[2]
    assert [any(name in use for use in each["assumptions"]) for each in found] == [True, False, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("count --recipe", "requires an argument"),
        ("count --recipe=", "cannot read ''"),
        ("count --recipe lora.yml --recipe lora.yml", "--recipe is given twice"),
        ("count --recipe missing.yml", "cannot read 'missing.yml'"),
        ("count --recipe lora.yml -d 8", "-d/--in-features conflicts with --recipe"),
        ("count --recipe lora.yml --adapter x", "--adapter conflicts with --recipe"),
        ("check x --recipe lora.yml --max-params 1", "--recipe says what is adapted, and so does PATH"),
        ("fit --recipe lora.yml --max-params 1M -r 8", "-r/--rank is what a fit searches for"),
        ("fit --recipe lora.yml --max-params 1M --batch 8", "only --max-memory depends on"),
        ("memory --recipe lora.yml --serve 8", "--recipe says how a model is trained"),
        ("sweep --recipe lora.yml -m gpt2 -m distilgpt2", "--recipe is of one model"),
        ("count --recipe lora.yml -o lora.yml", "lora.yml"),
        ("explain 5 --recipe lora.yml --adapter x", "--adapter conflicts with --recipe"),
        ("explain 5 --recipe lora.yml -o lora.yml", "lora.yml"),
        ("forward --recipe lora.yml", "forward has no option --recipe"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: str, said: str, folder: Path) -> None:
    """With exit code 2, and the recipe unharmed."""
    done = run(*arguments.split(), cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert (folder / "lora.yml").read_text(encoding="utf-8") == AXOLOTL


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("base_modl: gpt2|adapter: lora|lora_r: 8|sequence_len: 512", "base_model for base_modl"),
        ("base_model: gpt2|adapter: lora|lora_rank: 8|sequence_len: 512", "lora_r for lora_rank"),
        ("base_model: gpt2|adaptr: lora|lora_r: 8|sequence_len: 512", "adapter for adaptr"),
        ("model_name_or_pth: gpt2|finetuning_type: lora|cutoff_len: 512", "model_name_or_path for model_name_or_pth"),
        ("model_name_or_path: gpt2|use_pft: true|assistant_only_loss: true|max_length: 8", "use_peft for use_pft"),
        ("modell: gpt2|tuner_type: lora|loss_scale: x|attn_impl: sdpa", "model for modell"),
        (
            "model:|  _component_: torchtune.models.llama3_2.lora_llama3_2_1b|  lora_attn_module: [q_proj]|  lora_rank: 8",
            "model.lora_attn_modules for 'model.lora_attn_module'",
        ),
    ],
)
def test_a_misspelt_field_that_is_needed_is_named_in_the_error(fields: str, said: str, folder: Path) -> None:
    """The error about the field that is missing says which one was meant for it, for each trainer."""
    (folder / "typo.yml").write_text(fields.replace("|", "\n"), encoding="utf-8")
    done = run("count", "--recipe", "typo.yml", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"; did you mean {said}?\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["count", "memory", "check --max-params 3", "count gpt2 --adapter"])
@pytest.mark.parametrize(
    ("name", "content"), [("axo.yml", AXOLOTL), ("axo.json", '{"base_model": "gpt2", "adapter": "lora", "lora_r": 8}')]
)
def test_a_recipe_in_the_place_of_a_config_is_told_as_one(command: str, name: str, content: str, folder: Path) -> None:
    """YAML by its ending, JSON by a field that trainers have."""
    if name == "axo.json" and command.endswith("--adapter"):
        pytest.skip("a config of PEFT's may lack any field")
    (folder / name).write_text(content, encoding="utf-8")
    done = run(*command.split(), name, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("; it looks like a trainer's recipe; give it as --recipe\n")


def test_a_recipe_comes_from_standard_input() -> None:
    """And is read once."""
    done = run("count", "--recipe", "-", "--field", "trainable_params", input=AXOLOTL)
    assert done.stdout == "2818048\n"
    assert "the recipe on standard input is a recipe of axolotl" in done.stderr
    both = run("count", "--recipe", "-", "-m", "-", input=AXOLOTL)
    assert both.returncode == 2
    assert "standard input can be read only once" in both.stderr
    log = run("explain", "-", "--recipe", "-", input=AXOLOTL)
    assert log.returncode == 2
    assert "TEXT and --recipe: standard input can be read only once" in log.stderr


def test_a_fitted_config_is_written(folder: Path) -> None:
    """With the recipe's base model, targets and alpha; of another model, with that one's name."""
    done = run("fit", "--recipe", "lora.yml", "--max-params", "6M", "--write", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    config = json.loads((folder / "out" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"], len(config["target_modules"])) == (8, 8, 7)
    assert config["base_model_name_or_path"] == "meta-llama/Llama-3.2-1B"
    assert "revision" not in config
    assert run("count", "--adapter", "out", "--field", "trainable_params", cwd=folder).stdout == "5636096\n"
    other = ("fit", "--recipe", "lora.yml", "-m", "gpt2", "-t", "c_attn", "--max-params", "6M", "--write", "gpt2")
    assert run(*other, cwd=folder).returncode == 0
    config = json.loads((folder / "gpt2" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "openai-community/gpt2"


def test_a_recipe_is_trained_whole_where_that_is_asked_for(folder: Path) -> None:
    """What it says of the adapter is left out, of the training not: the answer is that without a recipe."""
    wanted = "method,r,batch,seq,adapter_weights_bytes,peak_bytes"
    done = run("memory", "--recipe", "lora.yml", "--method", "Full", "--field", wanted, cwd=folder)
    alone = ["memory", "llama-3.2-1b", "--method", "full", "--batch", "2", "--seq", "128", "--padded"]
    assert done.stdout == run(*alone, "--field", wanted).stdout
    assert done.stdout.startswith("full\t")
    assert "lora_r" not in done.stderr


@pytest.mark.parametrize("command", ["count", "fit --max-params 1M", "sweep -r 8 --memory", "check --max-params 1M"])
def test_full_fine_tuning_has_no_adapter(command: str, folder: Path) -> None:
    """Whoever counts is told where it is answered, with a recipe and without one."""
    name, *options = command.split()
    for subject in (["--recipe", "lora.yml"], ["-m", "llama-3.2-1b"]):
        done = run(name, *subject, "--method", "full", *options, cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert "method full is full fine-tuning, which has no adapter to count; full_params says" in done.stderr


@pytest.mark.parametrize(
    ("trainer", "line", "steps"),
    [
        ("axolotl", "gradient_accumulation_steps: 4", 4),
        ("axolotl", "", 1),
        ("ms-swift", "gradient_accumulation_steps: 2", 2),
        ("ms-swift", "per_device_train_batch_size: 3", 6),
        ("ms-swift", "per_device_train_batch_size: 32", 1),
    ],
)
def test_the_batches_of_a_step_are_those_of_the_recipe(trainer: str, line: str, steps: int, folder: Path) -> None:
    """ms-swift takes as many as have 16 sequences where nothing says how many."""
    swift = "model: Qwen/Qwen3-0.6B\ntuner_type: lora\ntarget_modules: all-linear\nmax_length: 64\n"
    text = {"axolotl": AXOLOTL, "ms-swift": swift}[trainer]
    (folder / "steps.yml").write_text(f"{text}{line}\n", encoding="utf-8")
    done = run("memory", "--recipe", "steps.yml", "--json", cwd=folder)
    assert json.loads(done.stdout)["training"]["accumulate"] == steps
    assert "gradient_accumulation_steps" not in done.stderr


# Axolotl turns its own kernels on where nothing says otherwise.
PLAIN = "".join(f"lora_{name}_kernel: false\n" for name in ("mlp", "qkv", "o", "embedding"))


@pytest.mark.parametrize(
    ("more", "vram", "fits"),
    [
        (PLAIN, "2600MB", "no"),
        ("", "2600MB", "uncertain"),
        (f"{PLAIN}activation_offloading: true\n", "2600MB", "uncertain"),
        (f"{PLAIN}rl: dpo\n", "2600MB", "no"),
        # The weights alone do not fit.
        ("", "1GB", "no"),
    ],
)
def test_what_may_take_less_than_is_replayed_is_not_sure_to_fail(more: str, vram: str, fits: str, folder: Path) -> None:
    """The exit code is 1 either way."""
    (folder / "lora.yml").write_text(AXOLOTL + more, encoding="utf-8")
    recipe = ("memory", "--recipe", "lora.yml", "--vram", vram)
    done = run(*recipe, "--field", "fits", cwd=folder)
    assert (done.returncode, done.stdout) == (1, f"{fits}\n")
    said = "what is replayed does not fit, and less may be taken: lora.yml: "
    assert (said in done.stderr) == (fits == "uncertain")
    table = run(*recipe, "--format", "table", cwd=folder).stdout
    assert ("It does not fit." in table) == (fits == "no")


TRL = "--model_name_or_path meta-llama/Llama-3.2-1B --use_peft --dtype bfloat16 --per_device_train_batch_size 1\n"


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        (AXOLOTL, "yes"),
        (AXOLOTL + "rl: dpo\n", "uncertain"),
        (AXOLOTL + "torch_compile: true\n", "uncertain"),
        # What takes less leaves it sure.
        (AXOLOTL + "activation_offloading: true\n", "yes"),
        # What may take either leaves nothing sure.
        (AXOLOTL + "deepspeed: zero2.json\n", "uncertain"),
        (f"trl sft {TRL}", "yes"),
        (f"trl dpo {TRL}", "uncertain"),
        (f"accelerate launch examples/scripts/grpo.py {TRL}", "uncertain"),
        (f"python train.py {TRL}", "yes"),
    ],
)
def test_what_may_take_more_than_is_replayed_is_not_sure_to_fit(content: str, fits: str, folder: Path) -> None:
    """Neither for memory nor for a check of it, nor for machines; what is replayed fits either way."""
    (folder / "lora.yml").write_text(content, encoding="utf-8")
    recipe, code = ("--recipe", "lora.yml", "--gpu", "4090"), int(fits != "yes")
    done = run("memory", *recipe, "--json", cwd=folder)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["results"][0]["fits"]) == (code, fits)
    assert (answer["results"][0]["max_batch"] is None) == bool(code)
    assert ("may not fit: what is replayed fits, and more may be taken: lora.yml: " in done.stderr) == bool(code)
    assert any(each.startswith("lora.yml: ") for each in answer["assumptions"]) or not code
    done = run("check", *recipe, "--max-memory", "24GiB", cwd=folder)
    assert done.returncode == code
    assert ("of what is replayed, and more may be taken: lora.yml: " in done.stderr) == bool(code)
    sweep = run("sweep", *recipe, "--memory", "-r", "4", "--field", "fits", cwd=folder)
    assert sweep.stdout == f"{fits}\n"


FACTORY = """model_name_or_path: meta-llama/Llama-3.2-1B
stage: sft
finetuning_type: full
cutoff_len: 128
per_device_train_batch_size: 1
bf16: true
"""


@pytest.mark.parametrize(
    ("more", "dtype"), [("", "float32"), ("pure_bf16: true\n", "bfloat16"), ("use_badam: true\n", "bfloat16")]
)
def test_llama_factory_turns_what_it_trains_whole_into_float32(more: str, dtype: str, folder: Path) -> None:
    """`init_adapter` in its `model/adapter.py`: "Upcasting trainable params to float32", except for two fields."""
    (folder / "lora.yml").write_text(FACTORY + more, encoding="utf-8")
    done = run("memory", "--recipe", "lora.yml", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    assert answer["results"][0]["dtype"] == dtype
    origin = "finetuning_type 'full'" if dtype == "float32" else ("pure_bf16" if "pure" in more else "bf16")
    assert any(each.startswith(f"dtype {dtype} ({origin}") for each in answer["assumptions"])


def test_dpo_of_torchtune_is_not_its_supervised_step(folder: Path) -> None:
    """Its loss says so."""
    recipe = (
        "model:\n  _component_: torchtune.models.llama3_2.lora_llama3_2_1b\n  lora_attn_modules: [q_proj]\n"
        "  lora_rank: 8\nloss:\n  _component_: torchtune.rlhf.loss.DPOLoss\nbatch_size: 1\n"
    )
    (folder / "lora.yml").write_text(recipe, encoding="utf-8")
    done = run("memory", "--recipe", "lora.yml", "--gpu", "4090", "--field", "fits", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "uncertain\n")


def test_the_batches_of_a_step_can_be_replaced(folder: Path) -> None:
    """A number that a shell fills in is not known, which the option makes up for."""
    (folder / "lora.yml").write_text(f"{AXOLOTL}gradient_accumulation_steps: $STEPS\n", encoding="utf-8")
    done = run("memory", "--recipe", "lora.yml", "--json", cwd=folder)
    assert (
        "gradient_accumulation_steps '$STEPS' is not a number here, and 1 is assumed; give --accumulate" in done.stderr
    )
    assert json.loads(done.stdout)["training"]["accumulate"] == 1
    done = run("memory", "--recipe", "lora.yml", "--accumulate", "8", "--json", cwd=folder)
    assert "--accumulate replaces gradient_accumulation_steps '$STEPS'" in done.stderr
    assert json.loads(done.stdout)["training"]["accumulate"] == 8
