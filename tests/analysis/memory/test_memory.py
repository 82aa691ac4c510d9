"""What `memory` answers: parts that add up, a verdict on a card, and refusals by name."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from small_llama import narrow

from lora_cli import InvalidInput, check, count, fit, memory, sweep
from lora_cli.analysis.memory.training import OPTIMIZERS
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

PARTS = (
    "weights_bytes",
    "adapter_weights_bytes",
    "gradient_bytes",
    "optimizer_bytes",
    "activation_bytes",
    "loss_bytes",
    "temporary_bytes",
)
LLAMA = read_config(Config(narrow(hidden_size=256, intermediate_size=512, vocab_size=1000)), "small")
# The wider a model, the less of it fits a card: the largest batches and lengths are found with shorter replays.
WIDE = read_config(Config(narrow(hidden_size=4096, intermediate_size=16384)), "wide")
DEEP = read_config(Config(narrow(num_hidden_layers=12)), "deep")


def of_small(**settings: Any) -> Any:
    """Return the memory of training a small Llama."""
    return memory(LLAMA, r=8, target="all-linear", **{"batch": 2, "seq": 64, **settings})


def drawn_training(draw: Random) -> dict[str, Any]:
    """Return a training of a Llama: with full copies and autocast, gradients meet where a card adds in place."""
    return {
        "batch": draw.choice([1, 2, 5]),
        "seq": draw.choice([1, 64, 300]),
        "method": draw.choice(["lora", "dora"]),
        "settings": draw.choice(
            [{}, {"modules_to_save": ["lm_head"]}, {"modules_to_save": ["embed_tokens", "lm_head"]}]
        ),
        "checkpointing": draw.random() < 0.5,
        "attention": draw.choice(["sdpa", "eager"]),
        "padded": draw.random() < 0.3,
        "quantize": draw.choice(["none", "nf4", "nf4-double", "int8"]),
        "autocast": draw.random() < 0.7,
        "dtype": draw.choice(["float32", "bfloat16", "float16"]),
        "optimizer": draw.choice([*OPTIMIZERS]),
        "loss": draw.choice(["full", "chunked"]),
        "accumulate": draw.choice([1, 2, 16]),
        "gpu": draw.choice(["t4", "h100", "4090", None]),
    }


@cache
def drawn_memory(seed: int) -> Any:
    """Return the memory of a drawn training."""
    return memory(WIDE, r=8, target="all-linear", **drawn_training(Random(seed)))


@pytest.mark.parametrize("seed", range(12))
def test_the_parts_add_up_to_the_peak(seed: int) -> None:
    """None is negative, and the peak is that of its phase, beside which a measured card has workspaces."""
    found = drawn_memory(seed)
    assert all(found[part] >= 0 for part in PARTS)
    assert sum(found[part] for part in PARTS) == found.peak_bytes
    assert found.phases[found.peak_phase] == max(found.phases.values()) <= found.peak_bytes <= found.reserved_bytes
    if found.gpu not in {"t4", "h100-80gb"}:
        assert found.peak_bytes == max(found.phases.values())


@pytest.mark.parametrize("seed", range(6))
def test_a_config_and_a_training_say_what_was_asked(seed: int, tmp_path: Path) -> None:
    """The same figures follow from them."""
    found = drawn_memory(seed)
    (tmp_path / "adapter_config.json").write_text(json.dumps(found.config_fields))
    again = memory(WIDE, adapter=tmp_path, **found.training)
    assert again.record() == found.record()
    assert (again.config_fields, again.training) == (found.config_fields, found.training)


def test_a_record_says_what_a_time_was_computed_from() -> None:
    """The tokens and the share of the peak; without them there is neither."""
    found = of_small(gpu="h100", tokens=10**6, utilisation=0.4)
    assert (found.tokens, found.utilisation) == (10**6, 0.4)
    assert "tokens" not in of_small(gpu="h100")


def test_a_training_of_the_whole_model_has_no_config() -> None:
    """Nothing is targeted, and no adapter has a type."""
    found = memory(LLAMA, method="full", batch=1, seq=8)
    assert found.config_fields == {}
    assert "adapter_dtype" not in found.training


def test_the_parts_of_a_measured_card_are_of_its_own_peak() -> None:
    """There workspaces stand beside the step. A tied head's gradient, a view, is summed in new memory, as on an H200."""
    plain, measured = (memory("qwen3-0.6b", method="full", seq=8, optimizer="sgd", gpu=gpu) for gpu in (None, "h100"))
    tied_table = 151_936 * 1024 * 2
    assert max(plain.phases.values()) == max(measured.phases.values()) > plain.weights_bytes + 2 * tied_table
    assert measured.temporary_bytes >= 2 * 33570816
    assert sum(measured[part] for part in PARTS) == measured.peak_bytes <= measured.reserved_bytes


def test_layers_that_are_alike_count_as_often_as_they_are_there() -> None:
    """Replaying a few of twelve layers gives what replaying each of them gives."""
    from lora_cli.analysis.count.count_plan import make_plan
    from lora_cli.analysis.memory.caching_allocator import CachingAllocator
    from lora_cli.analysis.memory.replay.setup import Setup
    from lora_cli.analysis.memory.replay.step import replay
    from lora_cli.analysis.memory.training import Training
    from lora_cli.methods.config.adapter_config import AdapterConfig

    setup = Setup(DEEP, make_plan(DEEP, AdapterConfig(r=4, target_modules="all-linear")))
    for checkpointing, autocast in product((True, False), (None, "bfloat16")):
        training = Training(2, 64, "float32", checkpointing=checkpointing, autocast=autocast)
        few, every = replay(setup, training), replay(setup, training, CachingAllocator())
        assert few.phases == every.phases
        assert few.flops == every.flops


def test_without_a_card_nothing_is_said_of_one() -> None:
    """The band and the verdict are unknown where nothing was measured."""
    found = of_small()
    assert (found.low_bytes, found.high_bytes, found.gpu, found.fits, found.max_batch) == (None,) * 5


def test_the_largest_batch_and_length_fit_and_the_next_do_not() -> None:
    """Each is the last that is sure to fit, with the other held."""
    found = of_small(vram="2GiB")
    assert found.fits == "yes"
    for name, largest in (("batch", found.max_batch), ("seq", found.max_seq)):
        assert of_small(vram="2GiB", **{name: largest}).fits == "yes"
        assert of_small(vram="2GiB", **{name: largest + 1}).fits != "yes"
    nothing = of_small(vram="1MB")
    assert (nothing.max_batch, nothing.max_seq) == (0, 0)


def test_a_card_that_was_not_measured_says_so() -> None:
    """What stands for the band is named among the assumptions."""
    found = of_small(vram="24GiB")
    assert found.low_bytes is None
    assert any("was not measured" in sentence for sentence in found.assumptions)
    assert of_small(gpu="t4", dtype="float16").high_bytes is not None


def test_advice_is_what_the_switch_leaves() -> None:
    """Each line is the peak of the same training with that one switch turned."""
    found = of_small(checkpointing=False, padded=True)
    by_switch = {line["switch"]: line for line in found.advice}
    with_checkpoints = of_small(checkpointing=True, padded=True)
    assert by_switch["checkpointing"]["peak_bytes"] == with_checkpoints.peak_bytes
    assert by_switch["checkpointing"]["saved_bytes"] == found.peak_bytes - with_checkpoints.peak_bytes
    assert list(by_switch) == sorted(by_switch, key=lambda switch: by_switch[switch]["peak_bytes"])


def test_operations_are_those_of_the_formula() -> None:
    """2NT forward, 2NT and the adapters' 4PT backward, and attention: 4·B·S²·q a layer, twice that backward."""
    found = of_small()
    tokens, layers = 128, 2
    heads = next(module.h for module in LLAMA.modules if module.name.endswith("q_proj"))
    weights = sum(module.weight_params for module in LLAMA.modules if module.kind == "Linear")
    trained = found._case.setup.plan and sum(
        tensor.params for tensors in found._case.setup.adapters.values() for tensor in tensors
    )
    assert found.flops["forward"] == {
        "weights": 2 * weights * tokens,
        "adapter": 2 * trained * tokens,
        "attention": 4 * layers * 2 * 64**2 * heads,
    }
    assert found.flops["backward"]["weights"] == 2 * weights * tokens
    assert found.flops["backward"]["adapter"] == 4 * trained * tokens
    assert found.flops["backward"]["attention"] == 2 * found.flops["forward"]["attention"]
    assert found.flops_per_token == sum(sum(parts.values()) for parts in found.flops.values()) // tokens


def test_a_time_needs_a_utilisation_and_a_card() -> None:
    """Nobody's utilisation is assumed."""
    found = of_small(gpu="h100", tokens=10**9, utilisation=0.5)
    assert found.train_seconds == pytest.approx(10**9 * found.flops_per_token / (0.5 * 989.4e12))
    with pytest.raises(InvalidInput, match="utilisation"):
        of_small(gpu="h100", tokens=10**9)
    with pytest.raises(InvalidInput, match="gpu"):
        of_small(tokens=10**9, utilisation=0.5)
    with pytest.raises(InvalidInput, match="share"):
        of_small(gpu="h100", tokens=10**9, utilisation=1.5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch": 0}, "batch: 0 is out of range"),
        ({"seq": -1}, "seq: -1 is out of range"),
        ({"batch": 10**12}, "batch: 1000000000000 is out of range"),
        ({"seq": "x"}, "seq: 'x' is not a whole number"),
        ({"dtype": "float8"}, "dtype: 'float8' is not known"),
        ({"attention": "flash"}, "flash-attn, cannot be replayed; give sdpa"),
        ({"attention": "spda"}, "did you mean sdpa"),
        ({"optimizer": "adamw-8"}, "did you mean"),
        ({"quantize": "nf3"}, "did you mean nf4"),
        ({"gpu": "h1000"}, "did you mean h100"),
        ({"vram": 0}, "vram: 0 is out of range"),
        ({"vram": 24}, "vram: 24 is out of range"),
        ({"vram": 10**16}, "vram: 10000000000000000 is out of range"),
        ({"vram": "1000000000000GB"}, "vram: '1000000000000GB' is more than 1 PB"),
        ({"vram": 24e9 + 0.5}, "vram: 24000000000.5 is not a whole number"),
        ({"kbit_prepare": True}, "kbit_prepare says how a quantised base is trained"),
        ({"vram": "24G"}, "the unit G, which is not known; write 24GB "),
        ({"checkpointing": "no"}, "checkpointing: 'no' is neither True nor False"),
        ({"autocast": 1}, "autocast: 1 is neither"),
        ({"quantize": "nf4", "kbit_prepare": "no"}, "kbit_prepare: 'no' is neither"),
        ({"gpu": "t4", "vram": "24GB"}, "drop one of them"),
    ],
)
def test_what_cannot_be_is_refused_by_name(settings: dict[str, Any], said: str) -> None:
    """One line names the value and the fix."""
    with pytest.raises(InvalidInput, match=said):
        of_small(**settings)


def test_what_means_the_same_is_taken() -> None:
    """A whole number as a float, and None for no quantisation."""
    assert of_small(vram=24e9).gpu_bytes == 24_000_000_000
    assert of_small(quantize=None).record() == of_small(quantize="none").record()


def test_a_memory_is_not_checked_itself() -> None:
    """The message is short, and says what is."""
    with pytest.raises(InvalidInput, match=r"a Memory is not checked; give a Count") as error:
        check(of_small(), max_memory="1GB")
    assert len(str(error.value)) < 150


def test_a_family_without_a_replay_is_refused_by_name() -> None:
    """Never estimated in silence."""
    with pytest.raises(InvalidInput, match="mamba"):
        memory(read_config(Config({"model_type": "mamba", "num_hidden_layers": 1}), "m"), r=4, target=["x_proj"])


def test_full_fine_tuning_takes_gradients_and_states_of_everything() -> None:
    """At the optimizer each weight has a gradient and two states of its type."""
    found = memory(LLAMA, method="full", batch=1, seq=16)
    assert found.optimizer_bytes > 2 * found.weights_bytes * 0.99
    with pytest.raises(InvalidInput, match="trains every weight"):
        memory(LLAMA, 8, method="full")


def test_a_fit_to_memory_is_the_last_that_fits() -> None:
    """The next rank, batch or length is over the budget."""
    training = {"seq": 64, "batch": 2}
    of_rank = fit(model=LLAMA, target="all-linear", max_memory="1300MB", training=training)
    assert of_rank.headroom >= 0
    assert of_rank.overshoot is None or of_rank.overshoot > 0
    of_batch = fit(model=LLAMA, target="all-linear", r=8, max_memory="2GB", knob="batch", training={"seq": 64})
    assert (of_batch.knob, of_batch.next_size) == ("batch", of_batch.size + 1)
    with pytest.raises(InvalidInput, match="even at batch 1"):
        fit(model=LLAMA, target="all-linear", r=8, max_memory="1MB", knob="batch")
    with pytest.raises(
        InvalidInput,
        match=r" or more; max_memory: 1GB is .* a card that is sold as 1 GB has some 1GiB; not enough alone: ",
    ):
        fit(model=LLAMA, target="all-linear", max_memory="1GB", training={"seq": 512})


def test_a_sweep_has_the_memory_of_each_training() -> None:
    """A row for each batch and length, with the figures of `memory`."""
    rows = list(sweep(model=LLAMA, target="all-linear", r=8, memory=True, batch=[1, 2], seq=[32, 64]))
    assert [(row.batch, row.seq) for row in rows] == [(1, 32), (1, 64), (2, 32), (2, 64)]
    assert rows[-1]["peak_bytes"] == of_small().peak_bytes
    for given in ({"batch": [1, 2]}, {"seq": 64}, {"training": {"gpu": "t4"}}):
        with pytest.raises(InvalidInput, match="which only memory depends on"):
            sweep(model=LLAMA, r=8, **given)


@pytest.mark.parametrize(
    ("card", "settings", "said"),
    [
        ("a100-80gb", {"dtype": "float32"}, "no time in float32.*bfloat16 or float16; give dtype bfloat16"),
        ("a100-80gb", {"dtype": "float32", "quantize": "nf4"}, "no time in float32"),
        ("t4", {"dtype": "bfloat16"}, "no time in bfloat16.*products in float16; give dtype float16"),
        ("t4", {"dtype": "float32", "autocast": True}, "no time in bfloat16"),
    ],
)
def test_a_time_is_of_products_whose_peak_is_known(card: str, settings: dict[str, Any], said: str) -> None:
    """The peak of another type is another number."""
    with pytest.raises(InvalidInput, match=said):
        of_small(gpu=card, tokens=1000, utilisation=0.5, **settings)


@pytest.mark.parametrize(
    ("card", "settings"),
    [
        ("a100-80gb", {"dtype": "float16"}),
        ("a100-80gb", {"dtype": "float32", "autocast": True}),
        ("a100-80gb", {"quantize": "int8"}),
        ("t4", {"dtype": "float16", "quantize": "nf4"}),
    ],
)
def test_a_time_in_16_bits_is_known(card: str, settings: dict[str, Any]) -> None:
    """Whatever type the weights are stored in."""
    assert of_small(gpu=card, tokens=1000, utilisation=0.5, **settings).train_seconds > 0


def test_a_preparation_that_costs_more_than_4_bits_save_is_a_note() -> None:
    """The experts of a mixture stay as they are, and become float32."""
    experts = {"num_local_experts": 4, "num_experts_per_tok": 2, "num_key_value_heads": 2}
    fields = narrow(hidden_size=64, intermediate_size=128, num_hidden_layers=2, model_type="mixtral", **experts)
    mixture = read_config(Config({**fields, "architectures": ["MixtralForCausalLM"]}), "mixture")
    settings: dict[str, Any] = {"r": 4, "target": ["q_proj"], "seq": 32, "quantize": "nf4"}
    found = memory(mixture, **settings)
    (note,) = found.notes
    assert note.startswith("prepare_model_for_kbit_training turns what is not quantised into float32")
    assert any("into float32" in sentence for sentence in found.assumptions)
    by_switch = {line["switch"]: line["peak_bytes"] for line in found.advice}
    unprepared = memory(mixture, **settings, kbit_prepare=False)
    assert by_switch["kbit_prepare=False"] == unprepared.peak_bytes < found.peak_bytes
    assert not unprepared.notes
    assert not of_small(quantize="nf4").notes


@pytest.mark.parametrize(
    ("fields", "longest"),
    [
        ({"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 1, "vocab_size": 50}, 1024),
        ({"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 1, "vocab_size": 50, "n_positions": 30}, 30),
        ({"model_type": "opt", "hidden_size": 64, "ffn_dim": 64, "word_embed_proj_dim": 64, "num_attention_heads": 4}
         | {"num_hidden_layers": 1, "vocab_size": 50, "max_position_embeddings": 40}, 40),
    ],
)  # fmt: skip
def test_no_length_is_found_beyond_learned_positions(fields: dict[str, Any], longest: int) -> None:
    """However much memory there is; a prompt takes its part of them."""
    model = read_config(Config(fields), "learned")
    assert memory(model, r=4, vram="80GiB").max_seq == longest
    found = fit(model=model, r=4, max_memory="80GiB", knob="seq")
    assert (found.size, found.next_size) == (longest, None)
    assert f"more than seq {longest}, but that is the largest that learned runs" in " ".join(found.notes)
    prompt = {"num_virtual_tokens": 10, "task_type": "CAUSAL_LM"}
    prompted = memory(model, method="prompt_tuning", settings=prompt, vram="80GiB", seq=8)
    assert prompted.max_seq == longest - 10


def test_a_fit_warns_of_a_length_that_the_model_does_not_take() -> None:
    """As `memory` does."""
    model = read_config(Config(narrow(max_position_embeddings=100)), "short")
    found = fit(model=model, target="all-linear", r=4, max_memory="8GB", knob="batch", training={"seq": 200})
    assert any("longer than 100" in warning for warning in found.warnings)


def test_a_family_without_a_replay_is_refused_before_targets_are_asked_for() -> None:
    """And the refusal says which types have one."""
    from lora_cli.analysis.memory.replay.setup import EXAMPLES
    from lora_cli.models.registry import family

    for name in ("whisper-base", "bloom-560m", "qwen3.5-0.8b"):
        with pytest.raises(InvalidInput, match=r"step is not known; it is known of .*llama"):
            memory(name)
    assert all(family(name).forward for name in EXAMPLES)


def test_a_limit_of_memory_that_no_rank_holds_names_a_batch_or_a_length() -> None:
    """The largest that holds, found by the same search as a fit's."""
    counted = count(model=LLAMA, target="all-linear", r=8)

    def said(limit: str, **training: int) -> str:
        (verdict,) = check(counted, max_memory=limit, training=training)
        return str(verdict.failure())

    smaller = fit(model=LLAMA, target="all-linear", r=8, max_memory="1300MB", knob="batch", training={"seq": 256})
    assert said("1300MB", batch=512, seq=256).endswith(f"; batch {smaller.size} would hold")
    shorter = fit(model=LLAMA, target="all-linear", r=8, max_memory="1300MB", knob="seq")
    assert said("1300MB", seq=10**6).endswith(f"; seq {shorter.size} would hold")
    assert said("1MB").endswith("; no smaller batch or seq would hold")


def test_no_other_length_of_an_image_is_tried() -> None:
    """A check that fails says so of the batch alone."""
    counted = count(model="vit-base", target=["q_proj"], r=8)
    (verdict,) = check(counted, max_memory="1MB")
    assert str(verdict.failure()).endswith("; no smaller batch would hold")


def test_an_image_has_the_length_that_it_has() -> None:
    """196 patches of 16 x 16 and a class token: another length is refused, and none is searched for."""
    found = memory(model="vit-base", target="q_proj", gpu="t4")
    assert (found.seq, found.max_seq) == (197, None)
    assert found.flops_per_token == memory(model="vit-base", target="q_proj", seq=197).flops_per_token
    with pytest.raises(InvalidInput, match="seq: 196 is not the 197 tokens of an image of vit-base"):
        memory(model="vit-base", target="q_proj", seq=196)


def test_heads_that_do_not_share_evenly_are_refused() -> None:
    """PyTorch refuses to run them."""
    model = read_config(Config(narrow(num_attention_heads=4, num_key_value_heads=8)), "odd")
    with pytest.raises(InvalidInput, match="4 is not a multiple of 8 key-value heads"):
        memory(model, r=8)


@pytest.mark.parametrize("gpu", ["t4", None])
def test_advice_is_what_the_switch_gives(gpu: str | None) -> None:
    """To the byte: with the peak of the same call with that switch turned."""
    plain = of_small(gpu=gpu, dtype="float16")
    advised = {each["switch"]: each["peak_bytes"] for each in plain.advice}
    assert advised["optimizer adamw-8bit"] == of_small(gpu=gpu, dtype="float16", optimizer="adamw-8bit").peak_bytes
    assert all(each["peak_bytes"] + each["saved_bytes"] == plain.peak_bytes for each in plain.advice)
    assert ("adapter_dtype bfloat16" in advised) == (gpu is None), "a T4 has no bfloat16"


def test_a_card_is_named_by_a_text() -> None:
    """A number is refused, and not a crash."""
    with pytest.raises(InvalidInput, match="gpu: '4090' is not a text"):
        of_small(gpu=4090)


def test_a_model_of_which_nothing_is_quantised_says_so() -> None:
    """Falcon's own class of Linear stays as it is, and preparing makes all of it float32."""
    (note,) = memory("falcon-7b", r=8, quantize="nf4", seq=8).notes
    assert "nf4 quantises no layer of this model" in note
    (note,) = memory("gemma-3-270m", r=8, target="q_proj", quantize="nf4", seq=8).notes
    assert "320 MiB more, and nf4 saves only 137 MiB" in note


def test_the_memory_of_a_card_is_a_limit_of_a_fit() -> None:
    """As `memory` judges it, and beside another limit the smaller one; a message names the card."""
    small: dict[str, Any] = {"model": LLAMA, "target": "all-linear", "r": 8, "knob": "batch"}
    found = fit(**small, training={"seq": 64, "gpu": "t4"})
    assert found.size == of_small(gpu="t4").max_batch
    assert (found.limit, found.budget) == ("max-memory", 15360 * 2**20)
    assert [*found.notes] == ["the limit is what t4 has for a process, 15 GiB"]
    larger, smaller = (fit(**small, max_memory=size, training={"seq": 64, "gpu": "t4"}) for size in ("80GiB", "2GiB"))
    assert larger.record() == found.record()
    assert (smaller.budget, [*smaller.notes]) == (2**31, [])
    with pytest.raises(
        InvalidInput,
        match=r"^gpu: training memory of lora .* over the memory of rtx-4060 .* give a card with .* or more; not enough alone: ",
    ):
        fit(model="llama-3.1-8b", target="q_proj", training={"gpu": "rtx-4060", "seq": 64})
    with pytest.raises(InvalidInput, match=r"^gpu limits the memory of training a model, .*; give model$"):
        fit(8, 8, training={"gpu": "t4"})


def test_a_limit_in_gigabytes_that_does_not_hold_says_what_a_card_has() -> None:
    """One that holds says nothing."""
    from lora_cli.analysis.check.check import judge
    from lora_cli.analysis.check.subject_check import Rules, check_count

    counted = count(model="gpt2", r=8)
    low, high = (judge([check_count(counted, Rules({"max_memory": n * 10**9}))], None) for n in (1, 80))
    assert low.notes == ["max_memory: 1GB is 1,000,000,000 bytes; a card that is sold as 1 GB has some 1GiB"]
    assert high.notes == []
