"""The trainings of a sweep with memory: axes of any length, and several kinds of quantisation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import pytest
from small_llama import narrow

from lora_cli import InvalidInput, memory, sweep
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

T = TypeVar("T")
SMALL = read_config(Config(narrow(num_hidden_layers=1, max_position_embeddings=100)), "small")


def test_an_axis_of_any_length_is_not_walked_through() -> None:
    """The rows come as they are computed, in the order of the axes."""
    rows = sweep(model=SMALL, target=["q_proj"], r=8, memory=True, batch="1:2000000000", seq="1:2000000000")
    assert rows.size == 4 * 10**18
    assert "seq 2000000000 is longer than" in " ".join(rows.warnings)
    assert [(row.batch, row.seq) for row in islice(rows, 3)] == [(1, 1), (1, 2), (1, 3)]


def test_several_kinds_of_quantisation() -> None:
    """Slower than batches and lengths, each with the figures of `memory`."""
    rows = [*sweep(model=SMALL, target=["q_proj"], r=8, memory=True, quantize=["none", "nf4"], seq=[8, 16])]
    assert [(row["quantize"], row["seq"]) for row in rows] == [("none", 8), ("none", 16), ("nf4", 8), ("nf4", 16)]
    assert rows[2]["peak_bytes"] == memory(SMALL, r=8, target=["q_proj"], quantize="nf4", seq=8).peak_bytes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"quantize": []}, "quantize: the list is empty"),
        ({"quantize": ["nf4", "nf5"]}, "'nf5' is not known; did you mean nf4"),
        ({"quantize": 4}, "quantize: 4 is not known"),
        ({"batch": 2, "training": {"batch": 4}}, "batch is also given in training"),
        ({"quantize": "nf4", "training": {"quantize": "none"}}, "quantize is also given in training"),
        ({"seq": []}, "seq: the axis is empty"),
        ({"gpu": []}, "gpu: the list is empty"),
        ({"gpu": ["t4", "t5"]}, "'t5' is not a known card"),
        ({"gpu": "t4", "training": {"gpu": "a100"}}, "gpu is also given in training"),
    ],
)
def test_axes_that_cannot_be(given: dict[str, object], said: str) -> None:
    """Refused before a row is computed."""
    with pytest.raises(InvalidInput, match=said):
        _ = sweep(model=SMALL, target=["q_proj"], r=8, memory=True, **given).warnings  # type: ignore[arg-type]


def test_an_axis_in_the_training_is_an_axis() -> None:
    """It is not replaced by a default."""
    rows = [*sweep(model=SMALL, target=["q_proj"], r=8, memory=True, training={"batch": [2, 3], "seq": 8})]
    assert [(row["batch"], row["seq"]) for row in rows] == [(2, 8), (3, 8)]


@pytest.mark.parametrize("limit", [None, 4])
def test_a_caller_sees_the_points_go_by(limit: int | None) -> None:
    """Of how many, also where some of them are selected."""
    seen: list[int] = []

    def track(points: Iterable[T], total: int, /) -> Iterator[T]:
        for done, point in enumerate(points):
            yield point
            seen.append(total - done)

    rows = sweep(model=SMALL, target=["q_proj"], r=8, memory=True, batch=[1, 2], seq=[8, 16], limit=limit, track=track)
    assert len([*rows.batches()]) > 0
    assert seen[:3] == [4, 3, 2]
