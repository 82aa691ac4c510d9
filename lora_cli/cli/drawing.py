"""Where the plot of an answer goes: into a file, which appears whole or not at all, or onto standard output."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lora_cli.cli import streams
from lora_cli.cli.terminal import Terminal, is_terminal
from lora_cli.errors import InvalidInput, quote_long

if TYPE_CHECKING:
    from lora_cli.output.plots.plot import Plot

# The FILE that stands for standard output.
STDOUT = "-"


def check_target(path: str, output: str | None, *, has_records: bool) -> None:
    """Refuse a FILE that no plot can be drawn into, before there is anything to draw.

    `output` is the file of the records; without one, `has_records` says that standard output is asked to have them.
    """
    if path == STDOUT:
        if has_records:
            raise InvalidInput(
                "--plot - draws on standard output, where the records would go; give --output FILE for these, or --plot FILE"
            )
        return
    from lora_cli.output.plots.file_types import check_library, file_type

    file_type(path)
    check_library()
    streams.check_output(path)
    if output is not None and os.path.realpath(output) == os.path.realpath(path):
        raise InvalidInput(f"--plot and --output are both {quote_long(path)}; give one of them another FILE")


def draw_file(plot: Plot, path: str, files: ExitStack) -> None:
    """Draw a plot into a file, which appears when `files` are closed."""
    from lora_cli.output.plots.file_types import drawn_file

    content = drawn_file(plot, path)
    files.enter_context(streams.output_file(path)).buffer.write(content)


def draw_on_stdout(plot: Plot, terminal: Terminal) -> None:
    """Draw a plot on standard output, for the terminal's size where it is one."""
    from lora_cli.output.plots.text_drawing import draw

    with streams.standard_output() as stream:
        screen = terminal.screen(stream, is_terminal=is_terminal(stream))
        stream.writelines(f"{line}\n" for line in draw(plot, screen))
