"""Where output goes and what it looks like there, from the real program."""

from __future__ import annotations

import json
import os
import re
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from program import PROGRAM, environment, run

MATRIX = ("count", "-d", "6", "-h", "8", "-r", "2")
GRID = ("sweep", "-d", "1:100000:1", "-h", "8", "-r", "2", "--format", "csv")


THROUGH_CAT = ("sh", "-c", '"$@" | cat', "sh")


def on_terminal(*arguments: str, width: int = 100, by: tuple[str, ...] = (), **env: str) -> str:
    """Return what the program writes to a terminal of that width; what it is started `by` comes before its name."""
    import fcntl
    import pty
    import struct
    import termios

    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    with subprocess.Popen(
        [*by, PROGRAM, *arguments], env=environment(TERM="xterm-256color", **env), stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        written = b""
        while True:
            try:
                chunk = os.read(main, 65536)
            except OSError:
                break
            if not chunk:
                break
            written += chunk
        process.wait()
    os.close(main)
    return written.decode()


def test_a_pipe_gets_plain_text() -> None:
    """Without a terminal there is no box, no colour and nothing cut."""
    done = run(*MATRIX)
    assert done.stdout.isascii()
    assert "trainable params   28\n" in done.stdout


def test_a_terminal_gets_a_table_and_a_picture() -> None:
    """On a terminal W, A and B are drawn beside the figures, in colour."""
    shown = on_terminal(*MATRIX)
    assert "█" in shown
    assert "\x1b[" in shown
    assert "58.3333 %" in shown


def test_a_message_on_a_terminal_is_broken_between_words() -> None:
    """Its lines after the first are indented, and a command in it stays whole; elsewhere it is one line."""
    wrong = ("count", "gpt2", "-r", "x")
    message = run(*wrong).stderr
    assert message.count("\n") == 1
    lines = on_terminal(*wrong, width=40).splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 40 for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join(map(str.strip, lines)) == message.strip()
    assert "`lora-cli models`" in on_terminal("count", "nothing-like-it", "-r", "1", width=60)


def test_a_list_in_a_note_has_a_line_for_each_part_on_a_terminal(tmp_path: Path) -> None:
    """What is read of a recipe; the note itself says how much, and what is not."""
    recipe = tmp_path / "sft.json"
    recipe.write_text('{"model_name_or_path": "gpt2", "use_peft": true, "lora_r": 4, "learning_rate": 1}')
    shown = on_terminal("count", "--recipe", str(recipe), width=500).splitlines()
    note = f"lora-cli: note: {recipe} is a recipe of TRL; 3 of its 4 fields are read; not needed: learning_rate"
    start = shown.index(note) + 1
    lines = ["model gpt2 (model_name_or_path)", "r 4 (lora_r)", "alpha 32 (TRL's default)"]
    lines.append("lora_dropout 0.05 (TRL's default)")
    assert shown[start : start + 4] == [f"    {line}" for line in lines]
    assert "    not needed: learning_rate" not in shown
    assert run("count", "--recipe", str(recipe)).stderr.splitlines() == [note]


@pytest.mark.parametrize(("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_a_non_empty_no_color_takes_colour_away(env: dict[str, str], colored: bool) -> None:
    """NO_COLOR counts when it is not empty."""
    assert ("\x1b[" in on_terminal(*MATRIX, **env)) is colored


def test_the_option_wins_over_no_color() -> None:
    """--color always colours, whatever else says no."""
    assert "\x1b[" in run(*MATRIX, "--format", "table", "--color", "always", env={"NO_COLOR": "1"}).stdout
    assert "\x1b[" not in on_terminal(*MATRIX, "--color", "never")


@pytest.mark.parametrize("name", ["FORCE_COLOR", "GITHUB_ACTIONS", "CLICOLOR_FORCE"])
@pytest.mark.parametrize("arguments", [(*MATRIX, "--format", "table"), ("count", "--help")])
def test_a_ci_job_gets_no_colour_into_its_files(name: str, arguments: tuple[str, ...]) -> None:
    """Variables that make other programs colour captured output do nothing here."""
    assert "\x1b" not in run(*arguments, env={name: "1"}).stdout


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_a_narrow_terminal_cuts_no_number(width: int) -> None:
    """Columns are left out and said to be, digits never."""
    shown = on_terminal("sweep", "-d", "8192", "-h", "8192", "-r", "16", width=width, NO_COLOR="1")
    assert "…" not in shown
    joined = "".join(shown.split())
    assert "262,144" in joined


@pytest.mark.parametrize(
    "env", [{"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "C"}]
)
def test_an_ascii_locale_gets_ascii(env: dict[str, str]) -> None:
    """Though Python writes UTF-8 in it where nothing forbids that."""
    done = run(*MATRIX, "--format", "table", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()


def test_json_is_one_object() -> None:
    """Version, command, results and the tensors behind them."""
    answer = json.loads(run(*MATRIX, "--format", "json").stdout)
    assert (answer["schema_version"], answer["command"], len(answer["results"])) == (1, "count", 1)
    assert answer["tensors"] == [
        {"name": "A", "shape": [2, 6], "params": 12},
        {"name": "B", "shape": [2, 8], "params": 16},
    ]


def test_forward_has_shapes_and_samples() -> None:
    """JSON says what is multiplied with what, and how both outputs begin."""
    answer = json.loads(run("forward", "-d", "6", "-h", "8", "-r", "2", "--batch", "3", "--format", "json").stdout)
    assert answer["shapes"] == {
        "W": [6, 8],
        "A": [2, 6],
        "B": [2, 8],
        "AB": [6, 8],
        "input": [3, 6],
        "output": [3, 8],
        "modified_output": [3, 8],
    }
    assert [len(answer["samples"][name]) for name in ("output", "modified_output")] == [4, 4]


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """--output writes what stdout would have had, and leaves no other file."""
    target = tmp_path / "count.json"
    assert run(*MATRIX, "--format", "json", "--output", str(target)).stdout == ""
    assert target.read_text() == run(*MATRIX, "--format", "json").stdout
    assert list(tmp_path.iterdir()) == [target]


def test_a_replaced_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    """The file behind a symbolic link is replaced, not the link."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    assert run(*MATRIX, "--field", "r", "-o", str(link)).returncode == 0
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode), link.is_symlink()) == ("2\n", 0o640, True)


def test_a_file_survives_a_write_that_fails_midway(tmp_path: Path) -> None:
    """A disk that fills up leaves the old file as it was, and nothing beside it."""
    target = tmp_path / "grid.csv"
    target.write_text("precious\n")
    limit = (4_000_000, 4_000_000)
    done = run(*GRID, "-o", str(target), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert target.read_text() == "precious\n"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_survives_an_interruption(tmp_path: Path) -> None:
    """Ctrl-C in the middle of --output leaves the old file, and nothing beside it."""
    target = tmp_path / "grid.csv"
    target.write_text("precious\n")
    endless = ("sweep", "-d", "1:1000000:1", "-h", "1:1000000:1", "-r", "2", "--format", "csv", "-o", str(target))
    with subprocess.Popen([PROGRAM, *endless], env=environment(), stderr=subprocess.PIPE) as process:
        while not list(tmp_path.glob("*.partial")):
            assert process.poll() is None
        process.send_signal(2)
        assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 130
    assert target.read_text() == "precious\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("path", ["missing/x", ".", "new/", "loop", "/dev/full", "pipe"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, path: str) -> None:
    """Missing folders, folders, full devices and pipes without a reader: one line, and no wait."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    done = run(*MATRIX, "-o", path, cwd=tmp_path, timeout=10)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "cannot write" in done.stderr


def test_a_bad_option_leaves_the_file_alone(tmp_path: Path) -> None:
    """Nothing is opened before the options are known to be right."""
    target = tmp_path / "new"
    assert run(*MATRIX, "--field", "nothing", "-o", str(target)).returncode == 2
    assert not target.exists()


def test_python_m_is_the_same_program() -> None:
    """`python -m lora_cli` answers like `lora-cli`."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lora_cli", *MATRIX], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == run(*MATRIX).stdout


def test_a_long_pass_shows_how_far_it_is() -> None:
    """A terminal sees a progress bar once a pass takes a second, and it is gone in the end."""
    shown = on_terminal("forward", "-d", "16384", "-h", "16384", "-r", "8", "--dtype", "float16", width=80)
    assert "━" in shown
    assert "━" not in shown.rsplit("\x1b[2K", 1)[-1]


def test_a_long_sweep_shows_how_far_it_is() -> None:
    """Unless its rows are seen as they come."""
    sweep = ("sweep", "gpt2", "-r", "8", "--memory", "--gpu", "4090", "--batch", "1:24")
    shown = on_terminal(*sweep)
    assert re.search("Replaying .*of 24|Replaying .*/24", shown)
    assert "Replaying" not in shown.rsplit("\x1b[2K", 1)[-1]
    for by in ((), THROUGH_CAT):
        assert "Replaying" not in on_terminal(*sweep, "--format", "csv", by=by)


def test_the_number_of_cores_changes_no_number() -> None:
    """One core and all cores give the same outputs, to the last digit."""
    arguments = ("forward", "-d", "3000", "-h", "3000", "-r", "8", "--format", "json")
    first = min(os.sched_getaffinity(0))
    alone = run(*arguments, preexec_fn=lambda: os.sched_setaffinity(0, {first}))
    assert alone.stdout == run(*arguments).stdout


def test_standard_output_can_be_named(tmp_path: Path) -> None:
    """/dev/stdout is where stdout goes: a pipe, or a file that is appended to and not replaced."""
    assert run(*MATRIX, "--field", "d", "-o", "/dev/stdout").stdout == "6\n"
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open("a") as file:
        run(*MATRIX, "--field", "d", "-o", "/dev/stdout", capture_output=False, stdout=file)
    assert log.read_text() == "before\n6\n"


def test_a_shells_process_substitution_is_written(tmp_path: Path) -> None:
    """-o >(command) gives the command what is written."""
    command = f"'{PROGRAM}' {' '.join(MATRIX)} --field d -o >(cat > got); while ! [ -s got ]; do sleep 0.1; done"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment(), timeout=20, check=True)
    assert (tmp_path / "got").read_text() == "6\n"


def test_chosen_fields_are_written_in_the_format_of_a_file(tmp_path: Path) -> None:
    """A bare number is not CSV."""
    target = tmp_path / "counts.csv"
    assert run(*MATRIX, "--field", "r,d", "-o", str(target)).returncode == 0
    assert target.read_text() == "r,d\n2,6\n"


@pytest.mark.parametrize("name", ["json", "csv", "ndjson", "markdown", "table", "plain"])
def test_a_file_is_not_called_as_a_format_by_mistake(tmp_path: Path, name: str) -> None:
    """Unless the name has a folder, or the format is said."""
    done = run(*MATRIX, "-o", name, cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert f"did you mean --format {name}? For a file of that name write ./{name}" in done.stderr
    assert run(*MATRIX, "-o", f"./{name}", cwd=tmp_path).returncode == 0
    assert run(*MATRIX, "-o", name, "--format", "csv", cwd=tmp_path).returncode == 0
    assert (tmp_path / name).read_text().startswith("method,d,h,r,")


def test_an_ending_that_asks_for_verdicts_is_named(tmp_path: Path) -> None:
    """Nobody gave --format."""
    done = run(*MATRIX, "-o", "x.xml", cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "-o/--output: 'x.xml' asks for junit by its ending; junit shows only verdicts" in done.stderr
    assert done.stderr.endswith("choose from: .csv, .json, .jsonl, .md, .ndjson, .txt\n")


def test_a_file_with_a_long_name_is_written(tmp_path: Path) -> None:
    """The longest name that a file can have is not too long for --output."""
    target = tmp_path / ("n" * 255)
    assert run(*MATRIX, "--field", "d", "-o", str(target)).returncode == 0
    assert target.read_text() == "6\n"


@pytest.mark.long
def test_a_progress_bar_has_the_colour_that_was_asked_for() -> None:
    """--color never and NO_COLOR leave the bar and take its colour."""
    long = ("forward", "-d", "16384", "-h", "16384", "-r", "8", "--dtype", "float16", "--field", "d")
    for shown in (on_terminal(*long, "--color", "never"), on_terminal(*long, NO_COLOR="1")):
        assert "━" in shown
        assert re.search(r"\x1b\[[0-9;]*m", shown) is None


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.json", '{"schema_version": 1'),
        ("a.CSV", "method,d,h,r,"),
        ("a.ndjson", '{"method": "lora"'),
        ("a.jsonl", '{"method": "lora"'),
        ("a.md", "| "),
        ("a.txt", "method "),
        ("json", "method "),
        (".json", "method "),
    ],
)
def test_a_file_takes_its_format_from_its_ending(tmp_path: Path, name: str, begins: str) -> None:
    """Unless --format says otherwise."""
    command = ("count", "-d", "6", "-h", "8", "-r", "2", "-o", str(tmp_path / name))
    assert run(*command).returncode == 0
    assert (tmp_path / name).read_text().startswith(begins)
    assert run(*command, "--format", "csv").returncode == 0
    assert (tmp_path / name).read_text().startswith("method,d,h,r,")


def test_an_ending_that_names_no_format_is_said(tmp_path: Path) -> None:
    """What was meant as a format would be plain text in silence; a name without an ending, or with --format, is meant."""
    command = ("count", "-d", "6", "-h", "8", "-r", "2", "-o")
    done = run(*command, "counts.xlsx", cwd=tmp_path)
    assert (tmp_path / "counts.xlsx").read_text().startswith("method ")
    known = ".csv, .json, .jsonl, .md, .ndjson, .txt, .xml"
    assert done.stderr == f"lora-cli: note: 'counts.xlsx' is plain, because '.xlsx' names no format; {known} do\n"
    for meant in (
        ["counts"],
        ["a.txt"],
        ["a.x", "--format", "csv"],
        ["a.x", "--field", "r"],
        ["a.txt", "--field", "r"],
        ["/dev/null"],
    ):
        assert run(*command, *meant, cwd=tmp_path).stderr == ""


def test_xml_is_junit_where_there_are_verdicts(tmp_path: Path) -> None:
    """And refused where there are none."""
    done = run("check", "gpt2", "-r", "8", "--max-params", "1M", "-o", "report.xml", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "report.xml").read_text()[:5]) == (0, "<?xml")
    refused = run("count", "gpt2", "-o", "counts.xml", cwd=tmp_path)
    assert (refused.returncode, "junit shows only verdicts" in refused.stderr) == (2, True)
    assert not (tmp_path / "counts.xml").exists()


def test_a_sweep_without_rows_says_so() -> None:
    """A header alone looks like a mistake of the program."""
    done = run("sweep", "gpt2", "-r", "8", "--max-params", "1", "--format", "csv")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert done.stderr == "lora-cli: note: no point of the grid is inside the limits\n"


def test_models_are_counted_above_their_table() -> None:
    """Their number is that of the lines of a pipe, but its header."""
    listed = len(run("models", "gpt2*", "--format", "csv").stdout.splitlines()) - 1
    assert run("models", "gpt2*", "--format", "table").stdout.startswith(f"{listed} models")


def test_awk_finds_the_columns_of_plain_rows() -> None:
    """A number has no space in a pipe, and keeps the one before its unit on a terminal."""
    sweep = ("sweep", "gpt2", "-r", "1:3")
    header, *rows = run(*sweep).stdout.splitlines()
    assert {len(row.split()) for row in rows} == {len(header.split())}
    assert run(*sweep).stdout.count("0.0296240%") == 1
    assert "0.0296 %" in on_terminal(*sweep)
    assert "c_attn 12 768 2,304 8 294,912 100.00%" in " ".join(run("count", "gpt2", "-r", "8").stdout.split())
