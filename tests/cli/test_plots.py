"""`--plot` as a user runs it: where the plot and the records go, what is refused, and that nothing is half written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import example
import pytest
from program import PROGRAM, environment, run

SWEEP = ("sweep", "gpt2", "-r", "4,8,16")


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_the_records_go_to_stdout_and_the_plot_into_its_file(kind: str, tmp_path: Path) -> None:
    """As they would without it."""
    path = tmp_path / f"ranks.{kind}"
    done = run(*SWEEP, "--plot", str(path), "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(*SWEEP, "--format", "csv").stdout
    assert path.read_bytes()[:5] in {b"<?xml", b"\x89PNG\r", b"%PDF-"}
    assert os.listdir(tmp_path) == [path.name]


def test_a_drawing_takes_the_place_of_the_records() -> None:
    """On standard output, in 80 columns where it is not a terminal."""
    done = run(*SWEEP, "--plot", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "trainable parameters" in done.stdout
    assert "adapted_modules" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_records_beside_a_drawing_go_into_a_file(tmp_path: Path) -> None:
    """And only there: in a stream they would be in the way of each other."""
    done = run(*SWEEP, "--plot", "-", "-o", "rows.csv", cwd=tmp_path)
    assert "trainable parameters" in done.stdout
    assert (tmp_path / "rows.csv").read_text() == run(*SWEEP, "--format", "csv").stdout
    for options in (["--json"], ["--format", "table"], ["--field", "r"]):
        done = run(*SWEEP, "--plot", "-", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--plot - draws on standard output, where the records would go; give --output FILE" in done.stderr


def test_a_screen_without_unicode_gets_ascii() -> None:
    """Whatever the terminal can do."""
    done = run(*SWEEP, "--plot", "-", env={"PYTHONIOENCODING": "ascii", "TERM": "dumb"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert "+--" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*SWEEP, "--plot", "ranks.sgv"), "'ranks.sgv' does not end in .svg, .png or .pdf; did you mean .svg?"),
        ((*SWEEP, "--plot", "ranks"), "'ranks' does not end in .svg, .png or .pdf; choose from: .svg, .png, .pdf"),
        ((*SWEEP, "--plot", ""), "'' does not end in .svg"),
        ((*SWEEP, "--plot", "x" * 10_000), "(10000 characters) does not end in .svg"),
        ((*SWEEP, "--plot", "\x1b[31m.svgz"), r"'\x1b[31m.svgz' does not end in .svg"),
        ((*SWEEP, "--plot", "x" * 300 + ".svg"), "cannot write"),
        ((*SWEEP, "--plot", "missing/ranks.svg"), "cannot write 'missing/ranks.svg': No such file or directory"),
        ((*SWEEP, "--plot", "folder.svg"), "cannot write 'folder.svg': Is a directory"),
        ((*SWEEP, "--plot", "a.svg", "--plot", "b.svg"), "--plot is given twice"),
        ((*SWEEP, "--plot", "-", "--plot", "-"), "--plot is given twice"),
        ((*SWEEP, "--plot", "--json"), "--plot has no value"),
        ((*SWEEP, "--plot", "a.svg", "-o", "./a.svg"), "--plot and --output are both 'a.svg'"),
        ((*SWEEP, "--max-params", "1", "--plot", "a.svg"), "--plot: there is nothing to draw"),
        (
            ("sweep", "-d", "8", "-h", "8", "-r", "1:1000000", "--plot", "a.svg", "--format", "csv"),
            "more than the 5,000",
        ),
        (("sweep", "-d", "8:32", "-h", "8", "-r", "1:30", "--plot", "-"), "25 lines are more than the 20"),
        (("fit", "gpt2", "--max-params", "1M", "--plot", "a.svg"), "--plot compares methods; give --method several"),
        (("inspect", "my-adapter", "--plot", "a.svg"), "--plot draws the spectrum; give --spectrum too"),
        (
            ("memory", "base", "--serve", "2", "--plot", "-"),
            "--plot draws the step of a training, and --serve has none",
        ),
        (("count", "gpt2", "--plot", "-"), "count has no option --plot; sweep, fit, inspect, memory have it"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """In one line, with exit code 2, and nothing written."""
    example.write(tmp_path)
    (tmp_path / "folder.svg").mkdir()
    before = sorted(os.listdir(tmp_path))
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert sorted(os.listdir(tmp_path)) == before


def test_an_input_is_not_replaced(tmp_path: Path) -> None:
    """Not even one whose name ends as a plot's does."""
    config = tmp_path / "config.svg"
    example.write(tmp_path)
    shutil.copy(tmp_path / "base" / "config.json", config)
    before = config.read_bytes()
    done = run("sweep", str(config), "-r", "4,8", "--plot", str(config))
    assert done.returncode == 2
    assert "is an input of this command" in done.stderr
    assert config.read_bytes() == before


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    """Where the records cannot be written, neither is the plot; a reader who goes away takes nothing along."""
    path = tmp_path / "ranks.svg"
    path.write_text("before")
    done = run(*SWEEP, "--plot", str(path), "-o", "/dev/full")
    assert done.returncode == 2
    assert path.read_text() == "before"
    command = f"{PROGRAM} sweep -d 8 -h 8 -r 1:4000 --plot {path} --format csv | head -c 1"
    subprocess.run(["bash", "-c", command], env=environment(), check=True, capture_output=True, timeout=60)
    assert path.read_bytes().startswith(b"<?xml")
    assert path.read_bytes().endswith(b"</svg>\n")
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Before the records."""
    tmp_path.chmod(0o500)
    done = run(*SWEEP, "--plot", str(tmp_path / "a.svg"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "Permission denied" in done.stderr


def test_exit_codes_are_those_of_the_answer(tmp_path: Path) -> None:
    """A card that is too small is 1 with a plot of it, and an adapter that cannot be read 2 without one."""
    example.write(tmp_path)
    done = run("memory", "base", "-r", "8", "--vram", "1MB", "--plot", "a.svg", "--field", "fits", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "no\n")
    assert (tmp_path / "a.svg").exists()
    (tmp_path / "my-adapter" / "adapter_model.safetensors").write_bytes(b"broken")
    assert run("inspect", "my-adapter", "--spectrum", "--plot", "b.svg", cwd=tmp_path).returncode == 2
    assert not (tmp_path / "b.svg").exists()


def test_findings_are_said_beside_a_drawing(tmp_path: Path) -> None:
    """A drawing has none of them, so stderr does."""
    example.write(tmp_path)
    done = run("inspect", "broken", "--spectrum", "--plot", "-", cwd=tmp_path)
    assert "rank needed" in done.stdout
    assert "[missing-tensor]" in done.stderr


def test_a_file_without_the_library_says_how_to_get_it(tmp_path: Path) -> None:
    """At once; a drawing in the terminal needs none."""
    hidden = "import sys; sys.modules['matplotlib'] = None; from importlib import util; find = util.find_spec\n"
    hidden += "util.find_spec = lambda name, *rest: None if name == 'matplotlib' else find(name, *rest)\n"
    code = f"{hidden}from lora_cli.cli import main; sys.exit(main(sys.argv[1:]))"
    for target, code_wanted in ((str(tmp_path / "a.svg"), 2), ("-", 0)):
        command = [sys.executable, "-c", code, *SWEEP, "--plot", target]
        done = subprocess.run(
            command, env=environment(), capture_output=True, encoding="utf-8", check=False, timeout=60
        )
        assert done.returncode == code_wanted
        assert ("pip install 'lora-cli[plot]'" in done.stderr) == (code_wanted == 2)


def test_nothing_of_a_users_settings_changes_a_plot(tmp_path: Path) -> None:
    """No matplotlibrc, not even a broken one in the working folder, and no choice of a window."""
    plain = tmp_path / "plain.svg"
    run(*SWEEP, "--plot", str(plain))
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\nfont.size: banana\nbackend: nope\nsvg.fonttype: path\n")
    env = {"MPLBACKEND": "nope", "MATPLOTLIBRC": str(tmp_path), "XDG_CONFIG_HOME": "/missing"}
    done = run(*SWEEP, "--plot", "other.svg", "--field", "r", cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n8\n16\n", "")
    assert (tmp_path / "other.svg").read_bytes() == plain.read_bytes()


def test_a_hostile_name_of_a_file_is_text_in_the_plot(tmp_path: Path) -> None:
    """A folder called by a formula, a script or an escape sequence."""
    example.write(tmp_path)
    name = r"$\frac{a}{$<script>" + "\x1b[31m"
    (tmp_path / "base").rename(tmp_path / name)
    done = run("sweep", f"./{name}", "gpt2", "-r", "4,8", "--plot", "a.svg", "--field", "r", cwd=tmp_path)
    assert done.returncode == 0
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert r"$\frac{a}{$&lt;script&gt;\x1b[31m" in svg
    assert "<script" not in svg
