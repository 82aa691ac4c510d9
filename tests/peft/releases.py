"""What each release of PEFT reads in an adapter_config.json: its methods, their fields, and how LoRA may start.

`python tests/peft/releases.py` records it in lora_cli/methods/config/peft_releases.json, from the source of every release
on PyPI, which is parsed and never imported. It needs a network; `--wheels FOLDER` reads wheels that are there already.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

from lora_cli.methods.config.peft_releases import IGNORED, RECORDED, REFUSED, WARNED

# The first release whose configs are those of today.
FIRST = (0, 2, 0)
# Where configs are read, since 0.6.
CONFIG = "peft/config.py"
# A default that is not a plain value.
UNKNOWN = object()
# The file that starts LoRA's A and B, and what it calls the way.
LAYER, START = "peft/tuners/lora/layer.py", "init_lora_weights"
Version = tuple[int, ...]


class Release(NamedTuple):
    """A release: the fields of each method's config with their defaults, and what it does with other fields.

    `starts` are the texts that `init_lora_weights` may begin with, and `safetensors` says whether it reads such files.
    """

    version: str
    methods: Mapping[str, Mapping[str, object]]
    others: str
    starts: Sequence[str]
    safetensors: bool


def number(version: str) -> Version:
    """Return a version as numbers, which compare."""
    return tuple(map(int, version.split(".")))


def read_release(wheel: Path) -> Release:
    """Read a release from its wheel."""
    with ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(r"peft/.*\.py", name)]
        # Some wheels still have the file that a package or another file took the place of.
        left = {"peft/utils/config.py"} if CONFIG in names else set()
        left |= {f"{name.removesuffix('/__init__.py')}.py" for name in names}
        sources = {name: archive.read(name).decode() for name in names if name not in left}
    classes = {
        node.name: node
        for source in sources.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    }
    known = {line.targets[0].id for line in classes["PeftType"].body if isinstance(line, ast.Assign)}
    methods = {
        method: dict(_fields(node, classes)) for node in classes.values() if (method := _method_of(node)) in known
    }
    loaders = "".join(sources.get(name, "") for name in ("peft/peft_model.py", "peft/utils/save_and_load.py"))
    version = wheel.name.split("-")[1]
    starts = sorted(set(_starts(sources.get(LAYER, ""))))
    return Release(version, methods, _others(sources), starts, "SAFETENSORS_WEIGHTS_NAME" in loaders)


def _method_of(node: ast.ClassDef) -> str:
    """Return the method whose config a class is: the one that its `__post_init__` sets as `peft_type`."""
    if not node.name.endswith("Config"):
        return ""
    for line in ast.walk(node):
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Attribute):
            target = line.targets[0]
            if isinstance(target, ast.Attribute) and target.attr == "peft_type":
                return line.value.attr
    return ""


def _fields(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[tuple[str, object]]:
    """Yield the fields of a dataclass that its `__init__` takes, those of its bases first."""
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
        if name in classes:
            yield from _fields(classes[name], classes)
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            if "ClassVar" in ast.unparse(line.annotation) or _is_left_out(line.value):
                continue
            yield line.target.id, _default(line.value)


def _is_left_out(value: ast.expr | None) -> bool:
    """Whether a field is not an argument of `__init__`."""
    keywords = {word.arg: ast.unparse(word.value) for word in value.keywords} if isinstance(value, ast.Call) else {}
    return keywords.get("init") == "False"


def _default(value: ast.expr | None) -> object:
    if isinstance(value, ast.Call):
        keywords = {word.arg: word.value for word in value.keywords}
        if "default_factory" in keywords:
            return {"dict": {}, "list": []}.get(ast.unparse(keywords["default_factory"]), UNKNOWN)
        value = keywords.get("default")
    if isinstance(value, ast.Attribute):
        # A member of an enumeration, which is saved by its value.
        return value.attr
    try:
        return UNKNOWN if value is None else ast.literal_eval(value)
    except ValueError:
        return UNKNOWN


def _starts(source: str) -> Iterator[str]:
    """Yield the texts with which LoRA's layer compares its way to start."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) or (
            isinstance(node, ast.Call) and ast.unparse(node.func) == f"{START}.startswith"
        ):
            first, texts = (node.left, node.comparators) if isinstance(node, ast.Compare) else (node.func, node.args)
            if ast.unparse(first).startswith(START):
                yield from (
                    each.value for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )


def _others(sources: Mapping[str, str]) -> str:
    """Return what `from_pretrained` does with a field that a config class does not have."""
    source = sources.get(CONFIG) or sources["peft/utils/config.py"]
    if "_check_and_remove_unused_kwargs" in source:
        return WARNED
    return IGNORED if "if hasattr(config, key)" in source else REFUSED


def record(releases: Iterable[Release]) -> dict[str, Any]:
    """Return what is recorded of some releases, the oldest first: the first release of each method, field and start."""
    methods: dict[str, dict[str, Any]] = {}
    others: dict[str, str] = {}
    starts: dict[str, str] = {}
    safetensors, known = None, []
    for release in releases:
        version = release.version
        known.append(version)
        safetensors = safetensors or (version if release.safetensors else None)
        if not others or [*others.values()][-1] != release.others:
            others[version] = release.others
        for start in release.starts:
            starts.setdefault(start, version)
        for name, fields in release.methods.items():
            _add(methods.setdefault(name, {"fields": {}, "defaults": {}, "dropped": {}}), fields, version)
    return {
        "made": {"made by": "python tests/peft/releases.py", "from": "the releases of peft on PyPI"},
        "releases": known,
        "other_fields": others,
        "safetensors": safetensors,
        "starts": _by_release(starts),
        # What the last release does not have is no method here.
        "methods": {name: _compact(methods[name]) for name in sorted(release.methods)},
    }


def _add(method: dict[str, Any], fields: Mapping[str, object], version: str) -> None:
    """Add what a release has of a method."""
    for name, default in fields.items():
        assert name not in method["dropped"], f"{name} is back in {version}"
        method["fields"].setdefault(name, version)
        method["defaults"][name] = default
    for name in method["fields"].keys() - fields.keys() - method["dropped"].keys():
        method["dropped"][name] = version


def _compact(method: dict[str, Any]) -> dict[str, Any]:
    """Return a method by release; of defaults those that are not null, false or empty."""
    found = {
        "fields": _by_release(method["fields"]),
        "defaults": {
            name: value for name, value in sorted(method["defaults"].items()) if value and value is not UNKNOWN
        },
        "dropped": _by_release(method["dropped"]),
    }
    return {key: value for key, value in found.items() if value}


def _by_release(versions: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, version in sorted(versions.items(), key=lambda item: (number(item[1]), item[0])):
        found.setdefault(version, []).append(name)
    return found


def _download(folder: Path) -> None:
    """Download the wheel of every release."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "index", "versions", "peft"], capture_output=True, text=True, check=True
    ).stdout
    versions = re.findall(r"\d+\.\d+\.\d+", listed.partition("Available versions:")[2].splitlines()[0])
    for version in versions:
        if number(version) >= FIRST:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"peft=={version}"]
            subprocess.run([*command, "--dest", str(folder)], check=True)


def releases(folder: Path) -> list[Release]:
    """Return the releases whose wheels are in a folder, the oldest first."""
    wheels = [wheel for wheel in folder.glob("peft-*.whl") if number(wheel.name.split("-")[1]) >= FIRST]
    return sorted(map(read_release, wheels), key=lambda release: number(release.version))


def main() -> None:
    """Record what the releases have."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--wheels", type=Path, help="folder that has the wheels")
    folder = parser.parse_args().wheels
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = Path(temporary)
            _download(folder)
        found = record(releases(folder))
    methods = ",\n".join(f"{json.dumps(name)}: {json.dumps(method)}" for name, method in found.pop("methods").items())
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items())
    Path(RECORDED).write_text(f'{{\n{head},\n"methods": {{\n{methods}\n}}\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
