"""What is drawn of each answer: which field over which axis, which lines, and which limits."""

from __future__ import annotations

import pytest
from endings import ends
from plots import plot_of

from lora_cli import InvalidInput
from lora_cli.output import Report
from lora_cli.output.plots.answers import spectrum, sweep
from lora_cli.output.plots.plot import BarPlot, LinePlot, Plot


def lines_of(plot: Plot) -> dict[str, list[float]]:
    """Return the x of the points of each line."""
    assert isinstance(plot, LinePlot)
    return {series.name: [x for x, _ in series.points] for series in plot.series}


def bars_of(plot: Plot) -> dict[str, tuple[float | None, ...]]:
    """Return the values of each part."""
    assert isinstance(plot, BarPlot)
    return {part.name: part.values for part in plot.parts}


def test_a_sweep_is_drawn_along_its_longest_axis() -> None:
    """A line for each point of the others; of axes as long, along the rank."""
    plot = plot_of("sweep -d 8,16 -h 32 -r 1,2,4")
    assert lines_of(plot) == {"d 8": [1, 2, 4], "d 16": [1, 2, 4]}
    assert isinstance(plot, LinePlot)
    assert (plot.x.label, plot.x.base, plot.y.label) == ("rank r", 2, "trainable parameters")
    assert plot.series[0].points == ((1, 40), (2, 80), (4, 160))
    assert list(lines_of(plot_of("sweep -d 8,16,24 -h 32 -r 1,2"))) == ["r 1", "r 2"]


def test_a_square_matrix_has_one_axis() -> None:
    """It is d, and h with it."""
    plot = plot_of("sweep -d 8:64:x2 --square -r 1")
    assert isinstance(plot, LinePlot)
    assert (plot.x.label, lines_of(plot)) == ("d = h", {"": [8, 16, 32, 64]})


def test_a_method_without_a_rank_is_level() -> None:
    """It is counted once, and drawn from the first rank to the last."""
    plot = plot_of("sweep gpt2 -r 4:64:x2 --method lora,ia3")
    assert lines_of(plot) == {"lora": [4, 8, 16, 32, 64], "ia3": [4, 64]}
    assert isinstance(plot, LinePlot)
    assert len({y for _, y in plot.series[1].points}) == 1


def test_what_was_asked_for_is_drawn() -> None:
    """A budget of bytes, an order by percent, and the memory of a training."""
    for options, label in (
        ("--max-bytes 100MB", "adapter file"),
        ("--sort -percent_of_full", "trained share of the base model"),
        ("--sort r", "trainable parameters"),
    ):
        plot = plot_of(f"sweep gpt2 -r 4,8 {options}")
        assert isinstance(plot, LinePlot)
        assert plot.y.label == label
    plot = plot_of("sweep base -r 8 --memory --batch 1,2 --seq 64,128,256")
    assert lines_of(plot) == {"batch 1": [64, 128, 256], "batch 2": [64, 128, 256]}


@pytest.mark.parametrize("axis", ["--batch 1,2", "--quantize none,nf4"])
def test_a_sweep_of_trainings_is_drawn_with_its_card_or_without(axis: str) -> None:
    """As lines and as bars; what is not memory has no such line."""
    command = f"sweep base -r 8 --memory --seq 64 {axis}"
    with_card, *without = map(plot_of, (f"{command} --gpu 4090", command, "sweep base -r 8,16"))
    assert isinstance(with_card, LinePlot | BarPlot)
    assert [(each.name, each.value) for each in with_card.limits] == [("rtx-4090: 24 GiB", 24564 * 2**20)]
    assert all(isinstance(plot, LinePlot | BarPlot) and plot.limits == () for plot in without)


def test_each_quantisation_and_card_is_a_line() -> None:
    """With its own name; a card's memory is a line of its own."""
    plot = plot_of("sweep base -r 8 --memory --seq 64,128 --quantize none,nf4 --gpu t4,4090")
    assert isinstance(plot, LinePlot)
    assert list(lines_of(plot)) == ["t4, none", "t4, nf4", "rtx-4090, none", "rtx-4090, nf4"]
    assert [each.name for each in plot.limits] == ["t4: 15 GiB", "rtx-4090: 24 GiB"]


def test_names_alone_are_bars() -> None:
    """One for each; of two axes, those of the second stand beside each other."""
    assert list(bars_of(plot_of("sweep gpt2 -r 8 --method lora,vera"))) == [""]
    plot = plot_of("sweep gpt2 qwen3-0.6b -r 8 --method lora,vera")
    assert isinstance(plot, BarPlot)
    assert (plot.categories, list(bars_of(plot))) == (("gpt2", "qwen3-0.6b"), ["lora", "vera"])
    assert bars_of(plot_of("sweep gpt2 -r 8")) == {"": (294912,)}


def test_a_sweep_of_too_many_points_is_refused_before_they_are_held() -> None:
    """Nothing of it is read."""

    def batches() -> None:
        raise AssertionError

    endless = Report("sweep", ("r", "trainable_params"), iter(batches, None), 1_000_000, listing=True)
    with pytest.raises(InvalidInput, match=r"^plot: 1,000,000 points .* limit or max_params$"):
        sweep.plot(endless)


def test_a_fit_is_drawn_against_its_budget() -> None:
    """In the budget's unit; several budgets in percent of the one that binds."""
    plot = plot_of("fit gpt2 --method lora,vera --max-params 1M")
    assert isinstance(plot, BarPlot)
    assert plot.limits[0].name == "budget: 1M"
    assert all(value <= 1_000_000 for values in bars_of(plot).values() for value in values if value is not None)
    both = plot_of("fit gpt2 --method lora,vera --max-params 1M --max-bytes 1MB")
    assert isinstance(both, BarPlot)
    assert (both.value.unit.text(95), both.limits[0].value) == ("95 %", 100)
    assert both.categories == ("lora, r 6, max-bytes", "vera, r 71, max-bytes")


def test_a_training_is_drawn_with_its_card_or_without() -> None:
    """Its phases, the highest by its parts, and what is reserved."""
    plot = plot_of("memory base -r 8 --seq 64 --gpu t4")
    assert isinstance(plot, BarPlot)
    assert plot.categories[:3] == ("forward", "backward (peak)", "optimizer")
    assert plot.limits[0].name.startswith("t4: ")
    assert plot_of("memory base -r 8 --seq 64").limits == ()
    assert plot_of("memory base -r 8 --seq 64 --vram 24GiB").limits[0].name == "the card: 24 GiB"


def test_a_title_says_how_a_training_was_set_up() -> None:
    """What is not the default, so that two plots of different trainings are told apart."""
    unusual = "--accumulate 4 --no-checkpointing"
    plot = plot_of(f"memory base -r 8 --seq 64 {unusual}")
    assert plot.title[-2:] == ("no checkpointing", "accumulate 4")
    swept = plot_of(f"sweep base --memory --batch 1,2 --seq 64 {unusual}")
    assert swept.title == ("LoRA on base", "default targets", "rank 8", "no checkpointing", "accumulate 4")


def modules(*names: str, adapter: str = "a", rank: int | None = 4) -> list[spectrum.Record]:
    """Return records of modules."""
    return [{"adapter": adapter, "name": name, "r": 8, "rank_99": rank} for name in names]


def test_a_spectrum_is_drawn_layer_by_layer() -> None:
    """In the order of the layers' numbers, whatever that of the file is."""
    plot = spectrum.plot(modules("m.0.q_proj", "m.10.q_proj", "m.2.q_proj", "m.2.v_proj"))
    assert lines_of(plot) == {"q_proj": [0, 2, 10], "v_proj": [2]}
    assert (plot.x.label, plot.limits[0].name) == ("layer", "rank of the adapter: 8")


def test_modules_that_layers_do_not_tell_apart_stand_in_their_order() -> None:
    """As those of a UNet do, and those that are in no layer."""
    plot = spectrum.plot(modules("down.0.attn.0.to_q", "down.0.attn.1.to_q", "mid.to_q", "up.to_out.0"))
    assert lines_of(plot) == {"to_q": [0, 1, 2], "to_out.0": [0]}
    assert plot.x.label == "module of that name"


def test_names_with_underscores_have_layers_too() -> None:
    """As kohya's scripts write them."""
    plot = spectrum.plot(
        modules("lora_unet_blocks_0_attn_to_q", "lora_unet_blocks_2_attn_to_q", "lora_unet_blocks_2_to_out_0")
    )
    assert lines_of(plot) == {"attn_to_q": [0, 2], "to_out_0": [2]}
    assert plot.x.label == "layer"


@pytest.mark.parametrize("name", ["_1_a" * 10**5 + ".x", "_1" * 10**5, "a" * 10**5 + ".0"])
def test_no_name_from_a_file_hangs(name: str) -> None:
    """A header may hold names of any length."""
    with ends():
        assert spectrum.leaf(name)


def test_two_adapters_are_two_lines() -> None:
    """Each with its path."""
    plot = spectrum.plot([*modules("m.0.q"), *modules("m.0.q", adapter="b")])
    assert list(lines_of(plot)) == ["a: q", "b: q"]


def test_modules_without_a_rank_are_left_out_and_none_is_refused() -> None:
    """With the reason, where there is one."""
    assert lines_of(spectrum.plot([*modules("m.0.q"), *modules("m.1.q", rank=None)])) == {"q": [0]}
    with pytest.raises(InvalidInput, match=r"no spectrum to draw: it is VeRA$"):
        spectrum.plot(modules("m.0.q", rank=None), ["it is VeRA"])
    with pytest.raises(InvalidInput, match="nothing to draw"):
        spectrum.plot(modules("m.0.q", rank=None))
