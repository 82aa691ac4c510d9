"""JUnit's XML, read back by the standard library's parser as CI systems read it."""

from __future__ import annotations

import io
from collections.abc import Callable
from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from program import run

from lora_cli.analysis.check.verdict import FIELDS
from lora_cli.errors import printable
from lora_cli.output import Report
from lora_cli.output.formats.junit import write_error

Write = Callable[..., str]
Make = Callable[..., Report]
Judged = list[tuple[str | None, str, str | None]]

TEXTS = st.text(max_size=30) | st.sampled_from(
    ['<a b="c">&amp;', "\x00\x1b[31m\x7f\x85", "\ufffe\ud800", "]]>", "é 😀", "a", "a (2)", "\\n", "\n"]
)
PATHS = st.none() | TEXTS
VERDICTS = st.lists(st.tuples(PATHS, TEXTS, TEXTS | st.none()), max_size=8)
# Fixtures that only make functions are the same for every example.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
# The attributes of the schema of Jenkins' xUnit plugin (junit-10.xsd), those that must be there first.
SCHEMA = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors")),
    "testsuite": (("name", "tests", "failures", "errors"), ("skipped", "file", "time", "package", "id")),
    "testcase": (("name",), ("classname", "time", "group")),
    "failure": ((), ("type", "message")),
    "error": ((), ("type", "message")),
    "skipped": ((), ()),
}


def parsed(text: str) -> ET.Element:
    """Return the document that the program wrote."""
    return ET.fromstring(text)  # noqa: S314 - it is the program's own


def assert_adds_up(node: ET.Element) -> None:
    """Fail where an element's counts are not those of the cases in it."""
    cases = node.findall(".//testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    assert (node.get("tests"), node.get("failures"), node.get("errors")) == (str(len(cases)), str(len(failed)), "0")


@SHARED
@given(verdicts=VERDICTS)
def test_every_record_is_a_case_and_all_adds_up(written: Write, judged: Make, verdicts: Judged) -> None:
    """Whatever names hold, the document is well-formed ASCII, has the schema's attributes, and its counts are true."""
    text = written("junit", judged(verdicts))
    assert text.isascii()
    root = parsed(text)
    assert root.tag == "testsuites"
    for node in root.iter():
        needed, others = SCHEMA[node.tag]
        assert set(needed) <= node.attrib.keys() <= {*needed, *others}
    for node in (root, *root.findall("testsuite")):
        assert_adds_up(node)
    cases = root.findall("testsuite/testcase")
    assert len(cases) == len(verdicts)
    for case, (path, rule, failure) in zip(cases, verdicts, strict=True):
        assert (case.get("name") or "").startswith(printable(rule if path is None else f"{path}: {rule}"))
        found = case.find("failure")
        assert (found is None) is (failure is None)
        if found is not None and failure is not None:
            assert (found.get("message"), found.text or "") == (printable(failure), printable(failure))


@SHARED
@given(verdicts=VERDICTS)
def test_no_two_cases_have_one_name(written: Write, judged: Make, verdicts: Judged) -> None:
    """GitLab knows a case by its name and shows one of those that share it."""
    root = parsed(written("junit", judged(verdicts)))
    names = [case.get("name") for case in root.iter("testcase")]
    assert len(names) == len(set(names))


def test_each_path_is_a_suite(written: Write, judged: Make) -> None:
    """A suite has the name and the file of its path, and the cases of that path alone."""
    verdicts = [("a", "max-params", None), ("a", "max-bytes", "over"), ("b", "max-params", None)]
    root = parsed(written("junit", judged(verdicts)))
    assert [(suite.get("name"), suite.get("file"), len(suite)) for suite in root] == [("a", "a", 2), ("b", "b", 1)]


@given(message=TEXTS)
def test_an_error_is_a_case_that_could_not_run(message: str) -> None:
    """Whatever the message holds, the document is well-formed ASCII and has the schema's attributes."""
    stream = io.StringIO()
    write_error("check", message, None, stream)
    assert stream.getvalue().isascii()
    root = parsed(stream.getvalue())
    for node in root.iter():
        needed, others = SCHEMA[node.tag]
        assert set(needed) <= node.attrib.keys() <= {*needed, *others}
    assert [(error.get("message"), error.text or "") for error in root.iter("error")] == [(printable(message),) * 2]


def test_check_reports_and_still_fails() -> None:
    """The program's own report: two limits, of which one fails, and exit code 1."""
    limits = ("--max-params", "1", "--max-percent", "100")
    done = run("check", "-d", "8", "-h", "8", "-r", "2", *limits, "--format", "junit")
    root = parsed(done.stdout)
    assert (done.returncode, root.get("tests"), root.get("failures")) == (1, "2", "1")
    assert_adds_up(root)


def test_what_was_not_checked_is_skipped(written: Write) -> None:
    """CI systems show it as neither passed nor failed."""
    rows = [("findings", 0, 0, True), ("loads-in diffusers", None, 0, None)]
    report = Report("check", FIELDS, [rows], 2, listing=True, failures=[None, None])
    root = parsed(written("junit", report))
    (suite,) = root
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["2", "0", "1"]
    assert [[child.tag for child in case] for case in suite] == [[], ["skipped"]]
