"""What Python callers pass: paths, NumPy's values, and arguments that are refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import pair, write_adapter
from small_llama import llama

import lora_cli
from lora_cli import InvalidInput, check, count, fit, forward, memory, read_adapter, read_model, sweep

WRONG: Any = 5
REFUSED: dict[str, Callable[[], object]] = {
    "d: 'gpt2' is not a whole number; for a model, use model='gpt2'": lambda: count("gpt2", 8),  # type: ignore[arg-type]
    "d: 't5-small' is not a whole number; for a model, use model=": lambda: sweep("t5-small", r=8),
    "d: 'bert' is not a whole number; for a model, use model=": lambda: fit("bert", max_params=5),  # type: ignore[arg-type]
    "model 'lama' is neither a file nor a preset; did you mean llama-": lambda: count(model="lama"),
    "max_params: '20Q' has the unit Q, which is not known": lambda: fit(8, 8, max_params="20Q"),
    "max_bytes: '' is not a whole number of bytes": lambda: check(count(8, 8, 2), max_bytes=""),
    "max_percent: 'nan' is not a percentage": lambda: sweep(8, 8, 2, max_percent="nan"),
    "r: '8:' is not an axis": lambda: sweep(8, 8, "8:"),
    "give at least one of max_percent, max_params, max_bytes, max_memory, the gpu of training": lambda: fit(
        model="gpt2"
    ),
    "training: 'sequ' is not known; did you mean seq": lambda: fit(model="gpt2", max_params=5, training={"sequ": 5}),
    "training: 'bacth' is not known; did you mean batch": lambda: sweep(model="gpt2", r=8, training={"bacth": 5}),
    "model: 5 is not a path": lambda: count(model=WRONG),
    "method: 5 is not the name of a method": lambda: count(8, 8, 2, method=WRONG),
    "target: 5 is not a list of names": lambda: count(model="gpt2", target=WRONG),
    "settings: 5 is not a mapping": lambda: count(8, 8, 2, settings=WRONG),
    "adapter: 5 is not a path": lambda: count(8, 8, adapter=WRONG),
    "adapter_dtype: 5 is not known": lambda: count(8, 8, 2, adapter_dtype=WRONG),
    "alpha: 0 is not above 0": lambda: count(8, 8, 2, alpha=0),
    "alpha: nan is not above 0": lambda: fit(8, 8, alpha=float("nan"), max_params=100),
    "lora_alpha is '5'; it must be a number": lambda: count(8, 8, 2, alpha="5"),  # type: ignore[arg-type]
    "dtype: 5 is not known": lambda: forward(8, 8, 2, dtype=WRONG),
    "path: 5 is not a path": lambda: read_adapter(WRONG),
    "path: 5 is not a": lambda: lora_cli.inspect(WRONG),
    "subject: 5 is not a path": lambda: check(WRONG),
    "subject: the list is empty": lambda: check([]),
    "model is the base model of adapters": lambda: check(count(8, 8, 2), max_params=1, model="gpt2"),
    "fail_on: 5 is not known": lambda: check(count(8, 8, 2), max_params=1, fail_on=WRONG),
    "lock: 5 is not a path": lambda: check(count(8, 8, 2), lock=WRONG),
    "model: 5 is not a": lambda: sweep(model=WRONG, r=2),
    "method: 5 is not the name": lambda: sweep(8, 8, 2, method=WRONG),
    "method ['lora', 'dora'] is not one name; call fit() for each": lambda: fit(
        model="gpt2",
        max_params="1M",
        method=["lora", "dora"],  # type: ignore[arg-type]
    ),
    "method 'lora,dora' is not one name; give one, or compare several with sweep()": lambda: count(
        8, 8, 2, method="lora,dora"
    ),
    "r: '8,16' is not a whole number; give one, or use sweep()": lambda: count(8, 8, r="8,16"),  # type: ignore[arg-type]
    "r: [8, 16] is not a whole number; give one, or use sweep()": lambda: memory("gpt2", r=[8, 16]),  # type: ignore[call-overload]
    "d: '8,16' is not a whole number; give one, or use sweep()": lambda: count("8,16", 8, 2),  # type: ignore[arg-type]
    "batch: '1:4' is not a whole number; give one, or use sweep()": lambda: memory("gpt2", r=8, batch="1:4"),  # type: ignore[call-overload]
    "model: ['gpt2', 'bert'] is not one model; give one, or compare several with sweep()": lambda: count(
        model=["gpt2", "bert"]  # type: ignore[arg-type]
    ),
    "sort: ['r'] is not a field of this sweep": lambda: sweep(8, 8, 2, sort=["r"]),  # type: ignore[arg-type]
    "method full is full fine-tuning, which has no adapter to count; full_params says what it trains, and memory() what": (
        lambda: count(8, 8, 2, method="full")
    ),
    "tokens: '10Q' has the unit Q": lambda: memory("gpt2", seq=8, gpu="h100", tokens="10Q", utilisation=0.4),
    "h: 4.0 is not a whole number": lambda: sweep(8, 4.0, 2),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("sentence", "ask"), REFUSED.items(), ids=list(REFUSED))
def test_an_argument_of_the_wrong_type_is_refused_by_name(sentence: str, ask: Callable[[], object]) -> None:
    """One line, without an option's name."""
    with pytest.raises(InvalidInput) as caught:
        ask()
    assert sentence in str(caught.value)
    assert "--" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"rank": 16}, "rank=16; did you mean r?"),
        ({"target_modules": "all-linear"}, "target_modules='all-linear'; did you mean target?"),
        ({"batch_size": 4}, "batch_size=4; did you mean batch?"),
        ({"nothing": 1}, "nothing=1; choose from: model, r, method, "),
    ],
)
def test_another_word_for_an_argument_is_answered_with_it(given: dict[str, Any], meant: str) -> None:
    """As PEFT, trainers and the command line call it."""
    with pytest.raises(TypeError) as caught:
        memory("gpt2", **given)
    assert f"memory() has no argument {meant}" in str(caught.value)


def test_a_type_error_inside_a_function_stays() -> None:
    """It is not about the arguments' names."""
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'path'"):
        lora_cli.inspect()  # type: ignore[call-arg]


def test_limits_and_axes_are_read_as_on_the_command_line() -> None:
    """Texts with units, and ranges."""
    assert fit(model="gpt2", max_params="1M") == fit(model="gpt2", max_params=1_000_000)
    assert fit(64, 64, max_bytes="4KiB", max_percent="50") == fit(64, 64, max_bytes=4096, max_percent=50)
    limits = [verdict.limit for verdict in check(count(8, 8, 2), max_params="20M", max_bytes="50MB", min_saved="-1")]
    assert limits == [20_000_000, -1, 50_000_000]
    texts, numbers = sweep("8,16", "32", "1:4", max_params="1k"), sweep([8, 16], 32, range(1, 5), max_params=1000)
    assert [*texts] == [*numbers]
    assert [*sweep(8, 8, 2, method="lora, dora")] == [*sweep(8, 8, 2, method=["lora", "dora"])]
    timed = {"model": "gpt2", "seq": 8, "gpu": "h100"}
    assert memory(**timed, tokens="10M", utilisation="40%").utilisation == 0.4
    assert memory(**timed, tokens="10M", utilisation="0.4") == memory(**timed, tokens=10**7, utilisation=0.4)


def test_types_have_short_names() -> None:
    """As on the command line."""
    assert forward(8, 8, 2, dtype="bf16") == forward(8, 8, 2, dtype="bfloat16")
    sizes = {count(8, 8, 2, adapter_dtype=name).adapter_bytes for name in ("fp16", "float16")}
    assert len(sizes) == 1


def test_a_model_and_an_adapter_have_a_short_repr(tmp_path: Path) -> None:
    """Their names, what they are, and how large."""
    assert repr(read_model("llama-3.1-405b")) == "Model('llama-3.1-405b', llama, 405,853,388,800 parameters)"
    arrays = pair("q_proj", np.ones((4, 8), "<f4"), np.ones((8, 4), "<f4"))
    path = write_adapter(tmp_path / "out", arrays)
    assert repr(read_adapter(path)) == f"TrainedAdapter({path!r}, lora, 2 tensors)"


def test_a_path_may_be_of_pathlib(tmp_path: Path) -> None:
    """It says the same as its text, wherever a path can be given."""
    (tmp_path / "config.json").write_text(json.dumps(llama()))
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"]}')
    model = read_model(tmp_path)
    assert model == read_model(str(tmp_path)) == read_model(model)
    of_text = count(model=str(tmp_path), adapter=str(tmp_path))
    assert count(model=tmp_path, adapter=tmp_path) == of_text
    assert fit(model=tmp_path, max_params=10_000) == fit(model=str(tmp_path), max_params=10_000)
    assert [each.trainable_params for each in sweep(model=tmp_path, target="q_proj", r=4)] == [of_text.trainable_params]
    lock = tmp_path / "counts.lock"
    assert all(verdict.passed for verdict in check(of_text, lock=lock, update_lock=True))
    assert lock.exists()


def test_settings_may_hold_numpys_values() -> None:
    """Numbers, truth values and arrays become those of JSON, also within a pattern."""
    assert count(8, 8, 2, settings={"use_dora": np.True_}) == count(8, 8, 2, settings={"use_dora": True})
    assert count(8, 8, method="vera", settings={"r": np.int64(4)}).r == 4
    assert count(np.array(8), 8, 2).d == 8
    settings = {"rank_pattern": {"c_attn": np.int64(4)}, "layers_to_transform": np.arange(3)}
    found = count(model="gpt2", target="c_attn", alpha=np.float32(16), settings=settings)
    alone = count(model="gpt2", target="c_attn", r=4, settings={"layers_to_transform": [0, 1, 2]})
    assert found.trainable_params == alone.trainable_params
