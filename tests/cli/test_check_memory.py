"""`check --max-memory` of adapters that were trained, and of subjects that pyproject.toml trains in several ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from adapter_files import pair, write_adapter
from program import run
from small_llama import llama

FIELDS = llama(architectures=["LlamaForCausalLM"], max_position_embeddings=4096)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a model, an adapter of its first layer that names it, and one that names none."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(FIELDS))
    d = FIELDS["hidden_size"]
    ones = pair("model.layers.0.self_attn.q_proj", np.ones((4, d), "<f4"), np.ones((d, 4), "<f4"))
    own = {"r": 4, "target_modules": ["q_proj"], "layers_to_transform": [0]}
    write_adapter(tmp_path / "named", ones, **own, base_model_name_or_path=str(tmp_path / "base"))
    write_adapter(tmp_path / "nameless", ones, **own, base_model_name_or_path=None)
    return tmp_path


@pytest.mark.parametrize("subject", [["named", "-m", "base"], ["nameless", "-m", "base"], ["named"]])
def test_a_trained_adapter_has_the_memory_of_its_config(folder: Path, subject: list[str]) -> None:
    """On the model that is given or that it names, as a count of that config has."""
    limits = ("--max-memory", "24GB", "--max-params", "1M", "--seq", "64", "--json")
    done = run("check", *subject, *limits, cwd=folder)
    assert done.returncode == 0, done.stderr
    verdicts = {verdict["rule"]: verdict for verdict in json.loads(done.stdout)["results"]}
    counted = run("check", "-m", "base", "--adapter", "named", *limits, cwd=folder)
    expected = {verdict["rule"]: verdict["value"] for verdict in json.loads(counted.stdout)["results"]}
    assert {rule: verdicts[rule]["value"] for rule in expected} == expected
    assert expected.keys() == {"max-params", "max-memory"}


def test_a_trained_adapter_that_needs_too_much_fails(folder: Path) -> None:
    """With the batch or length that would hold; an adapter without a model says what is missing."""
    done = run("check", "named", "--max-memory", "1200MB", "--seq", "4096", "--batch", "8", cwd=folder)
    assert done.returncode == 1
    assert "named: max-memory: training memory is" in done.stderr
    assert "would hold" in done.stderr
    alone = run("check", "nameless", "--max-memory", "24GB", cwd=folder)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "nameless" in alone.stderr
    assert "-m/--model" in alone.stderr


def test_a_limit_for_all_holds_for_paths_and_for_each_training(folder: Path) -> None:
    """Tables of one model that train it differently are different subjects; those that do not are not."""
    tables = [
        'path = "named"',
        'model = "base"\nr = 8\ntraining = {batch = 1, seq = 64}',
        'model = "base"\nr = 8\ntraining = {batch = 64, seq = 64, accumulate = 2}',
    ]

    def checked(*listed: str) -> tuple[int, str, str]:
        text = '[tool.lora-cli]\nmax-memory = "24GB"\n' + "".join(
            f"[[tool.lora-cli.check]]\n{each}\n" for each in listed
        )
        (folder / "pyproject.toml").write_text(text)
        done = run("check", "--field", "path,value", cwd=folder)
        return done.returncode, done.stdout, done.stderr

    code, shown, said = checked(*tables)
    assert code == 0, said
    rows = [line.split("\t") for line in shown.splitlines()]
    first, second = (row for row in rows if "(" in row[0])
    assert [row[0] for row in rows if row not in (first, second)] == ["named", "named"]
    assert first[0].endswith(" (batch 1, seq 64)")
    assert second[0].endswith(" (batch 64, seq 64, accumulate 2)")
    assert int(first[1]) < int(second[1])
    assert "has the same subject as" in checked(tables[1], tables[1])[2]
