"""The errors raised on purpose, so that a caller can tell bad input from a bug, and what their messages are built from.

A message says what is wrong, the user's own value, the limit, and the fix. The caller decides what to do with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import SupportsIndex

SHOWN_CHARACTERS = 40
# The end of a path, a module's name or another program's message is often what matters, so it is kept.
SHOWN_LONG_CHARACTERS = 120
SHOWN_START = 40
SHOWN_END = 60
# Python refuses to print integers of more than 4,300 digits.
SHOWN_BITS = 10_000
# A list of names in a message shows this many, and says how many more there are.
SHOWN_NAMES = 3
# What a terminal acts on or cannot show: control characters, line ends, marks that turn the direction of text, halves
# of characters. The last two are not characters, and XML forbids them.
UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
# Limits on the work of finding a near miss: characters of a name, and names of a list.
COMPARED_CHARACTERS = 100
COMPARED_NAMES = 20_000
NEAR, NEAR_WORD, NEAR_SPELLING = 0.6, 0.8, 0.88

# What options, PEFT, trainers and other people call what has another name here; where that name is known, it is meant.
# All are spelled as Python's arguments are.
OTHER_WORDS = {
    "rank": "r",
    "lora_rank": "r",
    "lora_r": "r",
    "lora_alpha": "alpha",
    "target_modules": "target",
    "lora_target": "target",
    "modules": "target",
    "peft_type": "method",
    "finetuning_type": "method",
    "in_features": "d",
    "out_features": "h",
    "base": "model",
    "base_model": "base",
    "base_model_name_or_path": "base",
    "source": "model",
    "folder": "path",
    "adapter_path": "path",
    "fields": "field",
    "set": "settings",
    "settings": "set",
    "loader": "loads_in",
    "max_size": "max_bytes",
    "max_vram": "max_memory",
    "batch_size": "batch",
    "micro_batch_size": "batch",
    "per_device_train_batch_size": "batch",
    "max_length": "seq",
    "max_seq_length": "seq",
    "cutoff_len": "seq",
    "sequence_len": "seq",
    "context_length": "seq",
    "precision": "dtype",
    "card": "gpu",
    "gradient_checkpointing": "checkpointing",
    "gradient_accumulation": "accumulate",
    "gradient_accumulation_steps": "accumulate",
    "optim": "optimizer",
    "attn_implementation": "attention",
    "params": "trainable_params",
    "parameters": "trainable_params",
    "trainable": "trainable_params",
    "percent": "percent_of_full",
    "bytes": "adapter_bytes",
    "size": "adapter_bytes",
    "vram": "peak_bytes",
    "int4": "nf4",
    "4bit": "nf4",
    "4_bit": "nf4",
    "qlora": "nf4",
    "8bit": "int8",
    "8_bit": "int8",
    "tsv": "csv",
    "jsonl": "ndjson",
    "md": "markdown",
    "text": "plain",
}

_spelling: ContextVar[Callable[[str], str]] = ContextVar("spelling", default=str)


class LoraCliError(Exception):
    """Base class of every error that lora-cli raises on purpose."""


class InvalidInput(LoraCliError, ValueError):
    """A number, a name or a file that is not valid."""


class UnreadableFile(InvalidInput):
    """A file that is there, but cannot be read as what it should be."""


class OutputFailed(LoraCliError, OSError):
    """The answer could not be written to its destination."""


def printable(text: str) -> str:
    """Return a text with its control characters escaped, because names from files may hold them.

    >>> printable("blocks[red]\\x1b[31m\\n"), printable("模型 é")
    ('blocks[red]\\\\x1b[31m\\\\n', '模型 é')
    """
    return text if text.isprintable() else re.sub(UNPRINTABLE, lambda found: ascii(found[0])[1:-1], text)


def quote(value: object) -> str:
    """Return `value` as short, printable text for a message, however long or hostile it is.

    >>> quote("12a"), quote(7), quote("9" * 5000)
    ("'12a'", '7', "'9999999999999999999999999999999999999999'... (5000 characters)")
    >>> quote("\\x1b[31m")
    "'\\\\x1b[31m'"
    """
    if isinstance(value, int) and value.bit_length() > SHOWN_BITS:
        return f"an int of {value.bit_length()} bits"
    if not isinstance(value, str):
        value = _repr(value)
        return printable(value) if len(value) <= SHOWN_CHARACTERS else quote(value)
    shown = _quoted(value[:SHOWN_CHARACTERS])
    return shown if len(value) <= SHOWN_CHARACTERS else f"{shown}... ({len(value)} characters)"


def quote_long(text: str) -> str:
    """Return a path, a dotted name or a sentence like `quote`, but longer and with its end.

    >>> quote_long("model.layers.0.self_attn.q_proj")
    "'model.layers.0.self_attn.q_proj'"
    >>> quote_long("a/" * 5000 + "config.json")[-40:]
    "/a/a/a/a/config.json' (10011 characters)"
    """
    if len(text) <= SHOWN_LONG_CHARACTERS:
        return _quoted(text)
    return f"{_quoted(text[:SHOWN_START])}...{_quoted(text[-SHOWN_END:])} ({len(text)} characters)"


def _quoted(text: str) -> str:
    """Return a text between quotation marks: a backslash, as in a regular expression, stays as the user wrote it."""
    mark = '"' if "'" in text and '"' not in text else "'"
    return mark + printable(text.replace(mark, f"\\{mark}")) + mark


def _repr(value: object) -> str:
    """Return Python's own text of a value, or its type where Python refuses to write a number or the nesting in it."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that is too large to show"


def argument(name: str) -> str:
    """Return the name of an argument as its caller knows it: `max_params` in Python, `--max-params` on the command line.

    >>> argument("max_params")
    'max_params'
    """
    return _spelling.get()(name)


def question(name: str, switch: str = "") -> str:
    """Return what asks a question as its caller knows it, with a switch: a call in Python, a command elsewhere.

    >>> question("sweep"), question("sweep", "memory")
    ('sweep()', 'sweep(memory=True)')
    """
    python, option = (f"{switch}=True", f" --{switch}") if switch else ("", "")
    return f"{name}({python})" if _spelling.get() is str else f"`lora-cli {name}{option}`"


def is_several(value: object) -> bool:
    """Whether a value is a list, or a text that would be one on the command line.

    An array that stands for one whole number is not, though NumPy and torch give it a length too.

    >>> is_several("8,16"), is_several([8]), is_several("8"), is_several(8)
    (True, True, False, False)
    """
    if isinstance(value, str):
        return "," in value or ":" in value
    return isinstance(value, Sized) and not isinstance(value, SupportsIndex)


@contextmanager
def arguments_spelled(spelling: Callable[[str], str]) -> Iterator[None]:
    """Make `argument` spell names with `spelling` inside the block, as the command line does.

    >>> with arguments_spelled(lambda name: "--" + name.replace("_", "-")):
    ...     argument("max_params")
    '--max-params'
    """
    token = _spelling.set(spelling)
    try:
        yield
    finally:
        _spelling.reset(token)


@contextmanager
def arguments_renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Make `argument` spell some names as given inside the block, and others as it did before.

    >>> with arguments_renamed({"max_params": "tool.lora-cli.max-params"}):
    ...     argument("max_params"), argument("r")
    ('tool.lora-cli.max-params', 'r')
    """
    outer = _spelling.get()
    with arguments_spelled(lambda name: names[name] if name in names else outer(name)):
        yield


def first_few(names: Sequence[str], show: Callable[[str], str] = quote_long) -> str:
    """Return the first names of a list, and how many more there are.

    >>> first_few(["q", "k"]), first_few(list("abcde"), str)
    ("'q', 'k'", 'a, b, c and 2 more')
    """
    shown = ", ".join(map(show, names[:SHOWN_NAMES]))
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def counted(names: Sequence[str], noun: str) -> str:
    """Return how many things there are, and the first few names.

    >>> counted(["a", "b"], "tensor"), counted(list("abcde"), "module")
    ("2 tensors ('a', 'b')", "5 modules ('a', 'b', 'c' and 2 more)")
    """
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'} ({first_few(names)})"


class Enumeration(str):
    """A sentence with a list behind it, of which a terminal shows each part on a line of its own.

    >>> lines = Enumeration("lora.yml is a recipe of axolotl", ("r 4 (lora_r)", "alpha 8 (lora_alpha)"))
    >>> lines, lines.parts
    ('lora.yml is a recipe of axolotl', ('r 4 (lora_r)', 'alpha 8 (lora_alpha)'))
    """

    __slots__ = ("parts",)
    parts: tuple[str, ...]

    def __new__(cls, sentence: str, parts: Iterable[str]) -> Enumeration:
        """Make the sentence, and keep the parts."""
        self = super().__new__(cls, sentence)
        self.parts = tuple(parts)
        return self

    def __reduce__(self) -> tuple[type[Enumeration], tuple[str, tuple[str, ...]]]:
        return Enumeration, (str(self), self.parts)


def near_miss(wanted: object, known: Iterable[str], otherwise: str) -> str:
    """Return `did you mean ...?` with the known names that resemble `wanted`, or `otherwise` if there are none.

    >>> near_miss("verra", ["lora", "vera", "pvera"], "`lora-cli methods` lists all")
    'did you mean vera or pvera?'
    >>> near_miss("lorra", ["lora", "xlora", "glora"], "`lora-cli methods` lists all")
    'did you mean lora, xlora or glora?'
    >>> near_miss("all", ["k_proj", "all-linear"], "choose another")
    'did you mean all-linear?'
    >>> near_miss("qlora", ["none", "nf4"], ""), near_miss("qlora", ["lora"], "")
    ('did you mean nf4?', 'did you mean lora?')
    >>> near_miss("x", ["lora"], "`lora-cli methods` lists all")
    '`lora-cli methods` lists all'
    """
    near = near_names(wanted, known)
    if not near:
        return otherwise
    *others, last = map(_shown_name, near)
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def near_names(wanted: object, known: Iterable[str]) -> list[str]:
    """Return the known names that resemble `wanted`, the nearest first.

    >>> near_names("verra", ["lora", "vera", "pvera"])
    ['vera', 'pvera']
    """
    from difflib import get_close_matches
    from itertools import islice

    name, names = str(wanted)[:COMPARED_CHARACTERS], list(dict.fromkeys(islice(known, COMPARED_NAMES)))
    begun = [each for each in names if each.startswith((f"{name}-", f"{name}_"))]
    near = meant_by(name, names) or begun[:SHOWN_NAMES] or get_close_matches(name, names, SHOWN_NAMES, NEAR)
    if not near:
        # A first word alone, e.g. of a model's family, is far from the whole name.
        words = {each: re.split("[-_]", each)[0] for each in names}
        word = get_close_matches(name, dict.fromkeys(words.values()), 1, NEAR_WORD)
        near = [each for each in names if words[each] in word][:SHOWN_NAMES]
    return near


def misspelt(wanted: object, known: Iterable[str], least: float = NEAR_SPELLING) -> str:
    """Return `did you mean ...?` with the known name that differs from `wanted` by a letter or two, or nothing.

    Where that name is missing, another that is `NEAR_WORD` is enough.

    >>> misspelt("lora_rnak", ["lora_rank", "lora_alpha"])
    'did you mean lora_rank?'
    >>> misspelt("attention_backend", ["tuner_backend"])
    ''
    >>> misspelt("lora_rank", ["lora_r"]), misspelt("lora_rank", ["lora_r"], NEAR_WORD)
    ('', 'did you mean lora_r?')
    """
    from difflib import get_close_matches

    near = get_close_matches(str(wanted)[:COMPARED_CHARACTERS], known, 1, least)
    return f"did you mean {_shown_name(near[0])}?" if near else ""


def meant_by(word: str, known: Collection[str]) -> list[str]:
    """Return the known names that people mean by another word, or by another spelling.

    >>> meant_by("TSV", ["csv", "json"]), meant_by("params", ["csv", "json"])
    (['csv'], [])
    >>> meant_by("max_vram", ["max-memory"]), meant_by("max_memory", ["max-memory"])
    (['max-memory'], ['max-memory'])
    """
    spelled = _spelled(word)
    return [name for meant in (spelled, OTHER_WORDS.get(spelled)) for name in known if _spelled(name) == meant]


def _spelled(name: str) -> str:
    return name.lower().replace("-", "_")


def choices(wanted: object, known: Sequence[str]) -> str:
    """Return what to write instead of an unknown name: the names that resemble it, or else all known names.

    >>> choices("jsn", ["json", "csv"]), choices("x", ["json", "csv"])
    ('did you mean json?', 'choose from: json, csv')
    """
    return near_miss(wanted, known, f"choose from: {', '.join(known)}")


def _shown_name(name: str) -> str:
    """Return a plain name unchanged, and any other quoted, because it may come from a file."""
    return name if name.isprintable() and len(name) <= SHOWN_CHARACTERS else quote_long(name)
