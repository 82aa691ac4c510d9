"""What every question returns: figures by name, as attributes, as a mapping and as a dict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lora_cli.errors import printable
from lora_cli.quantities import Value, number_text

Record = Mapping[str, Value]


class Result(Mapping[str, Value]):
    """An answer: a read-only mapping of its fields, which are attributes too.

    A subclass declares its fields by annotations. A field that the question has no figure for, such as `d` of a whole
    model, is not among the keys, and its attribute is None. `warnings` and `notes` are sentences to say beside it.

    A dataclass would be made at every start, which costs more than one count does.
    """

    __slots__ = ("_record", "notes", "warnings")

    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    _record: Record

    def __init__(
        self, record: Record, *, warnings: Sequence[str] = (), notes: Sequence[str] = (), **others: object
    ) -> None:
        """Make a result of its figures; `others` are what else a subclass keeps in its slots."""
        self.__setstate__((None, {"_record": record, "warnings": tuple(warnings), "notes": tuple(notes), **others}))

    def record(self) -> dict[str, Value]:
        """Return the figures by name, in their order."""
        return dict(self._record)

    def __getitem__(self, field: str) -> Value:
        return self._record[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def __len__(self) -> int:
        return len(self._record)

    if not TYPE_CHECKING:
        # Hidden from the type checker, which knows the fields by their annotations and refuses any other.
        def __getattr__(self, name: str) -> Value:
            if not name.startswith("_"):
                if name in self._record:
                    return self._record[name]
                if name in self._declared():
                    return None
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a result is read-only, so {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a result is read-only, so {name!r} cannot be deleted")

    def __setstate__(self, state: tuple[None, Mapping[str, object]]) -> None:
        # The one place where attributes are set: for a new result, and for one that is unpickled or copied.
        for name, value in state[1].items():
            object.__setattr__(self, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._declared()})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{field}={value!r}' for field, value in self.items())})"

    def __str__(self) -> str:
        """Return the table that `print` shows: each attribute and its value."""
        return text_table(self.items())

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        return html_table(("field", "value"), self.items())

    @classmethod
    def _declared(cls) -> set[str]:
        from inspect import get_annotations

        classes = cls.__mro__[: cls.__mro__.index(Result)]
        return {name for each in classes for name in get_annotations(each) if not name.startswith("_")}


def text_table(rows: Iterable[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Return rows as lines, below a header if there is one, with columns of numbers aligned right.

    >>> print(text_table([("gpt2", 8), ("llama", 16384)], ("model", "r")))
    model       r
    gpt2        8
    llama  16,384
    """
    columns = []
    for at, cells in enumerate(zip(*rows, strict=True)):
        texts = [*header[at : at + 1], *map(value_text, cells)]
        width = max(map(len, texts))
        is_number = all(isinstance(cell, int | float) for cell in cells)
        columns.append([text.rjust(width) if is_number else text.ljust(width) for text in texts])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def value_text(value: object) -> str:
    """Return a value for people, to six digits, but nothing that is not whole as a whole number."""
    if isinstance(value, float):
        text = number_text(value)
        return text if value.is_integer() or "." in text else repr(value)
    return printable(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))


def html_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as an HTML table, every cell escaped.

    >>> html_table(("name",), [("<b>",)])
    '<table><thead><tr><th>name</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    from html import escape

    def line(cells: Sequence[object], tag: str) -> str:
        texts = ("" if cell is None else str(cell) for cell in cells)
        return "<tr>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"
