"""Help and version."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import example
import pytest
from program import run
from typer.main import get_command

import lora_cli
from lora_cli.cli.application import application
from lora_cli.cli.help_text import GROUPS
from lora_cli.cli.registry import command_names, fields_of
from lora_cli.methods.registry import method_named


@pytest.mark.parametrize("command", command_names())
def test_every_command_has_help_with_examples_that_run(command: str, tmp_path: Path) -> None:
    """Help opens with one sentence, and each of its examples is answered where README's folders are."""
    example.write(tmp_path)
    shown = run(command, "--help").stdout
    assert re.search(r"^  [A-Z][^.]*\.$", shown, re.MULTILINE)
    examples = re.findall(rf"^ +lora-cli ({command} .*)$", shown, re.MULTILINE)
    assert len(examples) >= 2
    for line in examples:
        assert run(*shlex.split(line), cwd=tmp_path).returncode == 0


def test_help_lists_the_commands() -> None:
    """The first screen names every command, whole."""
    shown = run("--help").stdout
    for command in command_names():
        assert re.search(rf"^  {command} +[A-Z][^.]*\.$", shown, re.MULTILINE)


def test_the_version_is_the_packages() -> None:
    """--version prints the name and the version, and so does -V."""
    assert run("--version").stdout == run("-V").stdout == f"lora-cli {lora_cli.__version__}\n"


@pytest.mark.parametrize("command", ["", *command_names()])
@pytest.mark.parametrize("columns", [80, 100, 1000])
def test_help_is_as_wide_as_the_terminal_up_to_100_columns(command: str, columns: int) -> None:
    """No line is wider, and no term is torn apart."""
    shown = run(*command.split(), "--help", env={"COLUMNS": str(columns)}).stdout
    assert max(map(len, shown.splitlines())) <= min(columns, 100)
    assert not re.search(r"\[default:$|-$|\s[*/+=]$", shown, re.MULTILINE)
    assert shown.isascii()


@pytest.mark.parametrize("command", command_names())
def test_help_has_two_columns_and_whole_words(command: str) -> None:
    """No option's text is pushed below its name, and no word is torn apart at the end of a line."""
    narrow, wide = (run(command, "--help", env={"COLUMNS": columns}).stdout for columns in ("80", "100"))
    assert not re.search(r"^ +(-\w, )? *--?\w[^ ]*( [^ ]+)?$", narrow.partition("\n\n  ")[2], re.MULTILINE)
    assert narrow.split() == wide.split()


@pytest.mark.parametrize("name", ["kbit-prepare", "checkpointing", "padded", "autocast", "logits-kept"])
def test_of_a_pair_help_shows_both_options(name: str) -> None:
    """And both are taken, as one wins over what a recipe says and the other over the default."""
    shown = run("memory", "--help").stdout
    assert f"--[no-]{name}  " in shown
    assert "-d and -h" not in shown
    for option in (f"--{name}", f"--no-{name}"):
        done = run("memory", "gpt2", "-r", "8", "--quantize", "nf4", option, "--field", "peak_bytes")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["", *command_names()])
def test_help_is_shown_on_the_smallest_terminal(command: str) -> None:
    """20 columns hold no help, but break none."""
    done = run(*command.split(), "--help", env={"COLUMNS": "20", "TERM": "dumb"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "--help" in done.stdout


@pytest.mark.parametrize("command", command_names())
def test_examples_come_first_and_options_are_in_groups(command: str) -> None:
    """One sentence, examples, an explanation, and what is adapted before how and how before what is shown."""
    shown = run(command, "--help").stdout
    headings = re.findall(r"^ *(\w+):$", shown, re.MULTILINE)
    assert headings[0] == "Examples"
    assert headings[1:] == [group for group in GROUPS if group in headings]
    assert headings[-1] == "Output"


@pytest.mark.parametrize("command", command_names())
def test_help_ends_with_the_fields_of_the_records(command: str) -> None:
    """All that --field takes, each once."""
    _, _, fields = run(command, "--help").stdout.partition("\nFields for --field:\n")
    assert re.split(r",\s+", fields.strip()) == list(fields_of(command))


def test_help_says_which_rank_is_taken_without_one() -> None:
    """The default of LoRA's own, and where those of the other methods are."""
    for command in ("count", "sweep", "fit", "check", "memory", "explain"):
        shown = " ".join(run(command, "--help").stdout.split())
        (default,) = re.findall(r"\[default: PEFT's.*?, e.g. (\d+) for lora\]", shown)
        assert int(default) == method_named("lora").rank
        assert run("count", "gpt2", "--field", "r").stdout == f"{default}\n"


def test_every_option_says_what_it_is_about() -> None:
    """Where it is declared; only --help is Typer's own."""
    for command in command_names():
        for option in get_command(application(command)).params:
            assert option.rich_help_panel in GROUPS, f"{command} {option.name}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("arguments", [(), ("-h",)])
def test_the_program_alone_shows_help(arguments: tuple[str, ...]) -> None:
    """On stdout, as what was asked for."""
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, run("--help").stdout, "")


def test_the_word_help_shows_help() -> None:
    """Of the program, or of the command behind it."""
    assert run("help").stdout == run("--help").stdout
    assert run("help", "count").stdout == run("count", "--help").stdout
    assert "'cuont' is not a command; did you mean count?" in run("help", "cuont").stderr
    assert run("help", "count", "extra").stderr.endswith("'extra' is one word too many\n")


@pytest.mark.parametrize("command", ["check", "fit", "forward", "count", "sweep"])
def test_h_is_the_outputs_where_there_is_a_matrix(command: str) -> None:
    """A value that is missing is said, not taken for help."""
    done = run(command, "-h")
    assert done.returncode == 2
    assert "-h is the number of outputs of the matrix, as in the literature, and needs a value" in done.stderr
    assert f"for help, type `lora-cli {command} --help`" in done.stderr


@pytest.mark.parametrize("command", ["inspect", "models", "methods"])
def test_h_is_help_where_there_is_no_matrix(command: str) -> None:
    """As people expect."""
    assert run(command, "-h").stdout == run(command, "--help").stdout


def test_the_model_is_the_argument_of_a_command() -> None:
    """As good as -m, and not beside it; a sweep takes several."""
    field = ("-t", "c_attn", "-r", "8", "--field", "trainable_params")
    assert run("count", "gpt2", *field).stdout == run("count", "-m", "gpt2", *field).stdout == "294912\n"
    assert run("sweep", "gpt2", "gpt2-medium", *field).stdout.splitlines() == ["294912", "786432"]
    assert run("fit", "gpt2", "--max-params", "1M", "--field", "r").stdout == "27\n"
    assert "SOURCE 'gpt2' conflicts with -m/--model" in run("count", "gpt2", "-m", "gpt2", "-r", "8").stderr


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("fit gpt2 --max-params 1M -r 8", "-r/--rank is what a fit searches for; leave it out, or give --knob"),
        ("fit gpt2 --max-params 1M --rank=8", "-r/--rank is what a fit searches for"),
        ("count gpt2 --max-params 5", "count has no option --max-params; sweep, fit, check have it"),
        ("models --spectrum", "models has no option --spectrum; inspect has it"),
        ("count gpt2 --rnk 8", "did you mean --rank?"),
        (
            "-d 8 -h 8",
            "the command before -d is missing; did you mean count, forward, sweep, fit or check, e.g. `lora-cli count -d 8 -h 8`?",
        ),
        ("-h 8 -d 8", "the command before -h is missing"),
        (
            "--offline count gpt2",
            "the command before --offline is missing; did you mean `lora-cli count --offline gpt2`?",
        ),
        ("-d8", "the command before -d is missing"),
        ("--max-params=5 gpt2", "did you mean sweep, fit or check, e.g. `lora-cli sweep --max-params=5 gpt2`?"),
        ("--verison", "did you mean --version?"),
        (f"-d {'9' * 5000}", "e.g. `lora-cli count -d ...`?"),
        ("-m gpt2 --gpu 4090", "did you mean sweep, fit, check or memory, e.g. `lora-cli sweep -m gpt2 --gpu 4090`?"),
        ("-1 gpt2", "'-1' is not a command; choose from: count"),
        ("--unknown", "lora-cli has no option --unknown; see lora-cli --help"),
        ("inspect", "inspect needs a PATH; see lora-cli inspect --help"),
        ("-v", "lora-cli has no option -v; did you mean -V?"),
        ("version", "'version' is an option; did you mean `lora-cli --version`?"),
        ("gpt2 -r 8", "the command before 'gpt2' is missing; did you mean count, sweep, fit or memory, e.g. `lora-cli"),
        ("gpt2 --unknown", "the command before 'gpt2' is missing; did you mean count,"),
        ("org/name --gpu 4090", "did you mean sweep, fit or memory, e.g. `lora-cli sweep org/name --gpu 4090`?"),
        ("my-adapter --spectrum", "did you mean `lora-cli inspect my-adapter --spectrum`?"),
        ("base", "the command before 'base' is missing; did you mean count"),
        ("count 1024 1024 32", "'1024 32' belongs to no option; the sizes of a matrix are given like -d 1024 -h 1024"),
        ("count gpt2 gpt2-medium", "count takes one SOURCE, and 'gpt2-medium' is one too many; `lora-cli sweep` takes"),
        ("cards rtx unknown", "no known card matches 'rtx unknown'; "),
        (
            "count gpt2 -t c_attn c_proj",
            "'c_proj' is one too many; several values of an option have commas between them",
        ),
        ("methods lora dora", "methods takes one NAME, and 'dora' is one too many; see lora-cli methods --help"),
        ("forward gpt2", "forward takes only options, and 'gpt2' is none; see lora-cli forward --help"),
        ("count gpt2 -R 8", "count has no option -R; did you mean -r?"),
        ("count gpt2 --lora-r 8", "count has no option --lora-r; did you mean -r?"),
        ("fit gpt2 --lora_alpha=8", "fit has no option --lora_alpha; did you mean --alpha?"),
        ("sweep gpt2 --target-modules c_fc", "sweep has no option --target-modules; did you mean --target?"),
        ("count gpt2 --use-dora", "count has no option --use-dora; did you mean --set use_dora=true?"),
        ("count -m gpt2 --use_dora", "count has no option --use_dora; did you mean --set use_dora=true?"),
        (
            "count gpt2 --modules-to-save x",
            "has no option --modules-to-save; did you mean --set modules_to_save=VALUE?",
        ),
        ("count gpt2 --rslora", "count has no option --rslora; did you mean --method rslora?"),
        ("fit gpt2 --pissa", "fit has no option --pissa; did you mean --set init_lora_weights=pissa?"),
        ("count gpt2 --method loftq", "is lora with another start of A and B, which trains the same parameters; give"),
        ("methods zz*", "method 'zz*' is not known; `lora-cli methods` lists all methods"),
        ("vram gpt2", "'vram' is not a command; did you mean memory?"),
        ("list", "'list' is not a command; did you mean models?"),
        ("memory gpt2 --qlora", "did you mean --quantize nf4?"),
        ("count gpt2 --qlora", "did you mean --method lora?"),
        ("memory gpt2 --grad_accum 4", "did you mean --accumulate?"),
        ("memory gpt2 --seq-length 512", "did you mean --seq?"),
        ("count mamba-2.8b", "models of type mamba are counted by their config.json, or by a name on the Hub"),
        ("count gpt2 --fields r", "did you mean --field?"),
        ("count gpt2 --field trainable", "is not a field of count; did you mean trainable_params?"),
        ("memory gpt2 --4bit", "memory has no option --4bit; did you mean --quantize nf4?"),
        ("count --version", "count has no option --version; did you mean `lora-cli --version`?"),
        ("memory gpt2 --precision bf16", "memory has no option --precision; did you mean --dtype?"),
        ("count gpt2 --taget x", "count has no option --taget; did you mean --target?"),
    ],
)
def test_what_is_in_the_wrong_place_gets_an_answer_that_helps(line: str, answer: str, tmp_path: Path) -> None:
    """Which commands have it, what the command does instead, or that the command is missing."""
    example.write(tmp_path)
    done = run(*line.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert answer in done.stderr


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (
            ("-d", "8", "-h", "8", "-r", "8,16"),
            "-r/--rank: '8,16' is not a whole number; give one, or use `lora-cli sweep`",
        ),
        (("gpt2", "-r", "4", "--method", "lora,dora"), "compare several with `lora-cli sweep`"),
        (("gpt2", "-r", "4", "--method", "full"), "and `lora-cli memory` what it takes"),
        (
            ("gpt2", "-r", "4", "--method", "QLoRA"),
            "'QLoRA' is lora on a base model in 4 bits, which trains the same parameters; give --method lora",
        ),
        (("-d", "-h", "1024", "-r", "4"), "-d/--in-features has no value: -h follows it at once"),
        (("gpt2", "-r", "4", "-t", "all_linear"), "did you mean all-linear?"),
        (
            ("gpt2", "-r", "4", "--set", "modules_to_sav=x"),
            "has no field 'modules_to_sav'; did you mean modules_to_save?",
        ),
    ],
)
def test_what_people_type_gets_an_answer_that_helps(arguments: tuple[str, ...], answer: str) -> None:
    """In one line."""
    assert answer in run("count", *arguments).stderr
