"""The real program, run as a user runs it: in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import warm_program
from warm_program import NUMBER, Request

PROGRAM = str(Path(sys.executable).with_name("lora-cli"))
# What colours or widens output elsewhere, so that a test sees the same on every machine.
UNSET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_ACTIONS", "GITHUB_WORKSPACE", "LC_ALL", "PYTHONIOENCODING")
# What Python and the loader read when they start, and nothing reads later.
READ_AT_START = ("PYTHON", "LANG", "LC_", "LD_")
# Coverage measures what is started with this.
MEASURES = "COVERAGE_PROCESS_CONFIG"
# What a warm program can do of what `subprocess.run` can.
WARM_OPTIONS = {"cwd", "encoding", "errors", "input", "timeout"}
SECONDS = 60.0


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without what would change the output, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, "LANG": "C.UTF-8", **extra}


def run(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the program to its end, and return what it wrote and its exit code.

    It is a copy of a process that has already loaded the program, unless a run differs in what that cannot have.
    """
    whole = environment(**(env or {}))
    if sys.platform == "linux" and options.keys() <= WARM_OPTIONS:
        warm = _warm(is_measured=MEASURES in whole)
        if _read_at_start(whole) == warm.read_at_start:
            return warm.run([*map(os.fsdecode, arguments)], whole, **options)
    return run_from_start(*arguments, env=env, **options)


def run_from_start(
    *arguments: str, env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the installed `lora-cli` to its end, and return what it wrote and its exit code."""
    options = {"capture_output": True, "encoding": "utf-8", "timeout": SECONDS, **options}
    return subprocess.run([PROGRAM, *arguments], env=environment(**(env or {})), check=False, **options)


def _read_at_start(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


class _WarmProgram:
    """The process of warm_program.py."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        env = environment()
        self.read_at_start = _read_at_start(env)
        with theirs:
            # Its streams are like those of its copies, which have what Python makes of them.
            self._process = subprocess.Popen(
                [sys.executable, warm_program.__file__, PROGRAM, str(theirs.fileno())],
                # Threads of NumPy's would not be in a copy.
                env={**env, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def run(
        self,
        words: list[str],
        env: dict[str, str],
        *,
        cwd: str | os.PathLike[str] | None = None,
        input: str | None = None,
        encoding: str = "utf-8",
        errors: str | None = None,
        timeout: float = SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Do what `subprocess.run` does."""
        pipes = [os.pipe(), os.pipe()]
        reading, writing = (list(ends) for ends in zip(*pipes, strict=True))
        stdin = 0
        if input is not None:
            stdin, source = os.pipe()
        Request(words, env, os.path.join(os.getcwd(), cwd or ""), [stdin, *writing]).send(self._connection)
        for end in (*writing, *([] if input is None else [stdin])):
            os.close(end)
        copy = self._number()
        with ThreadPoolExecutor(2) as pool:
            streams = [open(end, encoding=encoding, errors=errors) for end in reading]  # noqa: SIM115
            texts = [pool.submit(_content, stream) for stream in streams]
            if input is not None:
                with suppress(BrokenPipeError), open(source, "w", encoding=encoding, errors=errors) as stream:
                    stream.write(input)
            self._connection.settimeout(timeout)
            try:
                code = self._number()
            except TimeoutError:
                os.kill(copy, 9)
                self._connection.settimeout(None)
                self._number()
                raise subprocess.TimeoutExpired(words, timeout) from None
            finally:
                self._connection.settimeout(None)
        stdout, stderr = (text.result() for text in texts)
        return subprocess.CompletedProcess([PROGRAM, *words], code, stdout, stderr)

    def _number(self) -> int:
        answer = warm_program.received(self._connection, NUMBER.size)
        if not answer:
            _, said = self._process.communicate()
            raise RuntimeError(said.decode())
        return int(NUMBER.unpack(answer)[0])


def _content(stream: Any) -> str:
    with stream:
        return str(stream.read())


@cache
def _warm(*, is_measured: bool) -> _WarmProgram:
    """Return the warm program of this process; it was started with what it is to be measured by, or without."""
    assert is_measured == (MEASURES in os.environ)
    return _WarmProgram()
