"""Regular expressions and patterns of a config: which one wins, and which are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from endings import ends
from hypothesis import given
from hypothesis import strategies as st
from small_models import cost, names

from lora_cli.errors import InvalidInput
from lora_cli.methods.targeting.name_matching import by_pattern


def test_of_the_rank_patterns_the_first_hit_wins() -> None:
    """In the order of the config; where none hits, r counts."""

    def ranks(**pattern: int) -> list[int]:
        found = cost(target_modules=("q_proj", "v_proj"), layers_to_transform=(0,), r=8, rank_pattern=pattern)
        return [place.r for place in found.targets.places]

    assert ranks(v_proj=2) == [8, 2]
    assert ranks(**{"v_proj": 2, ".*_proj": 3}) == [3, 2]
    assert ranks(**{".*_proj": 3, "v_proj": 2}) == [3, 3]
    assert ranks(**{r"layers\.0\.self_attn\.q_proj": 5, "proj": 3}) == [5, 8]
    assert ranks(**{"q|v": 3, "q_proj|v_proj": 4}) == [4, 4]


HOSTILE = ["(", "[", "*", "(?P<n>", "a{2,1}", "(?<=a*)b", r"\\"[:1], "(?\x1b)", "(?P<" + "a-" * 5000 + ">x)"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("field", ["target_modules", "exclude_modules", "rank_pattern"])
def test_what_is_no_regex_is_refused(field: str, text: str) -> None:
    """In one short printable line, in each field that takes one."""
    fields: dict[str, Any] = {"target_modules": ("q_proj",)} | {field: {text: 2} if field == "rank_pattern" else text}
    with pytest.raises(InvalidInput, match="not a regular expression") as caught:
        names(**fields)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 400


def test_a_regex_that_backtracks_for_ever_is_given_up() -> None:
    """Within seconds of computing, with the reason."""
    with ends(), pytest.raises(InvalidInput, match="took over 3 s"):
        names(target_modules="(.*.*)*x")


@given(
    st.dictionaries(
        st.sampled_from(["q", "a.q", "x.a.q", "aq", ".q", "a.", "[ab].q", "q|a", "a.*", ""]), st.integers()
    ),
    st.sampled_from(["q", "a.q", "x.a.q", "axq", "aq", "b.q", "b.aq", "a", "x.a"]),
)
def test_a_name_has_the_value_of_the_first_pattern(values: dict[str, int], name: str) -> None:
    """Whatever is left out of the search, it is PEFT's answer: `get_pattern_key`."""
    first = next((key for key in values if re.match(rf"(.*\.)?({key})$", name)), None)
    assert by_pattern(values, -1)(name) == (-1 if first is None else values[first])
