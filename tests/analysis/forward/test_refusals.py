"""What a forward pass refuses, before anything is drawn."""

from __future__ import annotations

import math
import re

import pytest

from lora_cli import InvalidInput, forward
from lora_cli.analysis.forward import tiled_pass
from lora_cli.analysis.forward.run import MAX_HELD_VALUES, MAX_MULTIPLY_ADDS, MAX_SEED, Run
from lora_cli.models import MAX_DIMENSION

FILES = {"weights": "base", "adapter": "my-adapter", "module": "q_proj"}


@pytest.mark.parametrize("alpha", [math.nan, math.inf, -math.inf, 0, 0.0, -0.0, -1, -0.5, "1", 1j])
def test_an_alpha_without_a_scaling_is_refused(alpha: float) -> None:
    """Alpha is a finite number above 0."""
    with pytest.raises(InvalidInput, match=r"^alpha: .* gives no usable scaling"):
        forward(6, 8, 2, alpha=alpha)


@pytest.mark.parametrize("power", [309, 5000])
def test_an_alpha_that_no_float_holds_is_refused(power: int) -> None:
    """A whole number past the largest float is refused as infinity is."""
    with pytest.raises(InvalidInput, match=r"^alpha: "):
        forward(6, 8, 2, alpha=10**power)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"dtype": "float8"}, "dtype"),
        ({"dtype": "\x1b[31m"}, "dtype"),
        ({"init": "ones"}, "init"),
        ({"batch": 0}, "batch"),
        ({"batch": 1.5}, "batch"),
        ({"seed": -1}, "seed"),
        ({"seed": MAX_SEED + 1}, "seed"),
        ({"seed": 1.0}, "seed"),
        ({"seed": True}, "seed"),
    ],
)
def test_a_wrong_option_is_refused_by_name(wrong: dict[str, object], name: str) -> None:
    """The error begins with the option, and shows its value in safe ASCII."""
    with pytest.raises(InvalidInput, match=f"^{name}: ") as caught:
        forward(6, 8, 2, **wrong)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("sizes", [(0, 8, 2), (6, 0, 2), (6, 8, 0), (MAX_DIMENSION + 1, 8, 2)])
def test_a_wrong_size_is_refused(sizes: tuple[int, int, int]) -> None:
    """Sizes are those that a matrix can have."""
    with pytest.raises(InvalidInput, match="is out of range"):
        forward(*sizes)


def test_work_of_hours_is_refused_at_once() -> None:
    """More multiply-adds than the limit are refused before anything is drawn."""
    for sizes in ((MAX_DIMENSION, MAX_DIMENSION, 1), (2**20, 2**20, 2**10)):
        with pytest.raises(InvalidInput, match=re.escape(f"the limit is {MAX_MULTIPLY_ADDS:.0e}")):
            forward(*sizes)


@pytest.mark.parametrize(("sizes", "batch"), [((2**20, 1, 2**9), 1), ((2**16, 1, 1), 2**14), ((1, 2**16, 2**12), 1)])
def test_more_than_memory_should_hold_is_refused_at_once(sizes: tuple[int, int, int], batch: int) -> None:
    """A large A, a large input or a large strip of B is refused before it is made."""
    with pytest.raises(InvalidInput, match=f"the limit is {MAX_HELD_VALUES:,}"):
        forward(*sizes, batch=batch)


@pytest.mark.parametrize("cores", [1, 64, 4096])
def test_what_is_refused_does_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """Many cores work on fewer strips at a time where memory is short, and refuse nothing more."""
    monkeypatch.setattr("lora_cli.analysis.forward.tiled_pass.cores", lambda: cores)
    assert forward(6, 8, 2).output_norm is not None
    large = Run(d=8192, h=8192, r=24576, alpha=1, dtype="float32", seed=0, batch=1, init="random")
    always, each = tiled_pass.held_values(large)
    assert always + tiled_pass.workers(large) * each <= MAX_HELD_VALUES


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"d": 6, "h": 8},
            "r is missing; give d, h and r for a pass on random numbers, or weights, adapter and module for a",
        ),
        ({**FILES, "r": 2}, "r conflicts with weights and adapter"),
        ({**FILES, "init": "zero"}, "init conflicts with weights and adapter"),
        ({**FILES, "alpha": 2}, "alpha conflicts with weights and adapter"),
        (
            {**FILES, "module": None},
            "module is missing; give weights, adapter and module together for a trained adapter",
        ),
        ({**FILES, "dtype": "float8"}, "dtype: 'float8' is not known"),
    ],
)
def test_a_pass_is_through_files_or_on_random_numbers(wrong: dict[str, object], words: str) -> None:
    """Half of each is refused before a file is read, in Python's spelling."""
    with pytest.raises(InvalidInput, match=words):
        forward(**wrong)
