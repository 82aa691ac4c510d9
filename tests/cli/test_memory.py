"""`lora-cli memory` as a user runs it: a guard for a training, its formats and its refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from program import run
from small_llama import llama

from lora_cli import memory
from lora_cli.output.people import OF_CARD


@pytest.fixture
def base(tmp_path: Path) -> str:
    """Return the folder of a small model."""
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps(llama(architectures=["LlamaForCausalLM"], max_position_embeddings=4096))
    )
    return str(folder)


@pytest.mark.parametrize(("vram", "code", "fits"), [("80GiB", 0, "yes"), ("1GiB", 1, "uncertain"), ("1MB", 1, "no")])
def test_the_exit_code_is_a_guard(base: str, vram: str, code: int, fits: str) -> None:
    """0 only where it is sure to fit; otherwise stderr says what is too much."""
    done = run("memory", base, "-r", "8", "--seq", "256", "--vram", vram, "--field", "fits")
    assert (done.returncode, done.stdout) == (code, f"{fits}\n")
    said = {"yes": "", "uncertain": "lora-cli: may not fit: ", "no": "lora-cli: does not fit: "}[fits]
    assert done.stderr.count("fit: ") == code
    assert said in done.stderr


def test_a_verdict_says_the_same_in_the_table_and_beside_it(base: str) -> None:
    """In as many digits as tell what is taken from what there is."""
    found = run("memory", base, "-r", "8", "--seq", "64", "--vram", "1GB", "--json")
    needed = int(1.16 * json.loads(found.stdout)["results"][0]["reserved_bytes"]) + 2**30
    done = run("memory", base, "-r", "8", "--seq", "64", "--vram", str(needed - 1), "--format", "table")
    assert done.returncode == 1
    assert "It may not fit: " in done.stdout
    taken, free = re.findall(r"([\d,.]+) [GM]iB", done.stderr)
    assert float(taken.replace(",", "")) > float(free.replace(",", ""))


def test_json_has_phases_assumptions_and_advice(base: str) -> None:
    """Beside the record, under names of their own."""
    done = run("memory", base, "-r", "8", "--seq", "64", "--no-checkpointing", "--json")
    answer = json.loads(done.stdout)
    (record,) = answer["results"]
    assert (answer["command"], record["fits"], record["gpu"]) == ("memory", None, None)
    assert max(answer["phases"].values()) == record["peak_bytes"]
    assert {"forward", "backward"} <= answer["flops"].keys()
    assert answer["assumptions"]
    assert all({"switch", "peak_bytes", "saved_bytes"} == line.keys() for line in answer["advice"])
    assert "--checkpointing" in {line["switch"] for line in answer["advice"]}


def test_a_table_shows_the_peak_to_scale_and_what_would_help(base: str) -> None:
    """At 80 columns, in characters of any encoding."""
    folder = Path(base).parent
    wide = run("memory", "base", "-r", "8", "--seq", "64", "--gpu", "t4", "--format", "table", cwd=folder)
    assert max(map(len, wide.stdout.splitlines())) <= 80
    assert "It fits." in wide.stdout
    plain = run("memory", base, "-r", "8", "--seq", "64", "--format", "table", env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert plain.stdout.isascii()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--batch 0", "--batch: '0' is out of range"),
        ("--seq 1.5", "--seq: '1.5' is not a whole number"),
        ("--gpu h101", "did you mean"),
        ("--vram 0", "--vram"),
        ("--quantize nf", "did you mean nf4"),
        ("--batch 1,2", "lora-cli sweep"),
        ("--tokens 10M", "--utilisation"),
        (
            "-r 8 --gpu h100 --tokens 10M --utilisation 0",
            "--utilisation: '0' is not a share of the card's peak; give one",
        ),
        (
            "-r 8 --gpu h100 --tokens 10M --utilisation 140%",
            "'140%' is not a share of the card's peak; give one above 0",
        ),
        (
            "-r 8 --attention flash_attention_2",
            "--attention: flash_attention_2, which is the package flash-attn, cannot be",
        ),
        (
            "-r 8 --attention flash_attention_3",
            "flash_attention_3, which is the package flash-attn, cannot be replayed",
        ),
        ("-r 8 --gpu h100 --tokens 10M --utilisation nan", "'nan' is not a share of the card's peak; give one above 0"),
        ("--method full -r 8", "trains every weight"),
        ("--method full --adapter-dtype float32", "drop --adapter-dtype"),
        ("-r 8 --kbit-prepare", "--kbit-prepare says how a quantised base is trained; give --quantize too"),
        ("-r 8 --no-kbit-prepare", "give --quantize too"),
        ("-r 8 --vram 24", "--vram: '24' is less than 1 MB; write 24GB or 24GiB"),
        ("-r 8 --gpu 4091", "did you mean 4090?"),
        ("-r 8 --gpu tpu-v5", "`lora-cli cards` lists them; give --vram"),
        ("-r 8 --field peak_byte", "did you mean peak_bytes"),
        ("-r 8 --field train_seconds", "--field: 'train_seconds' needs --tokens and --utilisation"),
        ("--serve 8 --field peak_bytes", "did you mean total_bytes"),
        ("-r 8 --set modules_to_save=lm_head", """write it like 'modules_to_save=["lm_head"]'"""),
    ],
)
def test_bad_input_is_refused_in_one_line(base: str, arguments: str, said: str) -> None:
    """Exit code 2, and nothing on stdout."""
    done = run("memory", base, *arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_field_is_checked_before_the_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt name must not cost the seconds that the answer takes."""
    from lora_cli.cli.commands import memory
    from lora_cli.cli.main import run as run_here

    monkeypatch.setattr(memory, "replayed_memory", lambda *_, **__: pytest.fail("replayed"))
    assert run_here(["memory", "llama-3.1-8b", "-r", "8", "--field", "peak_byte"]) == 2


def test_one_matrix_is_not_trained_alone() -> None:
    """A model is missing, and the fix says so."""
    done = run("memory", "-r", "8")
    assert done.returncode == 2
    assert "--model" in done.stderr


def test_a_length_over_the_model_s_own_is_a_warning(base: str) -> None:
    """It is counted all the same."""
    done = run("memory", base, "-r", "8", "--seq", "100000", "--field", "seq")
    assert (done.returncode, done.stdout) == (0, "100000\n")
    assert "longest input" in done.stderr


def test_a_limit_of_memory_gates_and_other_commands_take_it(base: str) -> None:
    """`check` fails over it, and `fit` searches inside it."""
    held = run("check", "-m", base, "-r", "8", "--max-memory", "40GB", "--seq", "64")
    assert held.returncode == 0, held.stderr
    broken = run("check", "-m", base, "-r", "8", "--max-memory", "1GB", "--seq", "64")
    assert broken.returncode == 1
    assert "max-memory: training memory is" in broken.stderr
    alone = run("check", "-m", base, "-r", "8", "--max-params", "40M", "--seq", "64")
    assert (alone.returncode, "--max-memory" in alone.stderr) == (2, True)
    found = run("fit", base, "-r", "8", "--max-memory", "2GB", "--seq", "64", "--knob", "batch", "--field", "knob,size")
    assert found.stdout.startswith("batch\t")
    bare = run("check", "-m", base, "-r", "8", "--max-memory", "24")
    assert (bare.returncode, "write 24GB or 24GiB" in bare.stderr) == (2, True)


def test_a_fit_of_several_methods_searches_the_knob_of_each(base: str) -> None:
    """Each has the size that it has alone; a method without a rank does without one."""
    fit = ("fit", base, "--max-memory", "2GiB", "--seq", "64", "--knob", "batch", "-r", "8", "--field", "knob,size")
    alone = [run(*fit, "--method", "lora").stdout, run(*fit, "--method", "dora").stdout]
    several = run(*fit, "--method", "lora,dora,ia3")
    assert several.stderr == ""
    assert several.stdout.splitlines(keepends=True)[:2] == alone
    assert re.fullmatch(r"(batch\t\d+\n){3}", several.stdout)
    given = run(*fit, "--method", "lora,dora", "--batch", "2")
    assert (given.returncode, "--batch is what is searched for" in given.stderr) == (2, True)


def test_a_table_of_trainings_says_whether_they_fit(base: str) -> None:
    """Above the table where all are alike, else in a column; and in a row that stands alone."""
    line = ("sweep", base, "-r", "8", "--memory", "--seq", "64", "--gpu", "4090", "--format", "table", "--batch")
    assert "gpu rtx-4090 · fits yes" in run(*line, "1,2").stdout
    both = run(*line, "1,100000").stdout
    assert "gpu rtx-4090\n" in both
    assert re.search(r" yes .*\n.* uncertain ", both)
    assert "reserved" in run(*line, "1").stdout


def test_a_server_of_adapters_has_a_report_of_its_own(base: str) -> None:
    """With the ranks of adapters, which may be several, and without any option of a training."""
    for name, rank in (("low", 4), ("high", 8)):
        (Path(base).parent / name).mkdir()
        config = {"peft_type": "LORA", "r": rank, "target_modules": ["q_proj"]}
        (Path(base).parent / name / "adapter_config.json").write_text(json.dumps(config))
    folder = Path(base).parent
    done = run("memory", "base", "--serve", "2", "--adapter", "low", "--adapter", "high", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    (record,) = answer["results"]
    assert (record["slots"], record["max_rank"], record["padded_rank"], record["tp"]) == (2, 8, 8, 1)
    assert record["total_bytes"] == 2 * record["slot_bytes"] > record["wasted_bytes"] > 0
    assert "vLLM 0.33.0" in answer["assumptions"][0]
    table = run("memory", "base", "--serve", "2", "--max-rank", "20", "--tp", "2", "--format", "table", cwd=folder)
    assert "20, padded to 32" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--serve 0", "--serve: '0' is out of range"),
        ("--serve 8,16", "--serve: '8,16' is not a whole number; give a whole number from 1 to"),
        ("--serve 1000000000000", "--serve: '1000000000000' is out of range"),
        ("--serve 1 --max-rank 1000", "--max-rank: 1000 is out of range; give a whole number from 1 to 512"),
        ("--serve 1 --batch 2", "--batch says how a model is trained, and --serve trains nothing; drop one of them"),
        (
            "--serve 1 -r 8",
            "-r/--rank says how a model is trained, and --serve trains nothing; give --max-rank instead",
        ),
        ("--serve 1 --quantize nf4", "--quantize says how a model is trained"),
        ("--tp 2", "--tp says what a server holds; give --serve too, or drop --tp"),
        ("-r 8 --adapter a --adapter b", "--adapter is given 2 times, and a model is trained with one"),
    ],
)
def test_options_of_a_server_and_of_a_training_do_not_mix(base: str, arguments: str, said: str) -> None:
    """One line that names both, and exit code 2."""
    done = run("memory", base, *arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_each_part_of_the_bar_has_a_mark_of_its_own(base: str) -> None:
    """And the title says what is trained of what."""
    from lora_cli.output.designs.memory import FREE
    from lora_cli.output.memory_parts import PARTS

    marks = [mark for _, mark in PARTS.values()]
    assert len({*marks, FREE}) == len(marks) + 1
    done = run("memory", base, "-r", "8", "--seq", "64", "--quantize", "nf4", "--format", "table")
    title = done.stdout.splitlines()[0]
    assert title.endswith("rank 8 · q_proj,v_proj · batch 1 · 64 tokens · bfloat16 · nf4")


def test_the_table_says_that_a_card_was_not_measured(base: str) -> None:
    """In place of the band of the process; without a card there is nothing to say."""
    shown = {
        card: run("memory", base, "-r", "8", "--seq", "64", "--dtype", "float16", *card, "--format", "table").stdout
        for card in ((), ("--gpu", "4090"), ("--vram", "24GiB"), ("--gpu", "t4"))
    }
    assert ["not measured" in text for text in shown.values()] == [False, True, True, False]
    assert ["process, at most" in text for text in shown.values()] == [False, False, False, True]


def test_tokens_are_not_parameters(base: str) -> None:
    """A message names what is counted."""
    done = run("memory", base, "-r", "8", "--gpu", "t4", "--tokens", "1e18", "--utilisation", "0.4")
    assert done.returncode == 2
    assert "--tokens: '1e18' is not a whole number of tokens" in done.stderr


def test_mixed_precision_is_advised_where_it_saves(base: str) -> None:
    """As the peak that it leaves, and not where it takes more."""
    for model, extra in ((base, ("--dtype", "float32")), (base, ()), ("gpt2", ("--dtype", "float32"))):
        training = ("memory", model, "-r", "8", "--seq", "512", *extra)
        answer = json.loads(run(*training, "--json").stdout)
        advised = {each["switch"]: each["peak_bytes"] for each in answer["advice"]}.get("--autocast")
        cast = int(run(*training, "--autocast", "--field", "peak_bytes").stdout)
        assert advised == (cast if cast < answer["results"][0]["peak_bytes"] else None)
        assert (advised is None) == (model == "gpt2")


def test_what_a_fit_found_is_its_size(base: str) -> None:
    """Whatever it searched for."""
    found = ("fit", base, "-r", "8", "--knob", "batch", "--max-memory", "24GB", "--field")
    done = run(*found, "batch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--field: the batch that is found is the field size" in done.stderr
    assert int(run(*found, "size").stdout) > 1


def test_a_sweep_says_in_which_type_the_file_is_counted(base: str) -> None:
    """The memory beside it takes the copies in the type of the training, which the file of an unnamed type does not."""
    copies = ("-t", "q_proj", "-r", "8", "--set", 'modules_to_save=["lm_head"]')
    grid = ("sweep", base, "--memory", "--seq", "8,16", "--field", "adapter_bytes,dtype")
    done = run(*grid, *copies)
    assert [line.split("\t")[1] for line in done.stdout.splitlines()] == ["bfloat16"] * 2
    assert done.stderr.count("adapter_bytes takes the weights of ") == 1
    assert "for float32, because its config.json names no type" in done.stderr
    assert "adapter_bytes" not in run(*grid, "-t", "q_proj", "-r", "8").stderr


def test_a_setting_of_the_training_is_no_field(base: str) -> None:
    """It is what was given; JSON has it, and a field of nearly its name may be meant."""
    fit = ("fit", base, "--gpu", "4090", "--seq", "64", "--target", "q_proj")
    (setting,) = {*json.loads(run(*fit, "--json").stdout)["training"]} & {"seq"}
    for question in (fit, (*fit, "--method", "lora,dora")):
        done = run(*question, "--field", setting)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--field: 'seq' is a setting of the training and not a field of fit; --format json shows it under" in (
            done.stderr
        )
    for question in (("memory", base), ("sweep", base, "--memory")):
        done = run(*question, "-r", "8", "--seq", "64", "--field", "optimizer")
        assert (done.returncode, done.stdout) == (2, "")
        assert "shows it under training; did you mean optimizer_bytes?" in done.stderr
    done = run("fit", base, "--target", "q_proj", "--max-params", "1M", "--field", "seq")
    assert "'seq' is not a field of fit; choose from" in done.stderr


def test_a_sweep_takes_several_kinds_of_quantisation(base: str) -> None:
    """As a list, like its other axes."""
    done = run("sweep", base, "-r", "8", "--memory", "--seq", "8", "--quantize", "none,nf4", "--field", "quantize")
    assert done.stdout.split() == ["none", "nf4"]
    done = run("memory", base, "-r", "8", "--quantize", "none,nf4")
    assert (
        "--quantize: 'none,nf4' is not one quantisation; give one, or compare several with `lora-cli sweep --memory`"
        in done.stderr
    )


def test_a_sweep_takes_several_cards(base: str) -> None:
    """The slowest of the axes; each row has its own card's memory and verdict."""
    grid = ("sweep", base, "-r", "8", "--memory", "--seq", "8,16", "--gpu", "4090, t4")
    done = run(*grid, "--dtype", "float16", "--field", "gpu,seq,gpu_bytes,fits")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows == [
        [card, seq, str(size * 2**20), "yes"]
        for card, size in (("rtx-4090", 24564), ("t4", 15360))
        for seq in ("8", "16")
    ]
    assert "t4 has no bfloat16" in run(*grid, "--dtype", "bfloat16", "--field", "fits").stderr
    for command in ("memory", "fit"):
        done = run(command, base, "--gpu", "4090,t4")
        assert done.returncode == 2
        assert "--gpu: '4090,t4' is not one card; give one, or compare several with `lora-cli sweep --memory`" in (
            done.stderr
        )


def test_alpha_is_of_the_method_here_too(base: str) -> None:
    """What counts an adapter can be pasted."""
    done = run("memory", base, "-r", "8", "--seq", "64", "--alpha", "16", "--field", "peak_bytes")
    assert int(done.stdout) == memory(model=base, r=8, seq=64, alpha=16).peak_bytes


def test_without_a_card_people_see_no_rows_about_one() -> None:
    """Machines do, as unknown; with a card people see them too, and a script that reads one of them is told of the card."""
    alone, with_card = (run("memory", "gpt2", "-r", "8", "--seq", "64", *card) for card in ((), ("--gpu", "4090")))
    assert "unknown" not in alone.stdout
    assert "max batch" in with_card.stdout
    (record,) = json.loads(run("memory", "gpt2", "-r", "8", "--seq", "64", "--json").stdout)["results"]
    assert [field for field in record if record[field] is None] == [*OF_CARD]
    for command in (("memory", "gpt2"), ("sweep", "gpt2", "--memory", "--batch", "1,2")):
        for field in OF_CARD:
            done = run(*command, "-r", "8", "--seq", "64", "--field", f"peak_bytes,{field}")
            assert (done.returncode, {line.partition("\t")[2] for line in done.stdout.splitlines()}) == (0, {""})
            assert f"warning: --field: {field} has no value without --gpu" in done.stderr
    for card in (("--gpu", "4090"), ("--vram", "24GB")):
        assert run("memory", "gpt2", "-r", "8", "--seq", "64", *card, "--field", "fits").stdout == "yes\n"


UNUSUAL = "--optimizer sgd --no-checkpointing --accumulate 4 --adapter-dtype bfloat16 --attention eager"


def test_people_see_the_settings_that_are_not_the_default(base: str) -> None:
    """In a caption of the table and as rows elsewhere; a setting that was not changed is not said."""
    asked = ("memory", base, "-r", "8", "--seq", "64", *UNUSUAL.split())
    caption = "no checkpointing · attention eager · optimizer sgd · adapter dtype bfloat16\naccumulate 4\n"
    assert caption in run(*asked, "--format", "table", env={"COLUMNS": "80"}).stdout
    plain, markdown = (run(*asked, "--format", shape).stdout for shape in ("plain", "markdown"))
    assert re.search(r"^accumulate +4$", plain, re.MULTILINE)
    assert "| checkpointing | no |" in markdown
    assert "accumulate" not in run(*asked[:6]).stdout


def test_a_recipe_s_settings_are_seen_too(base: str, tmp_path: Path) -> None:
    """They come from a file that the answer does not show."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"base_model: {base}\nadapter: lora\nlora_r: 8\nlora_target_modules: [q_proj]\nsequence_len: 64\n"
        "micro_batch_size: 1\ngradient_accumulation_steps: 4\noptimizer: sgd\nbf16: true\n"
    )
    shown = run("memory", "--recipe", str(recipe), "--format", "table").stdout
    assert "optimizer sgd" in shown
    assert "accumulate 4" in shown


def test_json_says_how_every_point_of_a_sweep_is_trained(base: str) -> None:
    """Beside what its rows say: two that differ only in that are told apart."""
    grid = ("sweep", base, "-r", "8", "--memory", "--seq", "8,16", "--quantize", "none,nf4", "--json")
    one, four = (json.loads(run(*grid, "--accumulate", n).stdout)["training"] for n in ("1", "4"))
    assert {name for name in one if one[name] != four[name]} == {"accumulate"}
    assert (four["accumulate"], four["kbit_prepare"], four["checkpointing"]) == (4, True, True)
    assert not {"batch", "seq", "quantize", "gpu", "dtype"} & four.keys()
    assert "training" not in json.loads(run("sweep", base, "-r", "8", "--json").stdout)


@pytest.mark.parametrize(
    ("asked", "hidden"),
    [("--max-memory 24GB", ""), ("-r 8 --knob batch --gpu 4090", "batch"), ("--max-params 1M", None)],
)
def test_json_says_how_what_a_fit_found_is_trained(base: str, asked: str, hidden: str | None) -> None:
    """Where its budget is of memory, and without what was searched for."""
    settings = () if hidden is None else ("--seq", "64", "--accumulate", "4")
    training = json.loads(run("fit", base, *asked.split(), *settings, "--json").stdout).get("training")
    assert (training is None) == (hidden is None)
    if training is not None:
        assert (training["seq"], training["accumulate"]) == (64, 4)
        assert hidden not in training
        assert training.get("gpu") == ("rtx-4090" if "4090" in asked else None)
