"""The tables that a terminal shows: recorded in tests/reference/tables, and one of them as README's picture.

`python tests/support/tables.py --write` renews both. Each answer is drawn at 80 columns, as in a terminal.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import unescape
from pathlib import Path

import example
from rich.console import Console
from rich.text import Text

from lora_cli.cli.answer import Answer
from lora_cli.cli.application import spelling
from lora_cli.cli.command_line import parse
from lora_cli.errors import arguments_spelled
from lora_cli.output import Report, Screen, format_writer

PROJECT = Path(__file__).parents[2]
RECORDED = PROJECT / "tests" / "reference" / "tables"
WIDTH, PICTURE_WIDTH = 80, 88
SHOWN = "lora-cli count llama-3.1-8b --target all-linear -r 16"
MEMORY = "lora-cli memory llama-3.1-8b --target all-linear -r 16 --seq 1024 --gpu h100"
# README's pictures, and the command that each shows.
PICTURES = {"lora-cli.svg": SHOWN, "lora-cli-memory.svg": MEMORY}
# The notebook's matrix comes first: these are what our user asked for.
COMMANDS = {
    "count": "lora-cli count -d 6 -h 8 -r 2",
    "forward": "lora-cli forward -d 6 -h 8 -r 2",
    "count-wide": "lora-cli count -d 4096 -h 14336 -r 16",
    "count-dora": "lora-cli count -d 1024 -h 1024 -r 32 --method dora",
    "count-model": SHOWN,
    "count-defaults": "lora-cli count gpt2",
    "count-modules": "lora-cli count gpt2 --per-module -t c_attn,mlp.c_proj",
    "fit": "lora-cli fit llama-3.1-8b --target all-linear --max-params 20M",
    "fit-methods": "lora-cli fit llama-3.1-8b --method lora,dora,loha,vera,c3a --max-bytes 50MB",
    "fit-two-limits": "lora-cli fit llama-3.1-8b --method lora,vera,ia3 --max-bytes 50MB --max-percent 0.1",
    "sweep": "lora-cli sweep -d 512:2048:x2 --square -r 4,16",
    "sweep-models": "lora-cli sweep gpt2 llama-3.1-8b -r 8:32:x2 -t all-linear --max-params 50M --sort reduction_factor",
    "sweep-methods": "lora-cli sweep llama-3.1-8b -r 8 --method lora,dora,loha,vera",
    "memory": MEMORY,
    "sweep-memory": "lora-cli sweep llama-3.1-8b -r 16 --memory --batch 1,4 --seq 1024,2048",
    "sweep-cards": "lora-cli sweep gpt2 -t c_attn -r 16 --memory --quantize none,nf4 --batch 1,4 --seq 128 --gpu 4090,h100",
    "check": "lora-cli check -d 4096 -h 4096 -r 16 --max-percent 1 --max-params 100K",
    "inspect": "lora-cli inspect my-adapter --model base",
    "inspect-broken": "lora-cli inspect broken --model base",
    "forward-trained": "lora-cli forward --weights base --adapter my-adapter --module layers.0.self_attn.q_proj "
    "--dtype bfloat16",
    "memory-serve": "lora-cli memory base --serve 4 --adapter my-adapter",
    "explain": 'lora-cli explain "trainable params: 6,815,744 || all params: 8,037,076,992" -m llama-3.1-8b '
    "-t all-linear -r 16",
    "explain-layers": 'lora-cli explain "trainable params: 294,912 || all params: 124,734,720" -m gpt2 -r 16',
    "explain-nothing": 'lora-cli explain "trainable params: 294,913 || all params: 124,734,720" -m gpt2 -r 16',
    "methods": "lora-cli methods",
    "models": "lora-cli models mixtral-8x7b",
}


@contextmanager
def example_folder() -> Iterator[None]:
    """Work in a folder that holds README's example."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        example.write(Path(folder))
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


@cache
def answered(command: str) -> Report:
    """Return what a command answers, to be drawn on any screen."""
    argv = shlex.split(command, posix=False)[1:]
    with example_folder(), arguments_spelled(spelling(argv[0])):
        answer = parse(argv)
        assert isinstance(answer, Answer), command
        return answer.report._replace(batches=[*answer.report.batches])


def drawn(command: str, screen: Screen) -> str:
    """Return the table that a command shows on a screen."""
    report, stream = answered(command), io.StringIO()
    with arguments_spelled(spelling(report.command)):
        format_writer("table", report.size, report.command, judged=report.judged)(report, stream, screen)
    return stream.getvalue()


def picture(command: str) -> str:
    """Return a picture of README, an SVG of a terminal."""
    console = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {command}\n"))
    console.print(Text.from_ansi(drawn(command, Screen(PICTURE_WIDTH, color=True, unicode=True))))
    return console.export_svg(title="lora-cli", unique_id="lora-cli")


def picture_lines(svg: str) -> list[str]:
    """Return the lines of text that an SVG of a terminal shows, without spaces."""
    lines: dict[float, str] = {}
    for y, text in re.findall(r'<text [^>]*\by="([\d.]+)"[^>]*>(.*?)</text>', svg):
        lines[float(y)] = lines.get(float(y), "") + unescape(text)
    return ["".join(text.split()) for _, text in sorted(lines.items())]


def main() -> int:
    """Write what the commands show now."""
    if sys.argv[1:] != ["--write"]:
        print(__doc__, file=sys.stderr)
        return 2
    RECORDED.mkdir(exist_ok=True)
    for name, command in COMMANDS.items():
        (RECORDED / f"{name}.txt").write_text(drawn(command, Screen(WIDTH, unicode=True)), encoding="utf-8")
    for name, command in PICTURES.items():
        (PROJECT / ".github" / name).write_text(picture(command), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
