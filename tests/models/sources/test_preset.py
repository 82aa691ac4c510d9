"""The bundled models: their totals are the published ones, and a mistyped name is answered with near ones."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from program import run

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.sources.preset import DATA, NAMES, hub_names, is_preset, names, preset, preset_named

CLASS_NAME = "_class_name"
REFERENCE = Path(__file__).parents[2] / "reference"
PUBLISHED = REFERENCE / "presets.csv"
COMMENT, *LINES = PUBLISHED.read_text(encoding="utf-8").splitlines()
ROWS = list(csv.DictReader(LINES))


def test_every_preset_has_a_published_total() -> None:
    """The two files have the same models in the same order, and each total has a source."""
    assert COMMENT.startswith("# ")
    assert [row["model"] for row in ROWS] == list(names())
    assert all(row["source"] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["model"])
def test_a_preset_has_the_parameters_that_were_published(row: dict[str, str]) -> None:
    """Tied weights once, to the last digit."""
    name = row["model"]
    assert read_config(Config(preset(name)), name).full_params == int(row["full_params"])


LENGTHS = list(csv.DictReader((REFERENCE / "preset_lengths.csv").open(encoding="utf-8")))


@pytest.mark.parametrize("row", LENGTHS, ids=lambda row: row["model"])
def test_a_preset_has_the_longest_input_that_was_published(row: dict[str, str]) -> None:
    """Of a preset that stands for several models, that of the model with the longest; the text part's, of a model of several."""
    fields = preset(row["model"])
    text = fields.get("text_config", fields)
    assert (text.get("max_position_embeddings") or text["n_positions"]) == int(row["longest_input"])
    assert row["source"]


def test_names_are_unique_and_lower_case() -> None:
    """Also in the file itself, where a second one would silently replace the first."""
    written: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        written[:] = [name for name, _ in pairs]
        return dict(pairs)

    json.loads(DATA.read_text(encoding="utf-8"), object_pairs_hook=note)
    assert written == list(names())
    assert len(set(written)) == len(written)
    assert all(name == name.lower() and name.isascii() and not set(name) & set(" /\\") for name in written)


def family(fields: dict[str, Any]) -> tuple[bool, str]:
    """Return what a model is sorted by: transformers' models by their type, and then diffusers' by their class."""
    return CLASS_NAME in fields, fields.get("model_type") or fields[CLASS_NAME]


def test_the_file_has_one_model_a_line_by_family() -> None:
    """Every line but the braces is one model, and a family's models stand together."""
    lines = DATA.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("{", "}")
    assert [next(iter(json.loads(f"{{{line.rstrip(',')}}}"))) for line in lines[1:-1]] == list(names())
    families = [family(preset(name)) for name in names()]
    assert families == sorted(families)


def test_there_are_at_least_45() -> None:
    """Enough that a well-known model is likely among them."""
    assert len(names()) >= 45


def test_the_case_of_a_name_does_not_matter() -> None:
    """Models are published in mixed case."""
    assert preset("Llama-3.1-8B") == preset("llama-3.1-8b")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("lama-3.1-8b", "llama-3.1-8b"),
        ("QWEN2.5-7", "qwen2.5-7b"),
        ("roberta-bsae", "roberta-base"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, near: str) -> None:
    """The nearest comes first."""
    with pytest.raises(InvalidInput, match=rf"^model '{name}' is neither a file nor a preset; did you mean {near}"):
        preset(name)


@pytest.mark.parametrize("name", ["", "zzzz", "x" * 100_000, "\x1b[31m", "é"])
def test_a_name_like_no_other_points_to_the_list(name: str) -> None:
    """However long or hostile it is, the message is short."""
    with pytest.raises(InvalidInput, match=r"a preset; `lora-cli models` lists the presets$") as caught:
        preset(name)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_what_a_caller_changes_stays_with_the_caller() -> None:
    """Also within nested sections."""
    preset("clip-vit-base-patch32")["text_config"]["hidden_size"] = 1
    assert preset("clip-vit-base-patch32")["text_config"]["hidden_size"] == 512


def test_nothing_is_read_before_it_is_asked_for() -> None:
    """Importing loads neither the data nor difflib."""
    program = (
        "import sys\n"
        "from lora_cli.models.sources import preset\n"
        "assert not preset._all.cache_info().currsize\n"
        "assert 'difflib' not in sys.modules\n"
        "preset.preset('gpt2')\n"
        "assert 'difflib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


HUB_NAMES = list(csv.DictReader((REFERENCE / "hub_names.csv").open(encoding="utf-8")))


def test_every_hub_name_has_a_source() -> None:
    """It confirms the sizes: a copy of the config.json, a total to the last digit, or a program that loads the weights."""
    assert sorted(row["hub_name"] for row in HUB_NAMES) == sorted(
        name for name, _, field in BY_FIELD if field == "hub_names"
    )
    assert len({name.lower() for name in hub_names()}) == len(hub_names())
    for row in HUB_NAMES:
        assert row["source"]
        assert preset(row["hub_name"].upper()) == preset(row["preset"])


QUANTISED_NAMES = list(csv.DictReader((REFERENCE / "quantised_names.csv").open(encoding="utf-8")))
BY_FIELD = [
    (name, preset, field)
    for preset, fields in json.loads(DATA.read_text(encoding="utf-8")).items()
    for field in NAMES
    for name in fields.get(field, ())
]


def test_every_name_of_quantised_weights_has_a_source() -> None:
    """It says which repository in 16 bits, or which original, the name stands for."""
    rows = [(row["hub_name"], row["preset"], f"{row['stored_as']}_names") for row in QUANTISED_NAMES]
    assert sorted(rows) == sorted(entry for entry in BY_FIELD if entry[2] != "hub_names")
    assert all(row["source"] for row in QUANTISED_NAMES)


@pytest.mark.parametrize(("name", "stands_for", "field"), BY_FIELD[:: len(BY_FIELD) // 40])
def test_a_name_gives_the_fields_of_its_preset_and_how_it_is_quantised(name: str, stands_for: str, field: str) -> None:
    """Its sizes are the preset's own."""
    fields = preset(name)
    assert fields.pop("quantization_config", {}) == NAMES[field]
    assert fields == preset(stands_for)
    assert preset_named(name) == stands_for


def test_what_memory_takes_of_a_name_of_quantised_weights() -> None:
    """Plain NF4 is replayed; where some modules stay in 16 bits the refusal says so, and a count is the preset's."""
    plain, mixed = "unsloth/llama-3-8b-bnb-4bit", "unsloth/Qwen3-8B-unsloth-bnb-4bit"
    asked = json.loads(run("memory", "unsloth/llama-3-8b", "--quantize", "nf4-double", "--json").stdout)["results"][0]
    stored = json.loads(run("memory", plain, "--json").stdout)["results"][0]
    assert {**stored, "model": None} == {**asked, "model": None}
    refused = run("memory", mixed)
    assert refused.returncode == 2
    assert "bitsandbytes in some modules only" in refused.stderr
    assert (
        run("count", mixed, "-r", "8", "--field", "all_params").stdout
        == run("count", "qwen3-8b", "-r", "8", "--field", "all_params").stdout
    )


def test_a_name_that_needs_a_revision_is_not_a_preset() -> None:
    """What a revision holds is not what is bundled."""
    assert not is_preset("meta-llama/Llama-3.1-8B@main")


@pytest.mark.parametrize("name", ["16", "9" * 5000])
def test_a_number_is_no_model_but_a_second_value(name: str) -> None:
    """As in `sweep gpt2 -r 8 16`."""
    with pytest.raises(
        InvalidInput, match=r"neither a file nor a preset; commas join the values of one option, e\.g\. r 8,16$"
    ):
        preset(name)


def test_commas_join_no_models() -> None:
    """As they do ranks and methods; what takes several is named."""
    with pytest.raises(InvalidInput, match=r"commas join no models; sweep\(\) takes several, each by itself$"):
        preset("llama-3.1-8b,openai-community/gpt2")
    with pytest.raises(InvalidInput, match="did you mean gpt2"):
        preset("gpt2,gtp2")


def test_a_name_on_the_hub_without_its_organisation_is_completed() -> None:
    """Of several the first, which is the maker's."""
    with pytest.raises(InvalidInput, match=r"did you mean meta-llama/Llama-3\.1-8B-Instruct\?$"):
        preset("llama-3.1-8b-instruct")
    with pytest.raises(InvalidInput, match=r"did you mean mistral-7b-v0\.1"):
        preset("mistral-7b")
