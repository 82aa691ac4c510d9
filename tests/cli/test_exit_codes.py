"""Every exit code, from the real program."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from program import PROGRAM, environment, run

from lora_cli.output.registry import formats_of

MATRIX = ("-d", "4096", "-h", "4096", "-r", "16")
LONG_SWEEP = ("sweep", "-d", "1:1000000:1", "-h", "1:1000000:1", "-r", "1", "--format", "csv")
LONG_REPLAYS = ("sweep", "llama-3.1-8b", "--memory", "--batch", "1:1000", "--gpu", "4090", "--format", "csv")


def test_done_is_0() -> None:
    """An answer is exit code 0, and nothing on stderr."""
    done = run("count", *MATRIX, "--field", "trainable_params")
    assert (done.returncode, done.stdout, done.stderr) == (0, "131072\n", "")


def test_limits_that_hold_are_0() -> None:
    """All four limits of the user's example hold, at equality too."""
    limits = ("--max-percent", "1", "--max-params", "200K", "--min-saved", "99", "--expect-params", "131072")
    done = run("check", *MATRIX, *limits, "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        "max-percent,0.78125,1.0,true",
        "max-params,131072,200000,true",
        "min-saved,99.21875,99.0,true",
        "expect-params,131072,131072,true",
    ]


def test_a_broken_limit_is_1_and_says_by_how_much() -> None:
    """The records are still written, and stderr names the limit and the distance."""
    done = run("check", *MATRIX, "--max-params", "100K", "--max-percent", "1", "--field", "passed")
    assert (done.returncode, done.stdout) == (1, "true\nfalse\n")
    assert done.stderr == (
        "lora-cli: check failed: max-params: trainable_params is 131,072, over the limit of 100,000 by 31,072; "
        "r 12 would hold\n"
    )


def test_the_adapters_type_decides_on_its_bytes() -> None:
    """What is over a limit in float32 is inside it in bfloat16."""
    limit = ("check", *MATRIX, "--max-bytes", "300KiB")
    assert run(*limit).returncode == 1
    assert run(*limit, "--adapter-dtype", "bfloat16").returncode == 0


def test_a_figure_that_is_not_known_is_2() -> None:
    """What cannot be held against its limit is neither 0 nor 1, and other limits are no help."""
    unknown = ("check", "--model", "gpt2", "--method", "shadow", "--set", 'modules_to_save=["lm_head"]')
    done = run(*unknown, "--max-bytes", "1GB", "--max-params", "1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "max-bytes: adapter_bytes is unknown, because" in done.stderr


def test_trouble_is_2() -> None:
    """A usage error is one line and exit code 2."""
    done = run("count", "-d", "8")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_bug_is_70_with_a_traceback(tmp_path: Path) -> None:
    """What was not raised on purpose shows its traceback and asks to be reported."""
    (tmp_path / "sitecustomize.py").write_text(
        "import lora_cli.analysis.count.count as c; c.plain = lambda d, h, r: 1 / 0\n"
    )
    done = run("count", *MATRIX, env={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (70, "")
    assert "ZeroDivisionError" in done.stderr
    assert "please report it" in done.stderr


@pytest.mark.parametrize("arguments", [("forward", "-d", "65536", "-h", "65536", "-r", "8"), LONG_SWEEP, LONG_REPLAYS])
def test_an_interruption_is_130(arguments: tuple[str, ...]) -> None:
    """Ctrl-C ends a long run at once, without a traceback."""
    with subprocess.Popen(
        [PROGRAM, *arguments], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (130, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_half_file(tmp_path: Path, number: signal.Signals) -> None:
    """Whatever ends the program, the file that it was writing goes, and the one that was there stays."""
    (tmp_path / "out").write_text("mine")
    # What started the tests may ignore the signal, as nohup does, and the program would with it.
    before = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    with subprocess.Popen(
        [PROGRAM, *LONG_SWEEP, "-o", "out"], env=environment(), cwd=tmp_path, stderr=subprocess.PIPE
    ) as process:
        signal.signal(number, before)
        deadline = time.monotonic() + 20
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        try:
            _, stderr = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, stderr) == (130 if number == signal.SIGINT else -number, b"")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out", "mine")]


def test_nohup_is_respected() -> None:
    """A signal that the caller ignores does not end the program."""
    command = ["nohup", PROGRAM, *LONG_SWEEP]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize("method", ["xlora", "adaption_prompt", "prompt_tuning", "adalora", "c3a"])
@pytest.mark.parametrize("name", ["json", "csv", "ndjson", "plain"])
def test_a_sweep_refuses_a_method_before_its_first_byte(method: str, name: str) -> None:
    """What cannot be counted is known before the rows of another method are written."""
    done = run("sweep", "-d", "100", "-h", "100", "-r", "4", "--method", f"lora,{method}", "--format", name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_sweep_writes_no_half_a_document() -> None:
    """A later point that is refused, here by a size that blocks do not divide, leaves nothing on stdout."""
    done = run("sweep", "-d", "256,512,1000", "--square", "-r", "4", "--method", "lora,c3a", "--format", "json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not divide d 1000" in done.stderr


@pytest.mark.parametrize("arguments", [LONG_SWEEP, ("--help",), ("count", *MATRIX)])
def test_a_reader_that_went_away_is_0(arguments: tuple[str, ...]) -> None:
    """A closed pipe ends the program at once, silently and with success."""
    assert without_reader(*arguments) == (0, "")


def test_the_first_row_is_there_before_the_grid_is_done() -> None:
    """A grid of 10**12 points gives its first rows at once, and stops when nobody reads on."""
    with subprocess.Popen([PROGRAM, *LONG_SWEEP], env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline()[:6] for _ in range(2)] == ["method", "lora,1"]
        process.stdout.close()
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("arguments", [("count", *MATRIX), ("--help",), LONG_SWEEP])
def test_a_full_disk_is_2(arguments: tuple[str, ...]) -> None:
    """What could not be written is not passed over."""
    with Path("/dev/full").open("w") as full:
        done = run(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_closed_standard_output_is_2() -> None:
    """`>&-` leaves nowhere to write to, and says so."""
    done = run(*("count", *MATRIX), preexec_fn=lambda: os.close(1), capture_output=False, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("arguments", [("count", "-d", "8", "-h", "8", "-r", "20"), ("count", "-d", "x")])
def test_a_closed_stderr_changes_nothing_else(arguments: tuple[str, ...]) -> None:
    """Warnings and errors that nobody can read leave the records and the exit code as they are."""
    usual = run(*arguments)
    deaf = run(*arguments, preexec_fn=lambda: os.close(2), capture_output=False, stdout=subprocess.PIPE)
    assert (deaf.returncode, deaf.stdout) == (usual.returncode, usual.stdout)


def without_reader(*arguments: str) -> tuple[int, str]:
    """Run the program into a pipe that nobody reads, and return its exit code and stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    done = run(*arguments, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", ["auto", *formats_of(judged=True)])
def test_a_broken_limit_stays_1_when_nobody_reads(name: str) -> None:
    """A gate whose records go nowhere still closes, in every format, and says why."""
    code, stderr = without_reader("check", *MATRIX, "--max-params", "1", "--format", name)
    assert (code, stderr.count("check failed")) == (1, 1)


@pytest.mark.parametrize("name", ["auto", *formats_of(judged=False)])
def test_no_reader_takes_nothing_from_stderr(name: str) -> None:
    """A count is a success, and its warnings are there, in every format."""
    code, stderr = without_reader("count", "-d", "8", "-h", "8", "-r", "8", "--format", name)
    assert (code, stderr.count("warning: rank 8 is above the break-even")) == (0, 1)


@pytest.mark.parametrize("option", [("--format", "bogus"), ("--field", "bogus"), ("--color", "red"), ("-o", "no/such")])
def test_a_long_pass_is_not_run_for_a_wrong_option(option: tuple[str, str]) -> None:
    """What would be refused after an hour's work is refused before it."""
    hours = ("forward", "-d", "1000000", "-h", "1000000", "-r", "100")
    assert run(*hours, *option, timeout=10).returncode == 2


# What measures the program may be what is interrupted.
@pytest.mark.no_cover
def test_no_interruption_shows_a_traceback() -> None:
    """Ctrl-C at any moment from the program's first line on is 130, or comes too late."""
    for delay in range(30, 150, 10):
        with subprocess.Popen(
            [PROGRAM, "forward", "-d", "6", "-h", "8", "-r", "2"],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            time.sleep(delay / 1000)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
        # Before the package is found, Python itself answers.
        if b"lora_cli/" in stderr:
            pytest.fail(f"after {delay} ms: {stderr.decode()}")


@pytest.mark.parametrize("env", [{"_LORA_CLI_COMPLETE": "bogus"}, {"HOME": "/proc"}])
def test_completion_that_fails_is_2(env: dict[str, str]) -> None:
    """1 is `check`'s alone, and a home that cannot be written is no bug."""
    assert run("--install-completion", "bash", env=env).returncode == 2
