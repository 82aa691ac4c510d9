"""What is said beside a count: what surprises people, before they train."""

from __future__ import annotations

import pytest
from small_models import cost, model

from lora_cli import count, fit, sweep
from lora_cli.analysis.count.remarks import notes_of, warnings_of
from lora_cli.errors import InvalidInput
from lora_cli.models.sources.read_model import read_model


def test_a_target_that_brings_the_frozen_head_into_the_file_is_told() -> None:
    """PEFT saves the weight of an adapted lm_head; it is most of the file, and not trained."""
    found = cost(target_modules=("q_proj", "lm_head"), r=1)
    assert any("PEFT also saves the frozen weight of 'lm_head'" in said for said in warnings_of(found))
    assert not any("frozen weight" in said for said in warnings_of(cost(target_modules=("q_proj",), r=1)))


def test_a_target_that_is_copied_is_told() -> None:
    """It gets no adapter, and neither does what is inside a copy."""
    both = cost(target_modules=("q_proj", "lm_head"), modules_to_save=("lm_head",))
    assert any("'lm_head' is both targeted and copied by modules_to_save" in said for said in warnings_of(both))
    inside = cost(target_modules=("q_proj", "up_proj"), modules_to_save=("mlp",))
    assert any("'model.layers.0.mlp.up_proj', " in said and "full copy" in said for said in warnings_of(inside))
    assert not any("both targeted" in said for said in warnings_of(cost(target_modules=("q_proj",))))


def test_layers_that_no_target_reaches_are_told() -> None:
    """Unless the config chooses layers."""
    said = "the targets reach 2 of the 4 layers in 'model.layers'"
    assert said in list(notes_of(cost(target_modules=r"model\.layers\.[13]\..*q_proj")))
    assert not list(notes_of(cost(target_modules=("q_proj",), layers_to_transform=(1,))))
    assert not list(notes_of(cost(target_modules=("q_proj",))))


def test_stages_of_a_unet_are_no_layers() -> None:
    """Some have no attention, so a target that only these have is no mistake."""
    sdxl = read_model("sdxl")
    assert not [said for said in notes_of(cost(sdxl, target_modules=("to_q",))) if "the targets reach" in said]


def test_a_target_that_was_not_finished_is_completed() -> None:
    """`all` is no name of a module, and an ending alone is none either."""
    for wanted, meant in (("all", "all-linear"), ("q", "q_proj"), ("down_porj", "down_proj")):
        with pytest.raises(InvalidInput, match=f"did you mean {meant}.*\\? targets here are"):
            cost(target_modules=(wanted,))


def test_ranks_that_save_nothing_are_told_once_for_all_modules() -> None:
    """By hand, on GPT-2's c_attn, 64 x 192: break-even at 64 · 192 / 256 = 48; no update has a rank over 64."""
    subject = model("gpt2")
    assert list(warnings_of(cost(subject, target_modules=("c_attn",), r=48))) == []
    (warning,) = warnings_of(cost(subject, target_modules=("c_attn",), r=49))
    assert warning.startswith("2 modules ('transformer.h.0.attn.c_attn', ")
    assert warning.endswith(" have a rank above the break-even: rank 49, break-even at 48")
    (warning,) = warnings_of(cost(subject, target_modules=("c_attn",), r=65))
    assert warning.endswith(" have a rank above min(d, h): rank 65, min(d, h) = 64, break-even at 48")
    patterned = cost(subject, target_modules=("c_attn",), r=8, rank_pattern={"h.1.attn.c_attn": 50})
    (warning,) = warnings_of(patterned)
    assert warning.startswith("1 module ('transformer.h.1.attn.c_attn') has a rank above the break-even: rank 50")
    grid = sweep(model=subject, target="c_attn", r=[8, 65, 16])
    assert grid.warnings == count(model=subject, target="c_attn", r=65).warnings
    (warning,) = fit(model=subject, target="c_attn", max_params=2 * 60 * 256).warnings
    assert warning.endswith(" have a rank above the break-even: rank 60, break-even at 48")


def test_the_rank_of_one_expert_is_what_counts() -> None:
    """A parameter of 3 experts holds 3 pairs of A and B: by hand, 96 · 64 / 160 = 38.4. Their router is left in peace."""
    everything = cost(model("mixtral"), target_modules="all-linear", r=8)
    assert "model.layers.0.mlp.gate.weight" in {place.module.name for place in everything.targets.places}
    assert not everything.rank_problems()
    for r, told in ((38, 0), (39, 1)):
        found = cost(model("mixtral"), target_modules=(), target_parameters=("experts.down_proj",), r=r)
        assert len(found.rank_problems()) == told
