"""What would be wrong with a release is seen before it is one."""

from __future__ import annotations

import pytest
import release

PACKAGE = release.files_below("lora_cli")
METADATA = {f"{release.STEM}.dist-info/{name}" for name in ("METADATA", "RECORD", "licenses/LICENSE")}
SDIST = {f"{release.STEM}/{name}" for name in PACKAGE | release.files_below("tests") | release.BESIDE}
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [{}]{}\n\n## [0.0.1] - 2026-01-02\n"


def test_the_files_that_the_program_reads_are_in_the_package() -> None:
    """Not only modules."""
    data = {"py.typed", "models/loading.json", "models/sources/presets.json"}
    assert {f"lora_cli/{name}" for name in data} <= PACKAGE


@pytest.mark.parametrize(
    ("lacks", "has"),
    [
        (set(), set()),
        ({"lora_cli/py.typed"}, set()),
        ({"lora_cli/models/sources/presets.json"}, set()),
        ({f"{release.STEM}.dist-info/licenses/LICENSE"}, set()),
        (set(), {"tests/conftest.py"}),
        (set(), {"lora_cli/__pycache__/errors.pyc"}),
    ],
)
def test_a_wheel_has_the_package_and_its_licence_and_nothing_else(lacks: set[str], has: set[str]) -> None:
    """What is missing and what is too much are each named."""
    assert len(list(release.wheel_faults((PACKAGE | METADATA | has) - lacks))) == len(lacks | has)


@pytest.mark.parametrize("lacks", ["", "tests/conftest.py", "pyproject.toml", "lora_cli/errors.py", ".ci/run"])
def test_an_sdist_has_what_the_package_is_built_and_tested_with(lacks: str) -> None:
    """The tests among it."""
    names = SDIST - {f"{release.STEM}/{lacks}"}
    assert list(release.sdist_faults(names)) == ([f"the sdist lacks {release.STEM}/{lacks}"] if lacks else [])


@pytest.mark.parametrize(("version", "date"), [("9.9.9", " - 2026-01-02"), (release.lora_cli.__version__, "")])
def test_the_changelog_has_the_version_and_its_date(version: str, date: str) -> None:
    """Directly below what is unreleased."""
    (fault,) = release.changelog_faults(CHANGELOG.format(version, date))
    assert f"[{version}]{date}" in fault
    assert list(release.changelog_faults(CHANGELOG.format(release.lora_cli.__version__, " - 2026-01-02"))) == []


def test_what_is_unreleased_keeps_its_place() -> None:
    """A release leaves the heading for what comes next."""
    text = CHANGELOG.format(release.lora_cli.__version__, " - 2026-01-02").replace(
        "[Unreleased]", "[0.0.2] - 2026-01-03"
    )
    (fault,) = release.changelog_faults(text)
    assert "[Unreleased]" in fault
