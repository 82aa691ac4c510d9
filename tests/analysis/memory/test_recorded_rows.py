"""The replay's peaks are PyTorch's: on fake tensors, and on real cards (tests/reference/memory/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from memory_rows import TASKS, difference, setup_of, training_of

from lora_cli import InvalidInput
from lora_cli.analysis.memory.cards import find_card
from lora_cli.analysis.memory.replay.optimizers import OPTIMIZERS
from lora_cli.analysis.memory.verdict import Footprint, footprint

FOLDER = Path(__file__).parents[2] / "reference" / "memory"
ROWS = json.loads((FOLDER / "fake-rows.json").read_text())["runs"]
T4 = json.loads((FOLDER / "cuda-t4.json").read_text())["runs"]
HOPPER = {name: json.loads((FOLDER / f"cuda-{name}.json").read_text()) for name in ("h100", "h200")}
MIB = 2**20
# Runs that have no replay, and what the refusal names.
REFUSED = {"bart-base": "bart", "llama-1b-prefix": "prefix_tuning"}


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ROWS])
def test_a_step_peaks_as_on_fake_tensors(row: dict[str, Any]) -> None:
    """Within a tenth of the percent that is promised; scalars are what is left."""
    if row["settings"]["optimizer"] == "adamw_single":
        pytest.skip("Trainer has no such optimizer")
    assert difference(row) == pytest.approx(0, abs=1e-3)


def on_t4(run: dict[str, Any]) -> Footprint:
    """Return what a run on a T4 should take."""
    sizes = run["config"]
    config = {
        "model_type": "llama",
        "attention_bias": "Qwen2" in run["model"],
        "num_hidden_layers": sizes["num_layers"],
        "num_key_value_heads": sizes["num_kv_heads"],
        **{name: sizes[name] for name in sizes if name not in {"name", "num_params", "num_layers", "num_kv_heads"}},
    }
    adapter = {"peft_type": "LORA", "r": run["r"], "target_modules": run["targets"], "task_type": "CAUSAL_LM"}
    settings = {"optimizer": "adamw_foreach", "padded": False, "autocast": None, "kbit_prepare": True}
    settings |= {name: run[name] for name in ("batch", "seq", "dtype", "attention", "checkpointing", "logits_kept")}
    settings |= {"adapter_dtype": "float32", "quant": None if run["quantize"] == "none" else run["quantize"]}
    row = {"config": config, "adapter": adapter, "settings": settings}
    training = training_of(settings)._replace(has_flash=False)
    return footprint(setup_of(row), training, find_card("t4"))


@pytest.mark.parametrize("run", T4, ids=[f"{run['model']}-{number}" for number, run in enumerate(T4)])
def test_a_step_takes_what_it_took_on_a_t4(run: dict[str, Any]) -> None:
    """Allocated within 1 %, reserved within 16 %, and the process inside the band."""
    found, measured = on_t4(run), run["measured"]
    assert found.peak_bytes / MIB == pytest.approx(measured["peak_allocated_mib"], rel=0.01)
    assert found.reserved / MIB == pytest.approx(measured["peak_reserved_mib"], rel=0.16)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= measured["process_mib"] * MIB <= found.high


def on_hopper(name: str, run: dict[str, Any]) -> Footprint:
    """Return what a run on an H100 or an H200 should take."""
    recorded, card = HOPPER[name], find_card(name)
    settings = {**recorded["defaults"], **run["settings"]}
    config = dict(recorded["shapes"][run["model"]])
    if settings.get("layers"):
        config["num_hidden_layers"] = settings["layers"]
    if settings.get("vocab"):
        config["vocab_size"] = settings["vocab"]
    adapter = {**(run["adapter"] or {}), "task_type": TASKS[settings["auto"]]}
    row = {"config": config, "adapter": adapter, "settings": settings}
    training = training_of(settings)._replace(prefers_cudnn=card.prefers_cudnn)
    return footprint(setup_of(row), training, card)


def hopper_runs(*, refused: bool) -> list[Any]:
    """Return the runs of both cards that have a replay, or those that have none."""
    return [
        pytest.param(name, run, id=f"{name}-{run['name']}")
        for name, recorded in HOPPER.items()
        for run in recorded["runs"]
        if (run["name"] in REFUSED) is refused
    ]


@pytest.mark.parametrize(("name", "run"), hopper_runs(refused=True))
def test_what_has_no_replay_is_refused_by_its_name(name: str, run: dict[str, Any]) -> None:
    """A model type, or a method."""
    with pytest.raises(InvalidInput, match=REFUSED[run["name"]]):
        on_hopper(name, run)


@pytest.mark.parametrize(("name", "run"), hopper_runs(refused=False))
def test_a_step_takes_what_it_took_on_a_hopper(name: str, run: dict[str, Any]) -> None:
    """Allocated within 1 %, mostly to the last MiB; and the process is inside the band."""
    found = on_hopper(name, run)
    assert found.peak_bytes == pytest.approx(max(run["allocated_by_phase"].values()), rel=0.01)
    assert found.low is not None
    assert found.high is not None
    # What building random weights left reserved is not a training's.
    if run["reserved_built"] < 1.2 * run["allocated_built"]:
        assert found.low <= run["process_bytes"] <= found.high


def test_every_optimizer_has_states() -> None:
    """Those of DESIGN, in its order."""
    assert [*OPTIMIZERS] == ["adamw", "adamw-foreach", "adamw-8bit", "paged-adamw-8bit", "sgd", "adafactor"]
