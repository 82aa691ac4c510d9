"""The plots that a terminal shows, recorded in tests/reference/plots: `python tests/support/plots.py --write` renews them.

Each is drawn at 80 columns, at 40, and in ASCII.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from tables import example_folder

from lora_cli.cli.answer import Answer
from lora_cli.cli.application import spelling
from lora_cli.cli.command_line import parse
from lora_cli.errors import arguments_spelled
from lora_cli.output import Screen
from lora_cli.output.plots.plot import Plot
from lora_cli.output.plots.text_drawing import draw

RECORDED = Path(__file__).parents[1] / "reference" / "plots"
COMMANDS = {
    "sweep": "sweep llama-3.1-8b qwen3-0.6b gpt2 -r 4:32:x2 -t all-linear",
    "sweep-square": "sweep -d 512:8192:x2 --square -r 4,8,16",
    "sweep-memory": "sweep llama-3.1-8b -r 16 --memory --batch 1,2,4 --seq 512,1024,2048",
    "sweep-methods": "sweep gpt2 -r 8 --method lora,dora,vera,ia3",
    "sweep-dots": "sweep gpt2 llama-3.1-8b -r 8 --method lora,vera",
    "fit": "fit llama-3.1-8b --method lora,dora,loha,vera,c3a --max-bytes 50MB",
    "fit-two-limits": "fit llama-3.1-8b --method lora,vera,ia3 --max-bytes 50MB --max-percent 0.1",
    "memory": "memory llama-3.1-8b -t all-linear -r 16 --quantize nf4 --gpu 4090",
    "spectrum": "inspect my-adapter --spectrum",
}
SCREENS = {
    "80": Screen(80, unicode=True, height=24),
    "40": Screen(40, unicode=True, height=24),
    "ascii": Screen(80, height=24),
}


@cache
def answer_of(command: str) -> Answer:
    """Return the answer of a command with its plot."""
    argv = [*command.split(), "--plot", "-"]
    with example_folder(), arguments_spelled(spelling(argv[0])):
        answer = parse(argv)
    assert isinstance(answer, Answer), command
    return answer


def plot_of(command: str) -> Plot:
    """Return what a command draws."""
    plot = answer_of(command).plot
    assert plot is not None, command
    return plot


def drawn(plot: Plot) -> str:
    """Return a plot on each of the screens."""
    return "\n".join("\n".join([f"== {name}", *draw(plot, screen), ""]) for name, screen in SCREENS.items())


def main() -> int:
    """Write what the commands draw now."""
    if sys.argv[1:] != ["--write"]:
        print(__doc__, file=sys.stderr)
        return 2
    RECORDED.mkdir(exist_ok=True)
    for name, command in COMMANDS.items():
        (RECORDED / f"{name}.txt").write_text(drawn(plot_of(command)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
