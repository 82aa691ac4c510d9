"""Options given twice: targets add up, a few options repeat, and any other is refused by its name."""

from __future__ import annotations

import json

import pytest
from program import run

from lora_cli.cli.application import application
from lora_cli.cli.registry import command_names

MATRIX = ("-d", "64", "-h", "64", "-r", "8")
MODEL = ("--model", "llama-3.2-1b", "-r", "8")
# The options that may be repeated, in the commands that have them.
LISTS = {
    "count": {"target", "settings"},
    "check": {"target", "settings", "fail_on", "ignore"},
    "explain": {"target", "settings"},
    "fit": {"target", "settings"},
    "memory": {"target", "settings", "adapter"},
    "sweep": {"model", "target", "settings"},
}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("count", *MATRIX, "-r", "16"), "-r/--rank is given twice: '8', '16'"),
        (("count", *MATRIX, "--rank=16"), "-r/--rank is given twice: '8', '16'"),
        (("count", *MATRIX, "-r16", "-r4"), "-r/--rank is given twice: '8', '16', '4'"),
        (("count", *MATRIX, "-d", "64"), "-d/--in-features is given twice: '64', '64'"),
        (("count", *MODEL, "--model", "gpt2"), "--model is given twice: 'llama-3.2-1b', 'gpt2'"),
        (("count", *MATRIX, "--format", "csv", "--format", "json"), "--format is given twice: 'csv', 'json'"),
        (("count", *MATRIX, "--format", "csv", "--json"), "--format/--json is given twice: 'csv', 'json'"),
        (("count", *MATRIX, "--format", "auto", "--json"), "--format/--json is given twice: 'auto', 'json'"),
        (("count", *MATRIX, "--json", "--json"), "--json is given twice: keep"),
        (("count", *MATRIX, "--field", "r", "--field", "d"), "--field is given twice: 'r', 'd'"),
        (("sweep", "-d", "8", "--square", "-r", "4", "--square"), "--square is given twice: keep"),
        (("sweep", "-d", "8", "--square", "-r", "4", "-r", "8"), "-r/--rank is given twice: '4', '8'"),
        (("check", *MATRIX, "--max-params", "5", "--max-params", "9K"), "--max-params is given twice: '5', '9K'"),
        (("forward", *MATRIX, "--seed", "1", "--seed", "1"), "--seed is given twice: '1', '1'"),
        (
            ("fit", *MATRIX[:4], "--max-params", "9K", "-o", "a", "--output", "b"),
            "-o/--output is given twice: 'a', 'b'",
        ),
        (("models", "--color", "never", "--color", "always"), "--color is given twice"),
    ],
)
def test_an_option_given_twice_is_refused_by_name(arguments: tuple[str, ...], said: str) -> None:
    """Both spellings of an option are one, and so are a flag and what it is short for."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("command", command_names())
def test_only_lists_are_repeated(command: str) -> None:
    """What a command takes several times is written down here."""
    from typer.main import get_command

    options = [each for each in get_command(application(command)).params if each.param_type_name == "option"]
    assert {each.name for each in options if each.multiple} == LISTS.get(command, set())


@pytest.mark.parametrize("command", ["count", "check", "fit"])
def test_targets_add_up(command: str) -> None:
    """Two targets count as the list of both does, and a target that both list counts once."""
    limits = {"count": ("-r", "8"), "check": ("-r", "8", "--max-params", "1"), "fit": ("--max-params", "1M")}[command]
    field = "value" if command == "check" else "trainable_params"
    model = (command, "--model", "llama-3.2-1b", *limits, "--field", field)
    together = run(*model, "--target", "q_proj,v_proj").stdout
    assert together.strip().isdigit()
    assert run(*model, "--target", "q_proj", "--target", "v_proj").stdout == together
    assert run(*model, "--target", "q_proj", "--target", "v_proj, q_proj").stdout == together
    assert run(*model, "--target", "v_proj").stdout != together


@pytest.mark.parametrize("other", ["all-linear", "All-Linear", ".*v_proj", "q_proj|v_proj", "mlp[0]"])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_not_a_list_of_names_adds_to_nothing(other: str, first: bool) -> None:
    """A regular expression cannot be joined with names, and all-linear would swallow them."""
    targets = (other, "q_proj") if first else ("q_proj", other)
    done = run("count", *MODEL, "--target", targets[0], "--target", targets[1])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"-t/--target: '{other}' adds to no other -t/--target" in done.stderr


def test_each_target_of_a_sweep_is_a_point() -> None:
    """There a target is an axis."""
    rows = run("sweep", *MODEL, "--target", "q_proj", "--target", "all-linear", "--field", "target").stdout
    assert rows == "q_proj\nall-linear\n"


def test_json_is_short_for_its_format() -> None:
    """The same document."""
    short = run("count", *MATRIX, "--json").stdout
    assert short == run("count", *MATRIX, "--format", "json").stdout
    assert json.loads(short)["command"] == "count"


def test_several_fields_have_tabs_between() -> None:
    """In the order in which they are asked for, a line for each record, an unknown value empty."""
    assert run("count", *MATRIX, "--field", "trainable_params,r, method").stdout == "1024\t8\tlora\n"
    sweep = ("sweep", "-d", "8", "-h", "8", "-r", "1,2")
    assert run(*sweep, "--field", "r,trainable_params").stdout == "1\t16\n2\t32\n"
    assert run("count", *MATRIX, "--method", "ia3", "--field", "r,d").returncode == 2
    done = run("count", *MATRIX, "--field", "r,trainable")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'trainable' is not a field of count; did you mean" in done.stderr


def test_fields_choose_the_columns_of_a_format() -> None:
    """In the order in which they are asked for, by the names that the format has without them."""
    sweep = ("sweep", "-d", "8", "-h", "8", "-r", "1,2", "--field", "trainable_params,r")
    assert run(*sweep, "--format", "csv").stdout == "trainable_params,r\n16,1\n32,2\n"
    assert (
        run(*sweep, "--format", "ndjson").stdout
        == '{"trainable_params": 16, "r": 1}\n{"trainable_params": 32, "r": 2}\n'
    )
    assert json.loads(run(*sweep, "--json").stdout)["results"][1] == {"trainable_params": 32, "r": 2}
    assert run(*sweep, "--format", "markdown").stdout.startswith("| trainable_params | r |\n")
    assert run(*sweep, "--format", "plain").stdout == "16\t1\n32\t2\n"
    assert run("count", *MATRIX, "--field", "r,r", "--json").stdout.count('"r"') == 1
    refused = run(*sweep, "--format", "table")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--field chooses columns of csv, json, markdown or ndjson, not of table" in refused.stderr


def test_chosen_fields_of_verdicts_change_no_exit_code() -> None:
    """A limit that does not hold is told as without them."""
    done = run("check", *MATRIX, "--max-params", "3", "--field", "rule,passed", "--format", "markdown")
    assert (done.returncode, done.stdout) == (1, "| rule | passed |\n| --- | --- |\n| max-params | no |\n")
    assert "check failed: max-params" in done.stderr
