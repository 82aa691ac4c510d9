"""Build the wheel and the sdist, check both, and put them into a folder: `python tests/support/release.py [FOLDER]`.

It needs the extra `release`, and a network for pip. FOLDER is `dist` by default, and gets nothing unless both
are as they should be: the metadata and README that an index shows, the files, the version and its place in CHANGELOG.md,
and README's first command, run where nothing else is installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import lora_cli

PROJECT = Path(__file__).parents[2]
STEM = f"lora_cli-{lora_cli.__version__}"
COMMAND = ("count", "-d", "1024", "-h", "1024", "-r", "32", "--field", "trainable_params,percent_of_full")
ANSWER = "65536\t6.25\n"
# What an sdist has beside the package and the tests, which it can run.
BESIDE = {"PKG-INFO", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".ci/run", ".github/CONTRIBUTING.md"}


def files_below(folder: str) -> set[str]:
    """Return the paths of the project's files in a folder of it, without what Python caches."""
    paths = (path for path in (PROJECT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(PROJECT).as_posix() for path in paths}


def wheel_faults(names: set[str]) -> Iterator[str]:
    """Yield what is wrong with the files of a wheel: it has those of the package, and its metadata with the licence."""
    package, metadata = files_below("lora_cli"), f"{STEM}.dist-info/"
    yield from (f"the wheel lacks {name}" for name in sorted(package - names))
    strange = {name for name in names - package if not name.startswith(metadata)}
    yield from (f"the wheel should not have {name}" for name in sorted(strange))
    if f"{metadata}licenses/LICENSE" not in names:
        yield "the wheel lacks its licence"


def sdist_faults(names: set[str]) -> Iterator[str]:
    """Yield what is wrong with the files of an sdist: all that the package is built and tested with is there."""
    wanted = {f"{STEM}/{name}" for name in files_below("lora_cli") | files_below("tests") | BESIDE}
    yield from (f"the sdist lacks {name}" for name in sorted(wanted - names))


def changelog_faults(text: str) -> Iterator[str]:
    """Yield what is wrong with the changelog: below what is unreleased, the version has a section with its date."""
    first, second, *_ = re.findall(r"^## \[(.*)$", text, re.MULTILINE)
    if first != "Unreleased]":
        yield f"CHANGELOG.md begins with [{first}, where [Unreleased] belongs"
    if not re.fullmatch(rf"{re.escape(lora_cli.__version__)}\] - \d{{4}}-\d\d-\d\d", second):
        yield f"the newest version in CHANGELOG.md is [{second}, where {lora_cli.__version__} with its date belongs"


def installed_faults(file: Path, folder: Path) -> Iterator[str]:
    """Yield what is wrong where only this file is installed, with what it depends on."""
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", file], check=True)
    for arguments, answer in ((("--version",), f"lora-cli {lora_cli.__version__}\n"), (COMMAND, ANSWER)):
        done = subprocess.run(
            [scripts / "lora-cli", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.stdout != answer:
            yield f"{file.name}: lora-cli {' '.join(arguments)} printed {done.stdout + done.stderr!r}, not {answer!r}"


def faults(work: Path) -> Iterator[str]:
    """Build both files in a folder, and yield what is wrong with them."""
    built = work / "dist"
    subprocess.run([sys.executable, "-m", "build", "--outdir", built, PROJECT], check=True)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *built.iterdir()], check=True)
    sdist, wheel = built / f"{STEM}.tar.gz", built / f"{STEM}-py3-none-any.whl"
    with tarfile.open(sdist) as source, zipfile.ZipFile(wheel) as archive:
        yield from sdist_faults(set(source.getnames()))
        yield from wheel_faults(set(archive.namelist()))
    yield from changelog_faults((PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"))
    for file in (sdist, wheel):
        yield from installed_faults(file, work / file.suffix)


def main() -> int:
    """Build, check, and return the exit code."""
    target = Path(*sys.argv[1:2] or ["dist"])
    with tempfile.TemporaryDirectory() as folder:
        found = list(faults(Path(folder)))
        for fault in found:
            print(fault, file=sys.stderr)
        if not found:
            shutil.copytree(Path(folder, "dist"), target, dirs_exist_ok=True)
            print(f"{target} has the wheel and the sdist of {lora_cli.__version__}, both checked")
    return min(1, len(found))


if __name__ == "__main__":
    sys.exit(main())
