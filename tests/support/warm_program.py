"""A process that has loaded the program, and that answers each command line in a copy of itself.

Most of the time of a run goes to the start of Python, to imports and to the end of all that was imported. A copy skips
these, and is a process of its own otherwise: it has the words, streams, folder and environment of one run.

`python tests/support/warm_program.py PROGRAM SOCKET` is started by program.py, for Linux.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import struct
import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import NamedTuple, NoReturn

# The length of what follows, and the number of a process or its exit code.
LENGTH, NUMBER = struct.Struct("!Q"), struct.Struct("!q")
STREAMS = 3
# What reads the environment while it is imported: huggingface_hub is imported where it is used, matplotlib here.
READS_ENVIRONMENT = {"lora_cli.output.plots.figure_file"}


class Request(NamedTuple):
    """One run: the words behind the program's name, the environment, the folder, and its three standard streams."""

    words: list[str]
    env: dict[str, str]
    cwd: str
    streams: list[int]

    def send(self, connection: socket.socket) -> None:
        """Send it, and the streams with it."""
        text = json.dumps([self.words, self.env, self.cwd]).encode()
        socket.send_fds(connection, [LENGTH.pack(len(text))], self.streams)
        connection.sendall(text)


def received(connection: socket.socket, size: int) -> bytes:
    """Return `size` bytes, or fewer where the other side has ended."""
    content = b""
    while len(content) < size and (part := connection.recv(size - len(content))):
        content += part
    return content


def next_request(connection: socket.socket) -> Request | None:
    """Return the next request, or None where nobody is left to send one."""
    length, streams, *_ = socket.recv_fds(connection, LENGTH.size, STREAMS)
    if not length:
        return None
    words, env, cwd = json.loads(received(connection, *LENGTH.unpack(length)))
    return Request(words, env, cwd, streams)


def load() -> None:
    """Import what the program imports, at its start or later."""
    for module in walk_packages(import_module("lora_cli").__path__, "lora_cli."):
        if module.name not in {*READS_ENVIRONMENT, "lora_cli.__main__"}:
            import_module(module.name)
    # What a copy does not touch is not copied.
    gc.freeze()


def become(program: str, request: Request) -> None:
    """Let this process be what a start of the program would be."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.env)
    sys.argv[:] = [program, *request.words]


def serve(program: str, connection: socket.socket) -> None:
    """Answer requests, and return in each copy, which is to run the program."""
    while request := next_request(connection):
        copy = os.fork()
        if not copy:
            connection.close()
            become(program, request)
            return
        for stream in request.streams:
            os.close(stream)
        connection.sendall(NUMBER.pack(copy))
        _, status = os.waitpid(copy, 0)
        connection.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
    # The copies have written what coverage knows of this process.
    os._exit(0)


def end(code: int) -> NoReturn:
    """End a copy, with all that is left to do at an end but to take every module apart."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(program: str, number: str) -> NoReturn:
    """Serve, and run the program in the copies."""
    # Ctrl-C is for who sends the requests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[0] = os.path.dirname(program)
    # Later, the name is that of a module.
    from lora_cli.cli import main as run_program

    load()
    serve(program, socket.socket(fileno=int(number)))
    end(run_program())


if __name__ == "__main__":
    main(*sys.argv[1:])
