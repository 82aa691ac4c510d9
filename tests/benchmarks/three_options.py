"""The least that Typer can be asked for, three integers in and a number out: what every start is measured against."""

from typing import Annotated

import typer


def main(
    d: Annotated[int, typer.Option("-d")],
    h: Annotated[int, typer.Option("-h")],
    r: Annotated[int, typer.Option("-r")],
) -> None:
    """Count what LoRA trains."""
    print(r * (d + h))


if __name__ == "__main__":
    typer.run(main)
