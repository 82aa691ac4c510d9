"""LoRA's tensors, in the literature's shapes and in PEFT's."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.errors import InvalidInput
from lora_cli.methods import method_named
from lora_cli.methods.parts.plain_lora import plain
from lora_cli.models import MAX_DIMENSION

SIZES = st.integers(1, MAX_DIMENSION)


@given(SIZES, SIZES, SIZES)
def test_lora_adds_a_and_b(d: int, h: int, r: int) -> None:
    """A is r × d and B is r × h; PEFT stores A as it is and B as h × r."""
    a, b = plain(d, h, r)
    assert (a.name, a.shape, a.stored, a.key) == ("A", (r, d), (r, d), "lora_A.weight")
    assert (b.name, b.shape, b.stored, b.key) == ("B", (r, h), (h, r), "lora_B.weight")
    assert a.params + b.params == r * (d + h)
    assert (a.params, b.params) == (prod(a.stored), prod(b.stored))


@pytest.mark.parametrize("name", ["", "lorra", "lora ", "\x1b[31m", "m" * 5000])
def test_an_unknown_method_is_refused_with_the_choice(name: str) -> None:
    """The error repeats the name, shortened and escaped, and suggests a similar one or the list."""
    with pytest.raises(
        InvalidInput, match=r"is not known; (did you mean .*\?|`lora-cli methods` lists all methods)$"
    ) as caught:
        method_named(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200
