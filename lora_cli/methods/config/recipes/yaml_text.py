"""YAML as plain data, by PyYAML's safe loader: nothing in it is executed, and no alias makes it grow.

This is the one file that imports PyYAML.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from lora_cli.errors import InvalidInput, argument, printable, quote, quote_long

PACKAGE = "yaml"
EXTRA = "pip install 'lora-cli[recipes]'"
# Recipes have some hundred values, a few levels deep.
MAX_NODES = 20_000
MAX_DEPTH = 40
# PyYAML repeats what the file has, however long it is.
MAX_REASON = 160


def read_yaml(text: str, path: str) -> Any:
    """Return the data of a YAML text; `path` names it in messages.

    What is not one plain document raises `InvalidInput`: broken YAML, tags that build objects, fields that are given
    twice, and aliases that refer to what is around them or repeat so much that the data grows.
    """
    if find_spec(PACKAGE) is None:
        raise InvalidInput(f"{argument('recipe')}: {quote_long(path)} is YAML, which needs PyYAML: {EXTRA}")
    import yaml

    try:
        return yaml.load(text, _counting_loader(path))  # noqa: S506
    except InvalidInput:
        raise
    except yaml.MarkedYAMLError as error:
        reason = " ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark or error.context_mark
        raise _not_yaml(path, reason if mark is None else f"{reason} (line {mark.line + 1})") from error
    except RecursionError as error:
        raise _not_yaml(path, "it is nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # Python's message about a number of thousands of digits says how to allow it; that part is left out.
        raise _not_yaml(path, str(error).partition("\n")[0].partition("; use sys.")[0]) from error


def _counting_loader(path: str) -> Any:
    """Return the safe loader, with limits on what it composes, before anything is constructed of that."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            self.total, self.depth = 0, 0
            self.sizes: dict[int, int] = {}

        def compose_node(self, parent: Any, index: Any) -> Any:
            # An alias counts as all that it stands for.
            event = self.peek_event()
            if isinstance(event, yaml.AliasEvent):
                node = super().compose_node(parent, index)
                if id(node) not in self.sizes:
                    raise _wrong(path, f"the alias *{event.anchor} stands inside what it refers to", event.start_mark)
                self.count(self.sizes[id(node)], event.start_mark)
                return node
            before = self.total
            self.count(1, event.start_mark)
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise _wrong(path, f"it is nested over {MAX_DEPTH} levels deep", event.start_mark)
            node = super().compose_node(parent, index)
            self.depth -= 1
            self.sizes[id(node)] = self.total - before
            return node

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            _refuse_repeated([key for key, _ in node.value], path)
            return node

        def count(self, nodes: int, mark: Any) -> None:
            self.total += nodes
            if self.total > MAX_NODES:
                raise _wrong(path, f"it has over {MAX_NODES} values, repeated ones included", mark)

    return Loader


def _refuse_repeated(keys: Sequence[Any], path: str) -> None:
    given = set()
    for key in keys:
        name = key.tag, str(key.value)
        if name in given:
            raise _wrong(path, f"{quote(key.value)} is given twice; keep one of them", key.start_mark)
        given.add(name)


def _wrong(path: str, what: str, mark: Any) -> InvalidInput:
    return InvalidInput(f"{quote_long(path)} is not a recipe: {what} (line {mark.line + 1})")


def _not_yaml(path: str, reason: str) -> InvalidInput:
    line = printable(reason.replace("\n", " "))
    shown = line if len(line) <= MAX_REASON else f"{line[:MAX_REASON]}... ({len(line)} characters)"
    return InvalidInput(f"{quote_long(path)} is not plain YAML: {shown}")
