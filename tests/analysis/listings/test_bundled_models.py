"""The bundled models: found by a part of their name, and one of them module by module."""

from __future__ import annotations

import json

import pytest
from program import run
from read_once import read_once

from lora_cli import memory
from lora_cli.analysis.listings import bundled_models
from lora_cli.analysis.listings.bundled_models import bundled, matches, modules_by_shape, towers
from lora_cli.errors import InvalidInput
from lora_cli.models.sources.preset import names


@pytest.fixture(autouse=True)
def models_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every list is of the same models."""
    monkeypatch.setattr(bundled_models, "read_preset", read_once)


@pytest.mark.parametrize("name", names())
def test_the_modules_of_a_model_add_up(name: str) -> None:
    """Tied weights once, and shares to 1; every tower is a module, so that a target or an exclusion can be written with it."""
    model = read_once(name)
    rows = modules_by_shape(model)
    assert sum(row["params"] for row in rows) == model.full_params
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert bool(towers(model)) == bool(model.parts)
    assert {part["module"] for part in towers(model)} <= set(model.module_names)


@pytest.mark.parametrize(
    ("pattern", "first", "count"),
    [
        ("GPT2", "distilgpt2", 5),
        ("qwen3-?b", "qwen3-4b", 2),
        ("*-405b", "llama-3.1-405b", 1),
        ("QWEN3 moe -30b", "qwen3-30b-a3b", 3),
        ("", "bart-base", len(names())),
    ],
)
def test_a_pattern_selects_by_substring_or_glob(pattern: str, first: str, count: int) -> None:
    """In any case; several select what each of them does."""
    found = [str(record["model"]) for record in bundled(*pattern.split())]
    assert (found[0], len(found)) == (first, count)


@pytest.mark.parametrize(
    ("pattern", "name", "is_meant"),
    [
        ("7b", "gemma-7b", True),
        ("7b", "bloom-7b1", True),
        ("7b", "mixtral-8x7b", True),
        ("7b", "gemma-2-27b", False),
        ("7b", "qwen3-1.7b", False),
        ("7b", "qwen3.5-397b-a17b", False),
        ("-7b", "gemma-7b", True),
        ("2.5", "qwen2.5-7b", True),
        ("5-7b", "qwen2.5-7b", False),
        ("llama-3", "llama-3.1-8b", True),
        ("80", "a100-80gb", True),
        ("80", "rtx-3080", False),
        ("*7b", "gemma-2-27b", True),
    ],
)
def test_a_pattern_begins_within_no_number(pattern: str, name: str, is_meant: bool) -> None:
    """So a size is a whole one; a glob matches as it is written."""
    assert matches(name, pattern) is is_meant


def test_a_size_selects_models_of_that_size() -> None:
    """And not those whose size ends with it."""
    found = {str(record["model"]) for record in bundled("qwen", "7b")}
    assert {"qwen2-7b", "qwen2.5-7b"} <= found
    assert not any(name.endswith(("27b", "397b-a17b", "1.7b")) for name in found)


@pytest.mark.parametrize("pattern", ["qwem3-8b", "", "[", "\x1b[31m", "x" * 10_000])
def test_a_pattern_that_matches_nothing_is_refused(pattern: str) -> None:
    """With what is near; an empty one is in every name."""
    if not pattern:
        assert len(bundled(pattern)) == len(names())
        return
    with pytest.raises(InvalidInput, match="no bundled model matches") as refusal:
        bundled(pattern)
    assert "\x1b" not in str(refusal.value)
    assert len(str(refusal.value)) < 300
    assert ("did you mean qwen3-8b" in str(refusal.value)) == pattern.startswith("qwem")


def test_a_known_type_without_a_preset_is_said_to_be_counted() -> None:
    """It is not a misspelt preset."""
    with pytest.raises(
        InvalidInput, match="no bundled model matches 'Mamba'; models of this type are counted all the same"
    ):
        bundled("Mamba")


def test_a_whole_name_shows_that_model() -> None:
    """JSON has its modules beside the record, and a list has not."""
    one = json.loads(run("models", "Mixtral-8x7B", "--json").stdout)
    assert one["results"] == [
        {
            "model": "mixtral-8x7b",
            "family": "mixtral",
            "full_params": 46_702_792_704,
            "default_targets": None,
            "memory_known": True,
        }
    ]
    assert {name: value for name, value in one["modules"][5].items() if name not in {"params", "share"}} == {
        "module": "gate_up_proj",
        "kind": "8 experts",
        "count": 32,
        "d": 4096,
        "h": 28672,
    }
    assert "modules" not in json.loads(run("models", "mixtral", "--json").stdout)
    assert run("models", "gpt2", "--field", "full_params").stdout == "124439808\n"


def test_a_whole_name_shows_towers_and_projectors() -> None:
    """By the names that PEFT's targets match; the language model is not one of them, and a model of one part has none."""
    done = run("models", "gemma-3-4b", "--json")
    assert json.loads(done.stdout)["towers"] == [
        {"module": "model.multi_modal_projector", "kind": "vision projector"},
        {"module": "model.vision_tower", "kind": "vision tower"},
    ]
    said = "beside its language model it has model.multi_modal_projector (vision projector), model.vision_tower ("
    assert said in done.stderr
    text = run("models", "gpt2", "--json")
    assert json.loads(text.stdout)["towers"] == []
    assert "language model" not in text.stderr


@pytest.mark.parametrize("name", ["meta-llama/Llama-3.1-8B", "llama-3.1-8b", "META-LLAMA/llama-3.1-8b-instruct"])
def test_a_name_on_the_hub_shows_the_preset_that_it_stands_for(name: str) -> None:
    """With the other names on the Hub: in JSON as a list, for people as a note."""
    done = run("models", name, "--json")
    document = json.loads(done.stdout)
    assert [record["model"] for record in document["results"]] == ["llama-3.1-8b"]
    assert "meta-llama/Llama-3.1-8B-Instruct" in document["hub_names"]
    assert done.stderr.startswith("lora-cli: note: on the Hub, llama-3.1-8b is meta-llama/Llama-3.1-8B, ")


def test_a_pattern_matches_names_on_the_hub() -> None:
    """E.g. those of an organisation."""
    assert [record["model"] for record in bundled("liquidai/*")] == ["lfm2-1.2b", "lfm2.5-vl-1.6b"]
    assert {record["family"] for record in bundled("FacebookAI/")} == {"roberta", "xlm-roberta"}


@pytest.mark.parametrize("pattern", ["gemma3_text", "Gemma3_T*", "SanaTransformer2D"])
def test_a_pattern_matches_families(pattern: str) -> None:
    """As the column of that name has them, in any case."""
    part = pattern.lower().rstrip("*")
    found = [record["model"] for record in bundled(pattern)]
    assert found
    assert found == [each["model"] for each in bundled() if part in str(each["family"]).lower()]


def test_what_memory_can_replay_is_told() -> None:
    """It answers for those models, and for one of each other family it refuses."""
    others = {str(each["family"]): str(each["model"]) for each in bundled() if not each["memory_known"]}
    assert {"bart", "gptj", "FluxTransformer2DModel"} <= set(others)
    for name in others.values():
        with pytest.raises(InvalidInput, match="allocates in a training step is not known"):
            memory(name, r=1, target="all-linear")
    known = {str(each["family"]): each for each in bundled() if each["memory_known"]}
    for name in ("gpt2", "bert", "vit"):
        assert memory(str(known[name]["model"]), r=1, target="all-linear").peak_bytes


def test_a_list_that_is_too_wide_keeps_names_whole() -> None:
    """It leaves out the family, which is said, and breaks neither a model's name nor a default target."""
    shown = run("models", "--format", "table", env={"COLUMNS": "80"}).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "No room for family: --format json shows all fields." in shown
    assert all(f"\n{name} " in shown for name in names())
    assert "query_key_value  " in shown
    assert "family" in run("models", "qwen", "7b", "--format", "table", env={"COLUMNS": "80"}).stdout


def test_a_models_modules_are_called_as_in_its_count() -> None:
    """With the list that a number is of, and in a table with what tells two of one name apart."""
    modules = {row["module"] for row in json.loads(run("models", "qwen2.5-vl-7b", "--json").stdout)["modules"]}
    assert {"mlp.0", "mlp.2", "gate_proj"} <= modules
    assert not modules & {"0", "2"}
    shown = run("models", "qwen2.5-vl-7b").stdout
    counted = run("count", "qwen2.5-vl-7b", "-t", "all-linear").stdout
    for name in ("visual.*.gate_proj", "language_model.*.gate_proj", "mlp.2"):
        assert f"\n{name} " in shown
        assert f"\n{name} " in counted


def test_a_name_on_the_hub_that_finds_a_model_is_said() -> None:
    """Otherwise nobody sees why it is listed."""
    done = run("models", "deepseek r1")
    assert (
        "found by a name on the Hub: deepseek-v3 as deepseek-ai/DeepSeek-R1, llama-3.1-8b as deepseek-ai/"
        in done.stderr
    )
    assert run("models", "llama 3.1 8b").stderr == ""
