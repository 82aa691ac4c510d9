"""The files that a plot can be drawn into, by their endings, and the library that draws them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from lora_cli.errors import InvalidInput, argument, choices, quote_long
from lora_cli.output.plots.plot import Plot

TYPES = ("svg", "png", "pdf")
LIBRARY, INSTALL = "matplotlib", "pip install 'lora-cli[plot]'"
# Its own settings are in this folder of it.
SETTINGS = "mpl-data"
BACKEND = "MPLBACKEND"


def file_type(path: str) -> str:
    """Return the type of file that a path asks for by its ending, or refuse it.

    >>> file_type("ranks.SVG")
    'svg'
    >>> file_type("ranks.jpg")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: plot: 'ranks.jpg' does not end in .svg, .png or .pdf; did you mean .png?
    """
    ending = os.path.splitext(path)[1].lower()
    if ending.removeprefix(".") in TYPES:
        return ending.removeprefix(".")
    endings = [f".{name}" for name in TYPES]
    raise InvalidInput(
        f"{argument('plot')}: {quote_long(path)} does not end in {', '.join(endings[:-1])} or {endings[-1]}; "
        f"{choices(ending, endings)}"
    )


def check_library() -> None:
    """Refuse to draw into a file where the library is not installed."""
    if find_spec(LIBRARY) is None:
        raise InvalidInput(f"{argument('plot')} FILE needs {LIBRARY}: {INSTALL}; {argument('plot')} - does not")


def drawn_file(plot: Plot, path: str) -> bytes:
    """Return the content of the file of a plot."""
    check_library()
    with _own_settings():
        from lora_cli.output.plots.figure_file import figure

    return figure(plot, file_type(path))


@contextmanager
def _own_settings() -> Iterator[None]:
    """Let the library start with its own settings, and say nothing, e.g. that it looks for fonts.

    It reads the first matplotlibrc it finds, a user's or that of any project in the working folder, which may be broken.
    The working folder comes first, so for that moment it is the library's own. A backend would be the user's choice of a
    window, and there is none.
    """
    import logging

    logging.getLogger(LIBRARY).setLevel(logging.CRITICAL)
    os.environ.pop(BACKEND, None)
    spec = find_spec(LIBRARY)
    folder = os.path.join(os.path.dirname(spec.origin), SETTINGS) if spec is not None and spec.origin else ""
    try:
        before = os.getcwd()
        os.chdir(folder)
    except OSError:
        # There is no working folder, or the library keeps its settings elsewhere.
        yield
        return
    try:
        yield
    finally:
        os.chdir(before)
