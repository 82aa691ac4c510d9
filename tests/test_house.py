"""How the house is kept: rules about files, names, imports and words that no linter has."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "lora_cli"
FILES = sorted(PACKAGE.rglob("*.py"))
TOP_LEVEL = {"lora_cli", "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"}
MOST_FILES, MOST_LINES = 30, 350
LOWER_ROOMS = ("models", "methods", "analysis")
# Their files have the names that PEFT and transformers give, and trainers their own words for methods and models.
CATALOGUES = (
    "methods/catalogue",
    "methods/config/recipes/trainers",
    "models/architectures",
    "analysis/memory/replay/adapters",
)
# "There is no file" is English, "x is no file" is not.
NO_THING = re.compile(r"(?<!there )\b(is|are) no\s", re.IGNORECASE)
# What lists all of a catalogue.
LISTS = ("methods/registry.py",)


def path_of(file: Path) -> str:
    """Return a file's path within the package."""
    return file.relative_to(PACKAGE).as_posix()


@cache
def tree(file: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(file.read_text(encoding="utf-8"))


def assert_none(offenders: dict[str, str]) -> None:
    """Say of each that offends what is wrong."""
    assert not offenders, "\n".join(f"{name}: {what}" for name, what in offenders.items())


MODULES = {
    ".".join(("lora_cli", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in FILES
}


def imports(module: str) -> set[str]:
    """Return the modules of ours that a module imports anywhere: on top, in a function, by name, or for types alone."""
    found = set()
    for node in ast.walk(tree(MODULES[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            # What is imported from a package is another module, or is in the package's own file.
            wholes = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {whole if whole in MODULES else str(node.module) for whole in wholes}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr) and isinstance(start := node.values[0], ast.Constant):
            # As a registry names what it imports: f"lora_cli.cli.commands.{name}".
            start_text = str(start.value)
            found |= {name for name in MODULES if name.startswith(start_text) and start_text.startswith("lora_cli.")}
    return found & MODULES.keys()


def circle(start: str, graph: dict[str, set[str]]) -> list[str]:
    """Return the shortest way from a module back to it, or nothing."""
    before = dict.fromkeys(sorted(graph[start]), start)
    queue = list(before)
    for module in queue:
        if module == start:
            way = [start]
            while (previous := before[way[-1]]) != start:
                way.append(previous)
            return [start, *reversed(way[1:]), start]
        for following in sorted(graph[module] - before.keys()):
            before[following] = module
            queue.append(following)
    return []


def test_no_imports_go_in_circles() -> None:
    """Not through an import in a function, or for the type checker, either."""
    graph = {module: imports(module) for module in MODULES}
    found = {module: circle(module, graph) for module in MODULES}
    assert_none({module: " -> ".join(way) for module, way in found.items() if way})


def test_no_folder_is_crowded() -> None:
    """With more than thirty files a folder has things of two kinds."""
    folders = {file.parent for file in FILES}
    counts = {path_of(folder): len(list(folder.glob("*.py"))) for folder in folders}
    assert_none({name: f"{count} files" for name, count in counts.items() if count > MOST_FILES})


def test_no_file_is_long() -> None:
    """A file is read in one sitting."""
    lines = {path_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert_none({name: f"{count} lines" for name, count in lines.items() if count > MOST_LINES})


def is_one_letter_apart(one: str, other: str) -> bool:
    """Whether a letter more, less or other makes one word of the other."""
    short, long = sorted((one, other), key=len)
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long, strict=True)) == 1
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long))) and len(long) - len(short) == 1


def test_no_two_files_are_a_letter_apart() -> None:
    """Nobody remembers which is which."""
    assert is_one_letter_apart("finding", "findings")
    assert is_one_letter_apart("tiles", "files")
    assert not is_one_letter_apart("count", "count")
    assert not is_one_letter_apart("lock", "locks_of")
    stems = {file.stem for file in FILES if not path_of(file).startswith(CATALOGUES)}
    pairs = [pair for pair in combinations(sorted(stems), 2) if is_one_letter_apart(*pair)]
    assert_none({"/".join(pair): "a letter apart" for pair in pairs})


def test_the_top_level_is_small() -> None:
    """What a visitor sees first."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    if (PROJECT / ".git").exists():
        listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
        names = {name.split("/")[0] for name in listed if (PROJECT / name).exists()}
    else:
        # An sdist has its metadata here.
        names = set(os.listdir(PROJECT)) - {"PKG-INFO"}
    assert_none({name: "not here" for name in names if not name.startswith(".") and name not in TOP_LEVEL})


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the string literals of a file with their lines, docstrings among them."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_nothing_is_no_thing() -> None:
    """English says `is not a file`, not `is no file`."""
    found = {path_of(file): [line for line, text in texts(file) if NO_THING.search(text)] for file in FILES}
    assert_none({name: f"lines {lines}" for name, lines in found.items() if lines})


def test_lower_rooms_name_no_options() -> None:
    """An option's name is the command line's; `errors.argument` has it for whoever asks."""
    rooms = [file for file in FILES if path_of(file).startswith(LOWER_ROOMS)]
    # A docstring may show a command.
    found = {
        path_of(file): [
            line for line, text in texts(file) if re.search(r"--[a-z]", re.sub(r"lora-cli [a-z]+ [^`\n]*", "", text))
        ]
        for file in rooms
    }
    assert_none({name: f"lines {lines}" for name, lines in found.items() if lines})


def words(node: ast.expr, constants: dict[str, ast.expr]) -> set[str]:
    """Return the texts that something is compared with: one, some in brackets, or a constant of the file."""
    if isinstance(node, ast.Name):
        node = constants.get(node.id, node)
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    parts = (
        node.elts
        if isinstance(node, ast.Tuple | ast.List | ast.Set)
        else node.keys
        if isinstance(node, ast.Dict)
        else [node]
    )
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_a_name_of_a_catalogue_is_compared_in_the_catalogue_alone(catalogue: str) -> None:
    """What varies by method or by family is a field of its declaration; PEFT's methods may ask for a model's type."""
    stems = {file.stem for file in FILES if path_of(file).startswith(catalogue)} - {"__init__"}
    names = stems | {stem.upper() for stem in stems} | ({"dora", "rslora"} if "methods" in catalogue else set())
    found: dict[str, str] = {}
    for file in FILES:
        if path_of(file).startswith((*CATALOGUES, *LISTS)):
            continue
        constants = {
            target.id: node.value
            for node in tree(file).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Compare):
                compared = names & {word for side in (node.left, *node.comparators) for word in words(side, constants)}
                if compared:
                    found[path_of(file)] = f"line {node.lineno} compares with {sorted(compared)}"
    assert_none(found)
