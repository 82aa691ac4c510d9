"""`lora-cli forward` on the files of a trained adapter."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from adapter_files import pair, write_adapter, write_arrays
from program import run

from lora_cli.analysis.forward.forward import TRAINED_FIELDS

RNG = np.random.default_rng(2)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[str, ...]:
    """Return the options for an adapter of two modules."""
    names = ("model.q_proj", "model.k_proj")
    arrays = {f"{name}.weight": RNG.standard_normal((8, 6)).astype(np.float32) for name in names}
    write_arrays(tmp_path / "model.safetensors", arrays)
    factors = {}
    for name in names:
        factors |= pair(name, *(RNG.standard_normal(shape).astype(np.float32) for shape in ((4, 6), (8, 4))))
    adapter = write_adapter(tmp_path / "adapter", factors)
    return ("forward", "--weights", str(tmp_path), "--adapter", adapter, "--module", "q_proj")


def test_a_stored_pass_has_its_fields(stored: tuple[str, ...]) -> None:
    """JSON has the fields, shapes and samples; the same command gives the same again."""
    done = run(*stored, "--dtype", "bfloat16", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    (record,) = answer["results"]
    assert tuple(record) == TRAINED_FIELDS
    assert (record["module"], record["d"], record["h"], record["r"], record["scaling"]) == ("model.q_proj", 6, 8, 4, 2)
    assert 90 < record["percent_survived"] < 100
    assert answer["shapes"]["W"] == [6, 8]
    assert run(*stored, "--dtype", "bfloat16", "--format", "json").stdout == done.stdout


@pytest.mark.parametrize("format", ["table", "plain", "json", "ndjson", "csv", "markdown"])
def test_every_format_shows_it(stored: tuple[str, ...], format: str) -> None:
    """The share is in each."""
    shown = run(*stored, "--dtype", "bfloat16", "--format", format)
    assert shown.returncode == 0
    assert "survived" in shown.stdout


def test_a_field_prints_alone(stored: tuple[str, ...]) -> None:
    """Raw, and a field of the other pass is refused before anything is run."""
    value = run(*stored, "--field", "percent_survived").stdout
    assert 99.99 < float(value) <= 100
    done = run(*stored, "--field", "init")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    "more",
    [("-d", "6"), ("-h", "8"), ("-r", "4"), ("--alpha", "8"), ("--init", "zero"), ("--init", "random")],
)
def test_what_the_files_say_is_not_said_again(stored: tuple[str, ...], more: tuple[str, ...]) -> None:
    """The line names the option."""
    done = run(*stored, *more)
    assert done.returncode == 2
    assert more[0] in done.stderr
    assert "drop one of them" in done.stderr


@pytest.mark.parametrize("left", ["--weights", "--adapter", "--module"])
def test_the_three_go_together(stored: tuple[str, ...], left: str) -> None:
    """The line names the one that is missing."""
    at = stored.index(left)
    done = run(*stored[:at], *stored[at + 2 :])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lora-cli: error: {left} is missing")


@pytest.mark.parametrize("option", ["-d", "-h", "-r"])
def test_a_random_pass_still_needs_its_sizes(option: str) -> None:
    """One line says what both kinds take."""
    sizes = {"-d": "8", "-h": "8", "-r": "2"}
    done = run("forward", *(part for name, value in sizes.items() if name != option for part in (name, value)))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{option}/--" in done.stderr
    assert "is missing" in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--module", "x_proj"),
        ("--module", "\x1b[31m" * 200),
        ("--adapter", "missing"),
        ("--weights", "missing.safetensors"),
        ("--weights", ""),
        ("--weights", ":"),
        ("--weights", "a" * 5000 + ":w"),
        ("--batch", "0"),
        ("--dtype", "int8"),
        ("--seed", "-1"),
    ],
)
def test_bad_input_is_one_line(stored: tuple[str, ...], option: str, value: str) -> None:
    """Exit code 2, nothing on stdout."""
    given = [*stored]
    if option in given:
        given[given.index(option) + 1] = value
    else:
        given += [option, value]
    done = run(*given)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("lora-cli: error: ")
    assert done.stderr.rstrip("\n").isprintable()
    assert len(done.stderr) < 500
