"""The tables of a terminal of 80 columns, as recorded: their sums, their width, and README's picture."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import tables

from lora_cli.analysis.listings.known_cards import known_cards
from lora_cli.analysis.sweep.training_grid import AXES as TRAINING_AXES
from lora_cli.output import Screen
from lora_cli.output.designs.sweep import AXES

NUMBER = r"-?[\d,]+(?:\.\d+)?"
TERMINAL_LINES = 24


def recorded(name: str) -> str:
    """Return a recorded table."""
    return (tables.RECORDED / f"{name}.txt").read_text(encoding="utf-8")


def settled(text: str) -> str:
    """Return a table without what depends on the order in which a machine sums up: differences in the last bits."""
    return re.sub(r" {2,}|─+", " ", re.sub(r"-?\d[\d.]*e-\d\d|(?<= )0$", "~", text, flags=re.MULTILINE))


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """Yield the cells of a table's rows, which begin below the rule under its heading and end at a blank line."""
    body = text.partition(heading)[2].partition("─\n")[2].partition("\n\n")[0]
    for line in body.splitlines():
        if not line.startswith("─"):
            yield re.split(r" {2,}", line.strip())


def number(text: str) -> float:
    """Return the number that a cell begins with."""
    found = re.match(NUMBER, text)
    assert found is not None, text
    return float(found[0].replace(",", ""))


@pytest.mark.parametrize("name", tables.COMMANDS)
def test_a_command_shows_the_table_that_is_recorded(name: str) -> None:
    """`python tests/support/tables.py --write` renews them; none is wider than the terminal."""
    shown = tables.drawn(tables.COMMANDS[name], Screen(tables.WIDTH, unicode=True))
    assert settled(shown) == settled(recorded(name))
    assert max(map(len, shown.splitlines())) <= tables.WIDTH


def test_the_rows_of_one_matrix_add_up() -> None:
    """A and B make A + B, and each share is of W."""
    # So narrow that the picture is below.
    text = tables.drawn(tables.COMMANDS["count"], Screen(45, unicode=True))
    w, a, b, total = (row[-2:] for row in rows(text, "parameters"))
    assert [number(params) for params, _ in (w, a, b, total)] == [48, 12, 16, 28]
    assert number(a[1]) + number(b[1]) == pytest.approx(number(total[1]), abs=1e-3)
    assert number(total[1]) == pytest.approx(100 * 28 / 48, abs=1e-4)
    assert f"percent saved      {100 - number(total[1]):.4f} %" in recorded("count")


def test_the_rows_of_a_model_add_up() -> None:
    """The modules make the total, which is the figure of PEFT's line, and the shares make 100 %."""
    *modules, total = rows(recorded("count-model"), "module")
    params = [number(row[5]) for row in modules]
    assert sum(params) == number(total[1]) == 41_943_040
    assert sum(number(row[6]) for row in modules) == number(total[2]) == 100
    assert "trainable params: 41,943,040 ||" in recorded("count-model")


def test_the_steps_of_a_forward_pass_fit_together() -> None:
    """The difference is merged less factored, and the path of a pass costs its matrix products."""
    text = recorded("forward")
    for _, _, merged, factored, difference in rows(text, "first values"):
        assert number(merged) - number(factored) == pytest.approx(number(difference) * 0, abs=2e-6)
    costs = {row[0]: number(row[2]) for row in rows(text, "multiply adds")}
    assert costs == {"plain": 6 * 8, "merged": 6 * 8 + 6 * 2 * 8, "factored": 6 * 8 + 6 * 2 + 2 * 8}


def test_the_next_size_of_a_fit_breaks_the_budget() -> None:
    """What is used and what is left are the budget, and the next size is over it."""
    (_, used, left, _, _), (_, more, over, _, _) = rows(recorded("fit"), "of the budget")
    assert number(used) + number(left) == 20_000_000 == number(more) - number(over)


def test_what_a_sweep_is_asked_for_stays_on_a_narrow_screen() -> None:
    """The fields of its limits and of its order; what all points share is said once."""
    command = "lora-cli sweep gpt2 llama-3.1-8b -r 4,8 --max-bytes 50MB --sort reduction_factor"
    heading = tables.drawn(command, Screen(50)).partition("--")[0].split()
    assert {"bytes", "factor"} <= {*heading}
    assert "of" not in heading
    narrow = tables.drawn("lora-cli sweep gpt2 -r 4,8 --method lora,dora", Screen(40))
    assert narrow.startswith("2 methods on gpt2 - default targets\nadapted modules 12\nfull params 124,439,808\n")


@pytest.mark.parametrize("width", [1, 40, 60, 80, 200, None])
def test_a_sweep_shows_every_axis_at_any_width(width: int | None) -> None:
    """Each point of several cards, quantisations and batches is told from the others; what all share is said once."""
    shown = tables.drawn(tables.COMMANDS["sweep-cards"], Screen(width, unicode=True))
    words = re.sub(r"\s", "", shown) if width == 1 else shown
    assert [words.count(name) for name in ("rtx-4090", "h100-80gb", "nf4")] == [4, 4, 4]
    assert re.sub(r"\s", "", shown).count("seq128") == 1
    assert set(TRAINING_AXES) <= set(AXES)


@pytest.mark.parametrize("command", ["lora-cli cards", "lora-cli cards rtx-40*"])
def test_cards_are_a_table_of_a_line_each(command: str) -> None:
    """A narrow screen leaves out what people also call them, which a wide one shows, and not which were measured."""
    lines = tables.drawn(command, Screen(80)).splitlines()
    assert all("measured" in line for line in lines if "teraflops" in line)
    assert "No room for aliases: --format json shows all fields." in lines
    assert max(map(len, lines)) <= 80
    (card,) = (line for line in lines if line.startswith("rtx-4060-ti-8gb "))
    assert "8,589,934,592" in card
    assert " rtx-4060-ti\n" in tables.drawn(command, Screen(200))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_name_of_a_card_is_broken(width: int) -> None:
    """Each that a screen shows is a whole one."""
    names = {name for card in known_cards() for name in (card["gpu"], *str(card["aliases"]).split(","))}
    shown = tables.drawn("lora-cli cards", Screen(width))
    assert {*re.findall(r"[a-z0-9]+-[a-z0-9-]*[a-z0-9]", shown.partition("No room")[0])} <= names


@pytest.mark.parametrize("command", ["models qwen2.5-vl-7b", "count qwen2.5-vl-7b -t all-linear"])
@pytest.mark.parametrize("width", [60, 76, 80, 100])
def test_no_name_of_a_module_is_broken(command: str, width: int) -> None:
    """What else there is to know of it gives way."""
    shown = tables.drawn(f"lora-cli {command}", Screen(width))
    assert max(map(len, shown.splitlines())) <= width
    assert shown.count("language_model.*.gate_proj ") == 1
    assert "params" in shown


LISTINGS = ["methods", "methods lora", "methods prompts", "models", "models qwen3", "models llava-1.5-7b", "cards"]


def headings(text: str) -> set[str]:
    """Return the words of all headings: the lines above a rule, below a blank line or the start."""
    lines = text.splitlines()
    rules = [at for at, line in enumerate(lines) if set(line) == {"─"}]
    starts = (max((at for at in range(rule) if not lines[at].strip()), default=-1) + 1 for rule in rules)
    return {
        word for rule, start in zip(rules, starts, strict=True) for line in lines[start:rule] for word in line.split()
    }


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("listing", LISTINGS)
def test_no_column_of_a_listing_is_left_out_without_a_word(listing: str, width: int) -> None:
    """What no table of it has room for is named below."""
    shown, everything = (tables.drawn(f"lora-cli {listing}", Screen(each, unicode=True)) for each in (width, None))
    assert max(map(len, shown.splitlines())) <= width
    missing = re.findall(r"No room for (.*?): ", shown.replace("\n", " "))
    assert headings(everything) - headings(shown) <= {*", ".join(missing).split(", ")}


@pytest.mark.parametrize("method", ["lora", "vera", "multitask_prompt_tuning"])
@pytest.mark.parametrize("width", [100, 120, 200])
def test_the_fields_of_a_method_have_their_types_where_prose_has_room(method: str, width: int) -> None:
    """What each of them means is folded for that, and nothing else is."""
    shown = tables.drawn(f"lora-cli methods {method}", Screen(width, unicode=True))
    assert {"field", "default", "type", "meaning"} <= headings(shown)
    assert "No room" not in shown
    everything = tables.drawn(f"lora-cli methods {method}", Screen(unicode=True))
    names = re.findall(r"^[a-z_]+ ", everything, flags=re.MULTILINE)
    assert re.findall(r"^[a-z_]+ ", shown, flags=re.MULTILINE) == names


def test_a_sweep_without_points_is_its_title() -> None:
    """A note says why."""
    assert tables.drawn("lora-cli sweep gpt2 -r 4 --max-params 1", Screen(80)) == "LoRA on gpt2 - default targets\n"


@pytest.mark.parametrize(("d", "h", "r"), [(6, 8, 2), (4096, 14336, 16), (100, 90_000, 4), (90_000, 100, 4), (8, 8, 8)])
def test_a_matrix_and_its_picture_fit_on_one_screen(d: int, h: int, r: int) -> None:
    """Also when W is not square: 80 columns, and 24 lines with the prompt's."""
    shown = tables.drawn(f"lora-cli count -d {d} -h {h} -r {r}", Screen(80, unicode=True))
    assert "█" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert len(shown.splitlines()) < TERMINAL_LINES


def numbers(text: str) -> set[str]:
    """Return the numbers of several digits of a text."""
    return {found for found in re.findall(rf"(?<![\w.,-]){NUMBER}(?![\w.,])", text) if len(found) > 1}


@pytest.mark.parametrize("width", [1, 20, 60, 80, 100, 200, 1000])
@pytest.mark.parametrize("name", tables.COMMANDS)
def test_no_table_breaks_a_number_at_any_width(name: str, width: int) -> None:
    """Each that a screen shows is one that a screen without an end shows; where Unicode is not known, none is shown."""
    shown, everything = (tables.drawn(tables.COMMANDS[name], Screen(each)) for each in (width, None))
    assert shown.isascii()
    assert numbers(shown) <= numbers(everything)


@pytest.mark.parametrize("name", tables.COMMANDS)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    """The same text stands in both."""
    colored, plain = (tables.drawn(tables.COMMANDS[name], Screen(80, color, unicode=True)) for color in (True, False))
    assert "\x1b[" in colored
    bare = "".join(line.rstrip() + "\n" for line in re.sub(r"\x1b\[[0-9;]*m", "", colored).splitlines())
    assert bare == plain


@pytest.mark.parametrize(("name", "command"), tables.PICTURES.items())
def test_a_picture_of_readme_shows_what_the_command_shows(name: str, command: str) -> None:
    """Its text is the command's today, so that it is renewed with the tables."""
    shown = tables.drawn(command, Screen(tables.PICTURE_WIDTH, unicode=True))
    lines = ["".join(line.split()) for line in f"$ {command}\n{shown}".splitlines() if line.strip()]
    svg = (tables.PROJECT / ".github" / name).read_text(encoding="utf-8")
    assert [line for line in tables.picture_lines(svg) if line not in {"lora-cli", ""}] == lines
