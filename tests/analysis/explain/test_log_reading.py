"""Counts in log lines: every format, whole logs, and lines that are broken or hostile."""

from __future__ import annotations

from contextlib import suppress

import pytest
from endings import ends
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import InvalidInput
from lora_cli.analysis.explain.log_formats import LOG_FORMATS, LogFormat
from lora_cli.analysis.explain.log_reading import MOST_CHARACTERS, read_log
from lora_cli.analysis.explain.printed_count import Figure

LINE = "trainable params: 41,943,040 || all params: 8,072,204,288 || trainable%: 0.5196"
# Lines of each trainer as they stand in public logs and READMEs, and the figures in them.
REAL = {
    "trainable params: 884,736 || all params: 248,462,592 || trainable%: 0.3561": (884736, 248462592),
    "trainable params: 8650752 || all params: 10597552128 || trainable%: 0.08162971878329976": (8650752, 10597552128),
    "trainable params: 79953920.0 || all params: 3660320768 || trainable: 2.184341894267557": (79953920, 3660320768),
    "[INFO|2026-01-02 03:04:05] llamafactory.model.loader:143 >> trainable params: 20,971,520 || all params: "
    "8,051,232,768 || trainable%: 0.2605": (20971520, 8051232768),
    "[2026-01-02 03:04:05,678] [INFO] [axolotl.loaders.adapter:401] [PID:1] trainable params: 20,971,520 || all params: "
    "8,051,232,768 || trainable%: 0.2605": (20971520, 8051232768),
    "trainable params: 20,971,520 || all params: 8,051,232,768 || trainable%: 0.2605|| cuda memory: 15.20GiB.": (
        20971520,
        8051232768,
    ),
    ' "-____-"     Trainable parameters = 33,030,144 of 4,055,498,240 (0.81% trained)': (33030144, 4055498240),
    ' "-____-"     Trainable parameters = 33,030,144/4,055,498,240 (0.81% trained)': (33030144, 4055498240),
    ' "-____-"     Number of trainable parameters = 41,943,040': (41943040, None),
    "***** Running training *****\n  Num Epochs = 3\n  Number of trainable parameters = 41,943,040": (41943040, None),
    "Trainable params: 11206656 || All params: 1091839488 || Trainable%: 1.03": (11206656, 1091839488),
}


@pytest.mark.parametrize("form", LOG_FORMATS.values(), ids=LOG_FORMATS.keys())
def test_every_format_reads_its_example(form: LogFormat) -> None:
    """Its figures are those of Llama 3.1 8B, all linear layers, rank 16, rounded where the trainer rounds them."""
    found = read_log(form.example).printed
    assert found.format == form.name
    assert found.trainable.has(41_943_040)
    assert found.all is None or found.all.has(8_072_204_288)
    assert found.contradiction() is None


@pytest.mark.parametrize("line", REAL)
def test_lines_of_real_logs_are_read(line: str) -> None:
    """With loggers' prefixes, without commas, with decimals, and in other cases."""
    found = read_log(line).printed
    assert (found.trainable.middle, None if found.all is None else found.all.middle) == REAL[line]
    assert found.trainable.is_exact


@given(st.integers(1, 10**15), st.integers(1, 10**15), st.booleans())
def test_a_line_that_peft_prints_is_read_to_the_digit(trained: int, frozen: int, commas: bool) -> None:
    """In the format of PEFT 0.3 and of today."""
    whole = trained + frozen
    spec, percent = (",d", f"{100 * trained / whole:.4f}") if commas else ("d", f"{100 * trained / whole}")
    line = f"trainable params: {trained:{spec}} || all params: {whole:{spec}} || trainable%: {percent}"
    found = read_log(f"before\n{line}\nafter")
    assert (found.printed.trainable, found.printed.all) == (Figure(trained, trained), Figure(whole, whole))
    assert (found.warnings, found.notes) == ((), ())


@given(st.integers(10**5, 10**11), st.integers(10**4, 10**12))
def test_a_rounded_figure_has_what_is_rounded_to_it(trained: int, frozen: int) -> None:
    """As ms-swift and mlx-lm print it."""
    whole = trained + frozen
    for line in (
        f"Model: {whole / 1e6:.4f}M Params ({trained / 1e6:.4f}M Trainable [{100 * trained / whole:.4f}%]), 0.0M Buffers.",
        f"Trainable parameters: {100 * trained / whole:.3f}% ({trained / 1e6:.3f}M/{whole / 1e6:.3f}M)",
    ):
        found = read_log(line).printed
        assert found.trainable.has(trained)
        assert found.all is not None
        assert found.all.has(whole)


def test_the_last_count_of_a_log_is_explained() -> None:
    """By the line with both figures, where the Trainer prints one of them again."""
    other, again = LINE.replace("41", "40"), "  Number of trainable parameters = 41,943,040\n"
    two = ("the log has 2 different counts; the last one is explained",)
    for log, trained, whole, notes in (
        (f"{LINE}\n{LINE}\n{again}", 41_943_040, 8_072_204_288, ()),
        (f"{other}\n{LINE}\n{again}", 41_943_040, 8_072_204_288, two),
        (f"{LINE}\n{other}\n{LINE}", 41_943_040, 8_072_204_288, two),
        (f"{LINE}\n{again.replace('41', '83')}", 83_943_040, None, two),
        (f"{LOG_FORMATS['ms-swift'].example}\n{again}", 41_943_000, 8_072_204_300, ()),
    ):
        found = read_log(log)
        assert found.printed.trainable.middle == trained
        assert (None if found.printed.all is None else found.printed.all.middle) == whole
        assert found.notes == notes


@pytest.mark.parametrize(
    "text", ["trainable params: 6,815,744", "6,815,744", " 6815744\n", "trainable params: 6815744 ||"]
)
def test_what_is_trained_is_enough(text: str) -> None:
    """A line that was cut, and the number alone."""
    found = read_log(text).printed
    assert (found.trainable, found.all) == (Figure(6_815_744, 6_815_744), None)


def test_code_that_prints_a_count_is_not_one() -> None:
    """A log may quote it; the line itself is found."""
    code = 'f"trainable params: {trainable_params:,d} || all params: {all_param:,d}"'
    assert read_log(f"{code}\n{LINE}").printed.trainable.low == 41_943_040
    with pytest.raises(InvalidInput, match="is not a count"):
        read_log(code)


def test_a_size_in_a_models_name_is_not_a_figure() -> None:
    """Unsloth read it off the name of a quantised model in 2025."""
    found = read_log("Trainable parameters = 11,272,192/1,000,000,000 (1.13% trained)")
    assert found.printed.all is None
    assert "only what is trained is explained" in found.notes[0]


def test_colours_do_not_hide_a_count() -> None:
    """Loggers put them anywhere."""
    coloured = "\x1b[32m" + LINE.replace("params:", "params:\x1b[0m")
    assert read_log(coloured).printed.trainable.low == 41_943_040


def test_a_percentage_that_contradicts_is_said() -> None:
    """The figures count."""
    (warning,) = read_log(LINE.replace("0.5196", "5.196")).warnings
    assert "'5.196' percent, but its figures make 0.5196" in warning
    assert read_log(LINE.replace("0.5196", "nan")).warnings != ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; give a log line"),
        (" \n\t", "is empty"),
        ("loss: 1.0", "has no line that says how many parameters are trained"),
        ("trainable params: -5 || all params: 10", "'-5' is not a count"),
        ("trainable params: ٤١ || all params: 10", "is not a count"),
        ("trainable params: ４１ || all params: 10", "is not a count"),
        ("trainable params: 1.5 || all params: 10", "'1.5' is not a whole number"),
        ("trainable params: 1e6 || all params: 10", "'1e6' is not a count"),
        ("trainable params: nan || all params: inf", "'nan' is not a count"),
        (f"trainable params: {'9' * 29} || all params: {'9' * 29}", "is more than any model has"),
        (
            "trainable params: 10 || all params: 10 || trainable%: 100",
            "every weight is trained: full fine-tuning, no ad",
        ),
        ("Trainable parameters: 100.000% (494.033M/494.033M)", "every weight is trained"),
        ("9" * 29, "is more than any model has"),
        ("9" * 31, "has no line"),
        ("1.5", "'1.5' is not a whole number"),
        ("0", "nothing is trained"),
        ("5 6", "has no line"),
        ("trainable params: 0.52%", "is not a whole number"),
        ("trainable params: 11 || all params: 10", "trains more parameters than there are"),
        ("trainable params: 0 || all params: 6,755,192,832", "unless is_trainable=True is given"),
        ("trainable params: 0 || all params: 0", "nothing is trained"),
        (None, "is not a string"),
        (b"x", "is not a string"),
        ("x" * (MOST_CHARACTERS + 1), "over the limit"),
    ],
)
def test_what_is_not_a_count_is_refused(text: object, said: str) -> None:
    """In one line that says what is wrong."""
    with pytest.raises(InvalidInput) as error:
        read_log(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "trainable params: " * 600_000,
        "9," * 5_000_000,
        "Trainable parameters = " + "1" * 10_000_000,
        " " * 10_000_000,
        "trainable params: 1 || " * 400_000,
        "ÄM params (\n" * 800_000,
        f"{LINE}\n" * 100_000,
        "\x1b[" * 4_000_000,
    ],
    ids=range(8),
)
def test_ten_megabytes_take_seconds(text: str) -> None:
    """Whatever they are made of."""
    with ends(), suppress(InvalidInput):
        read_log(text)


@given(st.text(max_size=300) | st.lists(st.sampled_from([*LINE.split(), "\x1b[31m", "\ud800", "|"])).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else happens."""
    with suppress(InvalidInput):
        assert read_log(text).printed.trainable.low >= 0
