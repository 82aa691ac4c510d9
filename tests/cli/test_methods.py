"""Methods from the real program: their list, their fields, and what of `--method` and `--set` is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from program import run
from small_llama import llama

from lora_cli.methods import METHODS
from lora_cli.methods.variants import VARIANTS


def answer(*arguments: str) -> str:
    """Return what the program answers, without a word on stderr."""
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refusal(*arguments: str) -> str:
    """Return the one line that refuses these arguments."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lora-cli: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_all_methods_are_listed() -> None:
    """Each with its formula and what it supports, and variants behind their method."""
    listed = list(csv.DictReader(io.StringIO(answer("methods", "--format", "csv"))))
    assert [row["method"] for row in listed if row["method"] not in VARIANTS] == list(METHODS)
    assert [row["method"] for row in listed][:3] == ["lora", "dora", "rslora"]
    assert all(row["formula"] and row["supports"] and row["title"] for row in listed)


def test_a_family_is_listed_alone() -> None:
    """By its name in words or as a field; the family of LoRA is called like its first method."""
    names = answer("methods", "orthogonal", "--field", "method").split()
    assert names == ["boft", "hra", "oft", "psoft", "road"]
    assert answer("methods", "low rank") == answer("methods", "LOW_RANK")
    assert answer("methods", "lora", "--field", "family") == "lora\n"
    assert "field" in answer("methods", "lora")


def test_a_variant_is_described_itself() -> None:
    """By its own formula, title and paper, and the values of the fields that make it."""
    dora = json.loads(answer("methods", "dora", "--format", "json"))
    described = {
        "formula": "r * (d + h) + h",
        "title": "DoRA: Weight-Decomposed Low-Rank Adaptation",
        "arxiv": "2402.09353",
    }
    assert described.items() <= dora["results"][0].items()
    assert {row["field"]: row["default"] for row in dora["fields"]}["use_dora"] is True
    rslora = json.loads(answer("methods", "rslora", "--format", "json"))
    assert {row["field"]: row["default"] for row in rslora["fields"]}["use_rslora"] is True


def test_one_method_is_shown_with_its_fields() -> None:
    """PEFT's names and defaults; unknown stays null for programs."""
    shown = json.loads(answer("methods", "vera", "--format", "json"))
    fields = {row["field"]: row["default"] for row in shown["fields"]}
    assert (fields["r"], fields["save_projection"], fields["target_modules"]) == (256, True, None)
    shown_to_people = answer("methods", "VeRA", "--format", "table")
    assert "save_projection" in shown_to_people
    assert "Whether the file holds the frozen A and B" in shown_to_people
    assert shown_to_people.startswith("VeRA: Vector-based Random Matrix Adaptation")
    assert list(shown["fields"][0]) == ["field", "default", "type", "meaning"]


def test_a_narrow_terminal_leaves_the_type_to_programs() -> None:
    """And says so; what a field does has the room."""
    narrow, wide = (
        run("methods", "lora", "--format", "table", env={"COLUMNS": columns}).stdout for columns in ("80", "200")
    )
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.endswith("No room for type: --format json shows all fields.\n")
    assert "boolean or text" in wide
    assert "boolean or text" not in narrow


def test_titles_of_methods_are_listed_where_there_is_room() -> None:
    """Otherwise a line says once, below all families, that there is none."""
    narrow, wide = (run("methods", "--format", "table", env={"COLUMNS": columns}).stdout for columns in ("80", "200"))
    assert narrow.count("No room for title") == 1
    assert narrow.endswith("No room for title: --format json shows all fields.\n")
    assert "VeRA: Vector-based Random Matrix Adaptation" in wide


def test_a_method_counts_on_one_matrix() -> None:
    """VeRA trains h + r, and JSON has its tensors."""
    shown = json.loads(answer("count", "-d", "3072", "-h", "3072", "--method", "vera", "-r", "256", "--format", "json"))
    assert shown["results"][0]["trainable_params"] == 3072 + 256
    assert [tensor["name"] for tensor in shown["tensors"]] == ["vera_lambda_b", "vera_lambda_d", "vera_A", "vera_B"]


def test_a_field_changes_what_is_counted() -> None:
    """Its value is JSON, or else text."""
    vera = ("count", "-d", "64", "-h", "64", "--method", "vera", "-r", "4", "--field", "adapter_bytes")
    assert int(answer(*vera)) - int(answer(*vera, "--set", "save_projection=false")) > 4 * 2 * 64 * 4
    assert answer("count", "-d", "6", "-h", "8", "-r", "2", "--set", "use_dora=true", "--field", "method") == "dora\n"


def test_methods_stand_side_by_side() -> None:
    """A row a method and rank, in the order given."""
    text = answer("sweep", "-d", "8", "-h", "8", "-r", "2,4", "--method", "lora,dora,vera", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["method"], row["r"], row["trainable_params"]) for row in rows] == [
        ("lora", "2", "32"),
        ("lora", "4", "64"),
        ("dora", "2", "40"),
        ("dora", "4", "72"),
        ("vera", "2", "10"),
        ("vera", "4", "12"),
    ]


def test_methods_stand_side_by_side_on_a_model() -> None:
    """PEFT's recorded figures of Llama-3.2-3B at rank 32 (peft 0.21)."""
    sweep = ("sweep", "--model", "llama-3.2-3b", "--target", "q_proj,v_proj", "-r", "32", "--method", "lora,dora")
    rows = list(csv.DictReader(io.StringIO(answer(*sweep, "--format", "csv"))))
    assert [(row["method"], row["trainable_params"], row["adapter_bytes"]) for row in rows] == [
        ("lora", "9175040", "36715216"),
        ("dora", "9289728", "37181760"),
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--method", "verra"), "did you mean vera or pvera?"),
        (("--method", "\x1b[31m"), "is not known"),
        (
            ("--method", "vera", "--set", "d_initial=high"),
            "d_initial is 'high'; it must be a number from -2147483647 to 2147483647",
        ),
        (("--method", "vera", "--set", "vera_dropout=2"), "vera_dropout is 2.0; it must be from 0 to 1"),
        (("--method", "vera", "--set", "nothing=1"), "has no field 'nothing'"),
        (("--method", "vera", "--set", "rank_pattern={}"), "method vera has no field 'rank_pattern'"),
        (("--method", "vera", "--set", "r=3"), "is also set by another argument"),
        (("--method", "vera", "--set", "r"), "is not FIELD=VALUE"),
        (("--method", "vera", "--set", "=3"), "is not FIELD=VALUE"),
        (("--set", "bias"), "'bias' is not FIELD=VALUE; write it like bias=all"),
        (("--method", "prompt_tuning", "--set", "x"), "write it like prompt_tuning_init=RANDOM"),
        (("--set", "use_dora"), "'use_dora' is not FIELD=VALUE; write it like use_dora=true"),
        (("--method", "vera", "--alpha", "3"), "has no alpha"),
        (("--method", "lora", "--alpha", "-3"), "--alpha"),
        (("--set", "use_dora=maybe"), "use_dora is 'maybe'; it must be true or false"),
    ],
)
def test_what_a_method_does_not_take_is_refused(arguments: tuple[str, ...], reason: str) -> None:
    """With the value and the limit."""
    assert reason in refusal("count", "-d", "8", "-h", "8", "-r", "2", *arguments)


def test_a_config_of_another_method_contradicts(tmp_path: Path) -> None:
    """`--method` may say again what the file says, and nothing else."""
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({"peft_type": "VERA", "r": 4, "target_modules": ["q_proj"]}))
    count = ("count", "--model", "llama-3.2-1b", "--adapter", str(path), "--field", "method")
    assert answer(*count, "--method", "vera") == answer(*count) == "vera\n"
    assert "peft_type is 'VERA', and --method is 'lora'" in refusal(*count, "--method", "lora")


def test_a_rank_pattern_of_a_method_that_has_none_is_refused(tmp_path: Path) -> None:
    """PEFT would drop it when it reads the file, and the count would be another than meant."""
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({"peft_type": "VERA", "target_modules": ["q_proj"], "rank_pattern": {"q_proj": 4}}))
    assert "has no rank_pattern" in refusal("count", "--model", "llama-3.2-1b", "--adapter", str(path))


def test_a_config_counts_on_one_matrix_too(tmp_path: Path) -> None:
    """The matrix is one of its targets, and not the module that it copies."""
    path = tmp_path / "adapter_config.json"
    path.write_text(
        json.dumps(
            {
                "peft_type": "LORA",
                "r": 4,
                "target_modules": ["q_proj"],
                "modules_to_save": ["lm_head"],
                "use_dora": True,
            }
        )
    )
    assert answer("count", "-d", "8", "-h", "8", "--adapter", str(path), "--field", "trainable_params") == "72\n"


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (("--method", "dora", "-r", "4", "--target", "q_proj,v_proj"), 5520),
        (("--method", "ia3", "--target", "k_proj", "--set", "feedforward_modules=[]"), 392),
    ],
)
def test_an_adapter_may_be_saved_in_another_type(tmp_path: Path, options: tuple[str, ...], size: int) -> None:
    """As PEFT 0.21.2 wrote it from this model in bfloat16, with autocast_adapter_dtype=False."""
    config = llama(dtype="bfloat16", intermediate_size=96, num_key_value_heads=2, vocab_size=50)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    count = ("count", "--model", str(path), *options, "--field", "adapter_bytes")
    assert int(answer(*count, "--adapter-dtype", "bfloat16")) == size
    assert int(answer(*count)) > size


def test_a_type_that_is_none_is_refused() -> None:
    """With what there is."""
    line = refusal("count", "-d", "8", "-h", "8", "-r", "2", "--adapter-dtype", "int8")
    assert "--adapter-dtype: 'int8' is not known; choose from: float64, float32, float16, bfloat16" in line


def test_a_rank_may_be_set_as_any_field() -> None:
    """And a wrong one is named as the field that it is."""
    assert answer("count", "-d", "64", "-h", "64", "--set", "r=4", "--field", "trainable_params") == "512\n"
    assert "r is 0; it must be a whole number from 1" in refusal("count", "-d", "64", "-h", "64", "--set", "r=0")


def test_loras_own_fields_are_listed() -> None:
    """With PEFT's defaults, though no declaration reads them one by one."""
    fields = {
        row["field"]: row["default"] for row in json.loads(answer("methods", "lora", "--format", "json"))["fields"]
    }
    assert (fields["lora_alpha"], fields["use_dora"], fields["init_lora_weights"]) == (8, False, True)


def test_defaults_are_shown_as_they_are_set() -> None:
    """True is the start that PEFT calls True, and null is not the text none."""
    shown = {line.split()[0]: line.split()[1] for line in answer("methods", "lora").splitlines() if line}
    assert [shown[field] for field in ("init_lora_weights", "use_dora", "bias", "target_modules")] == [
        *("true", "false", "none", "null")
    ]
    for field in ("init_lora_weights", "use_dora", "bias", "target_modules"):
        assert answer("count", "gpt2", "--set", f"{field}={shown[field]}", "--field", "r") == "8\n"


def test_a_start_that_is_not_known_is_answered_with_those_that_are() -> None:
    """PEFT's own names."""
    assert refusal("count", "gpt2", "--set", "init_lora_weights=pisa").endswith("did you mean pissa?\n")
    said = refusal("count", "gpt2", "--set", "init_lora_weights=yes")
    assert "choose from: true, false, gaussian, pissa, olora, loftq, mica, orthogonal, corda, eva, lora_ga" in said


def test_names_that_are_set_as_a_text_are_answered_with_what_takes_names() -> None:
    """A text is a regular expression to PEFT, which no whole name matches."""
    said = refusal("count", "llama-3.2-1b", "--set", "target_modules=q_proj,v_proj")
    assert 'names are given by -t/--target q_proj,v_proj, or as a list, target_modules=["q_proj", "v_proj"]; ' in said
    with_list = ("--set", 'target_modules=["q_proj", "v_proj"]')
    assert answer("count", "llama-3.2-1b", *with_list) == answer("count", "llama-3.2-1b", "-t", "q_proj,v_proj")


def test_a_sweep_sets_fields_of_the_methods_that_have_them() -> None:
    """AdaLoRA needs total_step, OFT takes a block size, LoRA has neither; a method without a rank stands once."""
    done = run(
        *("sweep", "--model", "llama-3.2-1b", "-r", "4,8", "--method", "lora,adalora,oft"),
        *("--set", "total_step=10", "--set", "oft_block_size=8", "--format", "csv"),
    )
    rows = [row.split(",") for row in done.stdout.splitlines()[1:]]
    assert [(row[2], row[3]) for row in rows] == [("lora", "4"), ("lora", "8"), ("adalora", "12"), ("oft", "")]
    # By hand, 16 layers of 2048 to 2048 and to 512: AdaLoRA trains 12 (d + h + 1), OFT 256 blocks of 8 * 7 / 2.
    sums = [4 * (4096 + 2560), 8 * (4096 + 2560), 12 * (4097 + 2561), 2 * 256 * 28]
    assert [int(row[6]) for row in rows] == [16 * params for params in sums]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "nope=1", "-r", "4"], "has no field 'nope'"),
        (["--set", "r=4", "-r", "4"], "r is an axis of a sweep"),
        (["--method", "ia3,lora"], "-r/--rank is missing"),
    ],
)
def test_a_sweep_refuses_what_no_method_has(arguments: list[str], said: str) -> None:
    """One line says so."""
    done = run("sweep", "-d", "64", "--square", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_a_sweep_of_methods_without_a_rank_asks_for_none() -> None:
    """Each is counted once."""
    done = run("sweep", "-d", "64", "--square", "--method", "ia3,oft", "--field", "method")
    assert (done.returncode, done.stdout.split()) == (0, ["ia3", "oft"])


@pytest.mark.parametrize(
    ("method", "fix"),
    [
        *((name, ["num_virtual_tokens=20"]) for name in ("prompt_tuning", "prefix_tuning", "p_tuning", "cartridge")),
        ("multitask_prompt_tuning", ["num_virtual_tokens=20"]),
        ("adaption_prompt", ["adapter_len=10", "adapter_layers=8"]),
        ("adalora", ["total_step=1000"]),
        ("cpt", ["task_type=CAUSAL_LM"]),
    ],
)
def test_a_size_that_is_missing_is_answered_with_the_option_that_sets_it(method: str, fix: list[str]) -> None:
    """As it is typed; it is enough."""
    options = [word for field in fix for word in ("--set", field)]
    count = ("count", "gpt2", "--method", method)
    assert f"{' '.join(options)}\n" in refusal(*count)
    assert run(*count, *options).returncode == 0
