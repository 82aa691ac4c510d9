"""One matrix against PEFT itself. Run by .ci/run in an environment that has the `peft` extra."""

from __future__ import annotations

import inspect
import random
import sys
from pathlib import Path

import numpy as np
import peft
import pytest
import torch

from lora_cli import InvalidInput, count, forward
from lora_cli.analysis.forward import tiled_pass
from lora_cli.analysis.forward.run import Run

sys.path.insert(0, str(Path(__file__).parent))
import reference
from seed import SEED

TORCH = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def sizes(number: int) -> list[tuple[int, int, int]]:
    """Draw sizes of one to four digits, so that headers of every length come up."""
    source = random.Random(SEED)
    return [tuple(source.randint(1, 10 ** source.randint(1, digits)) for digits in (4, 4, 3)) for _ in range(number)]


@pytest.mark.parametrize(("d", "h", "r"), sizes(60))
def test_counts_and_bytes_are_pefts(d: int, h: int, r: int) -> None:
    """Trainable, all and the file's size are PEFT's, to the parameter and the byte."""
    ours = count(d, h, r).record()
    assert {field: ours[field] for field in reference.FIELDS[3:]} == reference.counts(d, h, r), f"seed {SEED}"


def test_the_recorded_reference_is_what_peft_says_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording again gives the file that the other tests read."""
    recorded = reference.RECORDED.read_text()
    monkeypatch.setattr(reference, "RECORDED", tmp_path / "again.csv")
    reference.record()
    assert (tmp_path / "again.csv").read_text() == recorded


CHOICES = {
    "target_modules": [["W"], ["V"], ["V", "W"], [], "W|V", "V", "all-linear"],
    "modules_to_save": [["W"], ["V"]],
    "exclude_modules": [["W"], ["V"], ".*"],
    "rank_pattern": [{"W": 3}, {"V": 3}, {".*": 2}],
    "trainable_token_indices": [[1], {"W": [1]}],
    "target_parameters": [["W.weight"], ["V.weight"]],
    "layers_to_transform": [[0]],
    "layer_replication": [[[0, 1]]],
    "feedforward_modules": [["W"], ["V"]],
}


@pytest.mark.parametrize("method", ["lora", "loha", "delora", "hra", "osf", "ia3"])
@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in CHOICES.items() for value in values])
@pytest.mark.filterwarnings("ignore")
def test_what_chooses_among_modules_is_pefts(method: str, field: str, value: object) -> None:
    """A model whose only module is a Linear named W gives our figures, or refuses what we refuse."""
    kind = peft.PEFT_TYPE_TO_CONFIG_MAPPING[method.upper()]
    rank = {"r": 8} if method in {"lora", "loha", "delora", "hra"} else {}
    if field not in inspect.signature(kind).parameters:
        pytest.skip("not a field of this method")
    defaults = {"target_modules": ["W"], **({"feedforward_modules": []} if method == "ia3" else {})}
    try:
        model = peft.get_peft_model(reference.Toy(64, 32), kind(**{**defaults, field: value}, **rank))
        expected = tuple(model.get_nb_trainable_parameters())
    except (ValueError, TypeError):
        expected = None
    try:
        found = count(64, 32, rank.get("r"), method, {field: value})
        ours = (found.trainable_params, found.all_params)
    except InvalidInput:
        ours = None
    assert ours == expected


@pytest.mark.parametrize("r", [0, -1])
def test_a_rank_that_peft_refuses_is_refused(r: int) -> None:
    """PEFT takes positive ranks alone, and so do we."""
    with pytest.raises(ValueError, match="positive"):
        reference.adapted(6, 8, r)
    with pytest.raises(InvalidInput):
        count(6, 8, r)


@pytest.mark.parametrize("dtype", TORCH)
@pytest.mark.parametrize(("d", "h", "r", "alpha"), [(64, 96, 4, 8), (1500, 700, 16, 16), (300, 2000, 8, 4)])
def test_merging_costs_what_it_costs_in_peft(dtype: str, d: int, h: int, r: int, alpha: int) -> None:
    """The same numbers through PEFT's merged and unmerged layer give our norms and our difference."""
    ours = forward(d, h, r, alpha=alpha, dtype=dtype, batch=3)
    model = reference.adapted(d, h, r, lora_alpha=alpha).to(TORCH[dtype])
    layer = model.base_model.model.W
    with torch.no_grad():
        x, w, a, b = (
            torch.from_numpy(matrix).to(TORCH[dtype])
            for matrix in matrices(Run(d, h, r, alpha, dtype, ours.seed, ours.batch, "random"))
        )
        layer.base_layer.weight.copy_(w.T)
        layer.lora_A["default"].weight.copy_(a)
        layer.lora_B["default"].weight.copy_(b.T)
        factored = model(x).double()
        plain = layer.base_layer(x).double()
        model.merge_adapter()
        merged = model(x).double()
    unit = torch.finfo(TORCH[dtype]).eps
    difference = ((merged - factored).norm() / merged.norm()).item()
    assert ours.output_norm == pytest.approx(plain.norm().item(), rel=4 * unit)
    assert ours.modified_output_norm == pytest.approx(merged.norm().item(), rel=4 * unit)
    # In half precision rounding decides, as in PEFT; in full precision the order of sums does, which is torch's own.
    close = {"rel": 0.1} if "16" in dtype else {"rel": 2, "abs": unit}
    assert ours.relative_difference == pytest.approx(difference, **close)


def matrices(run: Run) -> tuple[np.ndarray, ...]:
    """Return the input, W, A and B of a pass, whole."""
    compute = tiled_pass.PRECISIONS[run.dtype].compute
    width = tiled_pass.strip_columns(run)
    w, b = np.empty((run.d, run.h), compute), np.empty((run.r, run.h), compute)
    for column, left in enumerate(range(0, run.h, width)):
        columns = slice(left, min(left + width, run.h))
        b[:, columns] = tiled_pass.draw(run, "B", (0, column), run.r, np.empty_like(b[:, columns], order="C"))
        for row, top in enumerate(range(0, run.d, tiled_pass.TILE_ROWS)):
            part = w[top : top + tiled_pass.TILE_ROWS, columns]
            part[...] = tiled_pass.draw(run, "W", (row, column), run.d, np.empty_like(part, order="C"))
    x = tiled_pass.draw(run, "input", (0, 0), 1, np.empty((run.batch, run.d), compute))
    a = tiled_pass.draw(run, "A", (0, 0), run.d, np.empty((run.r, run.d), compute))
    return x, w, a, b
