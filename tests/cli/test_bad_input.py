"""Broken and hostile input: one clear line, exit code 2, nothing written, at once."""

from __future__ import annotations

import pytest
from program import run

NINES = "9" * 5000
NUMBERS = ["0", "-5", "1.5", "", NINES, "١٢", "2147483648", "abc", "1e3", "+5", " 5", "1__0", "0x10", "\x1b[31m"]
AXES = [
    "",
    ",",
    "4,,8",
    "8,0",
    "1:8:0",
    "8:1:1",
    "1:8:x1",
    "1:8:x0",
    "1:8:x",
    "1:8:1:1",
    ":::",
    "0:8:1",
    "1:8:-1",
]
HUGE = ("-d", "2147483647", "-h", "2147483647", "-r", "2147483647")


def refusal(*arguments: str) -> str:
    """Return the one line that refuses these arguments."""
    done = run(*arguments, timeout=10)
    assert done.returncode == 2
    assert done.stdout == ""
    line, end = done.stderr[:-1], done.stderr[-1:]
    assert end == "\n"
    assert line.isprintable()
    assert line.startswith("lora-cli: error: ")
    assert len(line) < 400
    return line


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("option", ["-d", "-h", "-r"])
def test_what_is_no_size_is_refused(option: str, number: str) -> None:
    """The line names the option and the limit."""
    sizes = {"-d": "8", "-h": "8", "-r": "2"} | {option: number}
    line = refusal("count", *(part for pair in sizes.items() for part in pair))
    assert option in line
    assert "2147483647" in line


@pytest.mark.parametrize("axis", AXES)
def test_what_is_no_axis_is_refused(axis: str) -> None:
    """The line names the option."""
    assert "-d/--in-features" in refusal("sweep", "-d", axis, "-h", "8", "-r", "2")


@pytest.mark.parametrize(
    "alpha", ["nan", "inf", "-inf", "0", "-0.0", "-1", "1e999", NINES, "", "٣", "1_0", "sixteen", "0x1p3"]
)
def test_what_is_no_alpha_is_refused(alpha: str) -> None:
    """A scaling that is nothing, or no number, makes no forward pass."""
    assert "alpha" in refusal("forward", "-d", "8", "-h", "8", "-r", "2", "--alpha", alpha)


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("--max-percent", "abc"),
        ("--max-percent", "nan"),
        ("--max-percent", ""),
        ("--max-percent", "-5"),
        ("--min-saved", "inf"),
        ("--min-saved", "100.1"),
        ("--max-params", "1.5"),
        ("--max-params", "10X"),
        ("--max-params", "-5"),
        ("--expect-params", NINES),
        ("--expect-params", "50MB"),
        ("--max-bytes", "50M"),
        ("--max-bytes", "-1"),
        ("--max-bytes", NINES),
    ],
)
def test_what_is_no_limit_is_refused(limit: str, value: str) -> None:
    """The line names the limit's option."""
    assert limit in refusal("check", "-d", "8", "-h", "8", "-r", "2", limit, value)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("count", "-d", "8", "-h", "8"), "--rank"),
        (("count",), "--in-features"),
        (("count", "-h"), "--help"),
        (("count", "-h", "-d", "8", "-r", "2"), "--help"),
        (("cuont",), "did you mean count?"),
        (("--fromat",), "--help"),
        (("count", *HUGE, "--fromat", "json"), "did you mean --format?"),
        (("count", *HUGE, "extra"), "--model"),
        (("count", "gpt2", "extra"), "extra"),
        (("count", *HUGE, "--format", "xml"), "ndjson"),
        (("count", *HUGE, "--format", "markdwon"), "did you mean markdown?"),
        (("count", *HUGE, "--field", "params"), "did you mean trainable_params?"),
        (("count", *HUGE, "--field", "x"), "trainable_params"),
        (("count", *HUGE, "--color", "red"), "always"),
        (("count", *HUGE, "--method", "lorra"), "lora"),
        (("count", *HUGE, "--output", ""), "cannot write"),
        (("forward", "-d", "8", "-h", "8", "-r", "2", "--dtype", "int8"), "bfloat16"),
        (("forward", "-d", "8", "-h", "8", "-r", "2", "--init", "ones"), "zero"),
        (("forward", "-d", "8", "-h", "8", "-r", "2", "--seed", "-1"), "--seed"),
        (("forward", "-d", "8", "-h", "8", "-r", "2", "--batch", "0"), "--batch"),
        (("forward", *HUGE), "limit"),
        (("forward", "-d", "1000000", "-h", "8", "-r", "1000000"), "smaller rank"),
        (("check", "-d", "8", "-h", "8", "-r", "2"), "max-percent"),
        (("sweep", "--model", "gpt2", "-r", "2", "--method", "dorra"), "lora"),
        (("sweep", "--model", "gpt2", "-r", "2", "-d", "8"), "--model"),
        (("sweep", "-d", "8", "-h", "8", "-r", "2", "--target", "c_attn"), "--model"),
        (("sweep", "-d", "8", "-r", "2"), "square"),
        (("sweep", "-d", "8", "-h", "8", "--square", "-r", "2"), "square"),
        (("sweep", "-d", "1:1000000:1", "-h", "1:1000000:1", "-r", "2"), "1,000,000,000,000 rows"),
        (("sweep", "-d", "1:5001:1", "--square", "-r", "2", "--format", "table"), "csv, json or ndjson"),
    ],
)
def test_the_line_names_what_helps(arguments: tuple[str, ...], named: str) -> None:
    """What is wrong is said with the limit, the choices or the fix."""
    assert named in refusal(*arguments)


def test_the_largest_sizes_are_answered() -> None:
    """The limit itself is inside, and the figures are exact past 64 bits."""
    done = run("count", *HUGE, "--field", "all_params")
    size = 2**31 - 1
    assert (done.returncode, done.stdout) == (0, f"{3 * size * size}\n")


def test_leading_zeros_are_a_number() -> None:
    """A padded counter of a shell loop is what it says."""
    assert run("count", "-d", "008", "-h", "8", "-r", "2", "--field", "d").stdout == "8\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("count gpt2 --csv", "count has no option --csv; did you mean --format csv?"),
        ("models --tsv", "models has no option --tsv; did you mean --format csv?"),
        ("sweep gpt2 -r 8 --ndjson", "sweep has no option --ndjson; did you mean --format ndjson?"),
        ("count gpt2 --format jsonl", "--format: 'jsonl' is not known; did you mean ndjson?"),
        (
            "sweep gpt2 -r 8 --sort params",
            "--sort: 'params' is not a field of this sweep; did you mean trainable_params?",
        ),
        ("count gpt2 --field kind", "--field: 'kind' needs --per-module; give that too"),
        ("sweep gpt2 -r 8 --field peak_bytes", "--field: 'peak_bytes' needs --memory; give that too"),
        ("sweep gpt2 -r 8 --field peak_byte", "is not a field of sweep; did you mean peak_bytes, "),
        ("count gpt2 --per-module --field nope", "is not a field of count with --per-module; choose from: name, kind,"),
        ("memory gpt2 --field slots", "--field: 'slots' needs --serve; give that too"),
        ("count gpt2 --field -", "--field: '-' is not a field of count; choose from: "),
        ("memory gpt2 -r 8 --quantize int4", "--quantize: 'int4' is not known; did you mean nf4?"),
        ("memory gpt2 -r 8 --quantize 8bit", "--quantize: '8bit' is not known; did you mean int8?"),
        ("memory gpt2 -r 8 --quantize qlora", "--quantize: 'qlora' is not known; did you mean nf4?"),
    ],
)
def test_what_people_call_something_is_told_by_its_name(line: str, answer: str) -> None:
    """Where the name is known; a word that means nothing here gets all names."""
    done = run(*line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert answer in done.stderr


@pytest.mark.parametrize(
    ("line", "field", "command"),
    [
        ("count gpt2 --per-module", "model", "count"),
        ("count gpt2 --per-module", "adapter_bytes", "count"),
        ("memory llama-3.1-8b --serve 8", "peak_bytes", "memory"),
        ("memory llama-3.1-8b --serve 8", "train_seconds", "memory"),
    ],
)
def test_a_field_that_an_option_takes_away_is_told_as_that(line: str, field: str, command: str) -> None:
    """The records are others then, and the message lists their fields or a near one."""
    option = line.split()[2]
    done = run(*line.split(), "--field", field)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--field: '{field}' is a field of {command} only without {option}; " in done.stderr
