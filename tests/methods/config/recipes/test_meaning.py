"""What a recipe's fields mean, what replaces them, and what is not followed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_cli import InvalidInput, check, count, fit, memory, sweep
from lora_cli.analysis.memory.arguments import TrainingArguments
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.recipes.recipe import read_recipe
from lora_cli.methods.config.recipes.trainer import ASSUMED_ATTENTION, ASSUMED_OPTIMIZER
from lora_cli.models.sources.read_model import read_model

LLAMA = "llama-3.2-1b"
FACTORY = {"model_name_or_path": LLAMA, "finetuning_type": "lora", "template": "llama3", "lora_rank": 4}
AXOLOTL = {"base_model": LLAMA, "adapter": "lora", "lora_r": 4, "lora_alpha": 8, "lora_target_linear": True}
TRL = {"model_name_or_path": LLAMA, "dataset_name": "x", "use_peft": True, "lora_r": 4}
SWIFT = {"model": LLAMA, "tuner_type": "lora", "lora_rank": 4, "torch_dtype": "bfloat16"}
TUNE = {
    "model": {
        "_component_": "torchtune.models.llama3_2.lora_llama3_2_1b",
        "lora_attn_modules": ["q_proj", "output_proj"],
        "lora_rank": 4,
    },
    "batch_size": 2,
    "checkpointer": {},
}
LINEAR = {"down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"}


def written(path: Path, fields: dict[str, Any], **more: Any) -> Path:
    """Write a recipe as JSON, which every trainer's YAML may be."""
    file = path / "recipe"
    file.write_text(json.dumps({**fields, **more}), encoding="utf-8")
    return file


def adaptation(path: Path, fields: dict[str, Any], **more: Any) -> Adaptation:
    """Return how the recipe adapts the model."""
    return read_recipe(written(path, fields, **more)).adaptation(read_model(LLAMA), Adaptation())[0]


def training(path: Path, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return how it trains."""
    return read_recipe(written(path, fields, **more)).training({})[0]


@pytest.mark.parametrize("fields", [FACTORY, AXOLOTL, SWIFT], ids=["LLaMA-Factory", "axolotl", "ms-swift"])
def test_all_linear_modules_but_the_head(fields: dict[str, Any], tmp_path: Path) -> None:
    """Each by a rule of its own."""
    assert set(adaptation(tmp_path, fields).target or ()) == LINEAR


@pytest.mark.parametrize(
    ("fields", "more", "said"),
    [
        (AXOLOTL, {"lora_target_linear": None}, "names no targets; set lora_target_linear or lora_target_modules, or"),
        (
            AXOLOTL,
            {"base_model": "gpt2"},
            "lora_target_linear true finds no targets in 'gpt2', since it takes only Linear",
        ),
        (
            FACTORY,
            {"model_name_or_path": "gpt2"},
            "all \\(LLaMA-Factory's default\\) finds no targets in 'gpt2', since",
        ),
        (FACTORY, {"model_name_or_path": "gpt2", "lora_target": "all"}, "c_attn, c_fc, c_proj are Conv1D; give target"),
        (SWIFT, {"model": "gpt2"}, "all-linear \\(ms-swift's default\\) finds no targets in 'gpt2'"),
        (TUNE, {"model": {**TUNE["model"], "lora_attn_modules": []}}, "names no targets; set model.apply_lora_to_mlp,"),  # type: ignore[dict-item]
    ],
)
def test_a_recipe_without_targets_is_refused(
    fields: dict[str, Any], more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """As PEFT refuses an empty list (0.21.2: NoMatchingPeftModuleError), unless targets are given, or parameters are."""
    path = written(tmp_path, fields, **more)
    for ask in (count, lambda recipe: sweep(recipe=recipe, r=[1, 2])):
        with pytest.raises(InvalidInput, match=said):
            ask(recipe=path)
    assert count(recipe=path, target="all-linear").trainable_params


def test_a_fitted_config_names_the_base_as_the_recipe_does(tmp_path: Path) -> None:
    """With its revision; torchtune names none, so the bundled model that it is has its name on the Hub."""
    path = written(tmp_path, AXOLOTL, revision_of_model="main")
    config = fit(recipe=path, max_params="6M").config()
    assert (config["base_model_name_or_path"], config["revision"]) == (LLAMA, "main")
    tuned = fit(recipe=written(tmp_path, TUNE), max_params="6M").config()
    assert tuned["base_model_name_or_path"] == "meta-llama/Llama-3.2-1B"


def test_parameters_are_targets_enough(tmp_path: Path) -> None:
    """Without a module beside them."""
    more = {"lora_target_linear": False, "lora_target_parameters": ["x"]}
    assert adaptation(tmp_path, AXOLOTL, **more).target == []


def test_a_method_for_a_whole_fine_tune_needs_targets(tmp_path: Path) -> None:
    """Which a recipe without an adapter does not name."""
    path = written(tmp_path, {"base_model": LLAMA, "micro_batch_size": 1, "sequence_len": 9})
    with pytest.raises(InvalidInput, match="names no targets; set lora_target_linear"):
        count(recipe=path, method="lora", r=8)
    assert count(recipe=path, method="lora", r=8, target="q_proj").r == 8


def test_alpha_is_twice_the_rank_in_llama_factory(tmp_path: Path) -> None:
    """Unless it is given."""
    assert adaptation(tmp_path, FACTORY).alpha == 8
    assert adaptation(tmp_path, FACTORY, lora_alpha=3).alpha == 3


def test_a_text_is_a_regular_expression_to_axolotl_and_trl(tmp_path: Path) -> None:
    """A name alone matches no whole name, so PEFT refuses it; a list of one is that name in TRL."""
    for fields, name in ((AXOLOTL, "lora_target_modules"), (TRL, "lora_target_modules")):
        path = written(tmp_path, {**fields, "lora_target_linear": None}, **{name: "q_proj"})
        with pytest.raises(InvalidInput, match="no module"):
            count(recipe=path)
    assert adaptation(tmp_path, TRL, lora_target_modules=["all-linear"]).target == "all-linear"
    assert adaptation(tmp_path, TRL, lora_target_modules=["q_proj", "v_proj"]).target == ["q_proj", "v_proj"]


def test_peft_fields_are_passed_on(tmp_path: Path) -> None:
    """Under PEFT's names."""
    more = {"peft_use_dora": True, "peft_layers_to_transform": [0, 1], "lora_modules_to_save": ["lm_head"]}
    settings = adaptation(tmp_path, AXOLOTL, **more).settings
    assert settings == {"use_dora": True, "layers_to_transform": [0, 1], "modules_to_save": ["lm_head"]}
    assert count(recipe=written(tmp_path, AXOLOTL, peft_use_dora=True)).method == "dora"


def test_torchtune_has_its_own_names(tmp_path: Path) -> None:
    """Of modules and of models."""
    assert adaptation(tmp_path, TUNE).target == ["q_proj", "o_proj"]
    model = {**TUNE["model"], "apply_lora_to_mlp": True, "apply_lora_to_output": True}  # type: ignore[dict-item]
    wanted = ["q_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"]
    assert adaptation(tmp_path, TUNE, model=model).target == wanted
    for component, said in (
        ("torchtune.models.phi3.lora_phi3_mini", "splits projections of Phi"),
        ("torchtune.models.llama9.lora_llama9_1b", "is not a bundled model; give model"),
        ("torchtune.models.llama3_2.llama3_2_1b", "trains every weight"),
        ("os.system", "is not one of torchtune's models"),
    ):
        with pytest.raises(InvalidInput, match=said):
            count(recipe=written(tmp_path, TUNE, model={**model, "_component_": component}))


@pytest.mark.parametrize(
    ("fields", "more", "expected"),
    [
        (AXOLOTL, {"load_in_4bit": True}, {"quantize": "nf4-double"}),
        (
            AXOLOTL,
            {"load_in_4bit": True, "bnb_config_kwargs": {"bnb_4bit_use_double_quant": False}},
            {"quantize": "nf4"},
        ),
        (AXOLOTL, {"bf16": "auto"}, {"dtype": "bfloat16", "autocast": True, "seq": 512, "checkpointing": False}),
        # As `resolve_dtype` of 0.19.0 has it where bfloat16 is supported; the schema leaves a null out.
        (AXOLOTL, {}, {"dtype": "bfloat16", "autocast": True}),
        (AXOLOTL, {"bf16": False}, {"dtype": "float32", "autocast": None}),
        (AXOLOTL, {"bf16": None}, {"dtype": "float32", "autocast": None}),
        (AXOLOTL, {"fp16": True}, {"dtype": "float16", "autocast": True}),
        (AXOLOTL, {"bf16": "auto", "fp16": True}, {"dtype": "float16", "autocast": True}),
        (AXOLOTL, {"bf16": True, "fp16": True}, {"dtype": "bfloat16", "autocast": True}),
        (AXOLOTL, {"float16": True}, {"dtype": "bfloat16", "autocast": True}),
        (AXOLOTL, {"bf16": False, "float16": True}, {"dtype": "float16", "autocast": None}),
        (AXOLOTL, {"bf16": False, "bfloat16": True}, {"dtype": "bfloat16", "autocast": True}),
        (AXOLOTL, {"bf16": False, "load_in_8bit": True}, {"dtype": "float16", "autocast": None}),
        (AXOLOTL, {"sample_packing": True, "micro_batch_size": 4}, {"batch": 4}),
        (AXOLOTL, {"micro_batch_size": 4}, {"padded": True}),
        (
            AXOLOTL,
            {"flash_attention": True, "optimizer": "paged_adamw_8bit"},
            {"attention": "sdpa", "optimizer": "paged-adamw-8bit"},
        ),
        (FACTORY, {"quantization_bit": 4}, {"quantize": "nf4-double", "kbit_prepare": False}),
        (FACTORY, {"quantization_bit": 8, "flash_attn": "disabled"}, {"quantize": "int8", "attention": "eager"}),
        (FACTORY, {"pure_bf16": True}, {"dtype": "bfloat16", "adapter_dtype": "bfloat16", "checkpointing": True}),
        (FACTORY, {"disable_gradient_checkpointing": True, "cutoff_len": 77}, {"checkpointing": False, "seq": 77}),
        (TRL, {}, {"dtype": "float32", "autocast": True, "seq": 1024, "batch": 8, "padded": True}),
        (TRL, {"load_in_4bit": True}, {"quantize": "nf4", "adapter_dtype": "bfloat16", "kbit_prepare": False}),
        (TRL, {"loss_type": "chunked_nll", "packing": True}, {"loss": "chunked"}),
        (SWIFT, {"quant_method": "bnb", "quant_bits": 4, "max_length": 9}, {"quantize": "nf4-double", "seq": 9}),
        (TUNE, {"optimizer": {"_component_": "torch.optim.AdamW"}}, {"optimizer": "adamw-foreach", "batch": 2}),
        (TUNE, {"dtype": "fp32"}, {"dtype": "float32", "adapter_dtype": "float32"}),
    ],
)
def test_a_training(fields: dict[str, Any], more: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    """As keywords of memory, with the trainer's own defaults."""
    found = training(tmp_path, fields, **more)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "more", "expected"),
    [
        (AXOLOTL, {}, {}),
        (AXOLOTL, {"lora_dropout": 0.1}, {"lora_dropout": 0.1}),
        (AXOLOTL, {"lora_dropout": None}, {}),
        (FACTORY, {}, {}),
        (FACTORY, {"lora_dropout": 0.1, "module_dropout": 0.2}, {"lora_dropout": 0.1}),
        (FACTORY, {"finetuning_type": "oft", "module_dropout": 0.2}, {"module_dropout": 0.2}),
        (TRL, {}, {"lora_dropout": 0.05}),
        (TRL, {"lora_dropout": 0}, {}),
        (SWIFT, {}, {"lora_dropout": 0.05}),
        (SWIFT, {"lora_dropout": 0.0}, {}),
        (SWIFT, {"tuner_type": "adalora", "max_steps": 9}, {"lora_dropout": 0.05}),
        (SWIFT, {"tuner_type": "vera"}, {}),
        (SWIFT, {"tuner_type": "vera", "lora_dropout": 0.1, "vera_dropout": 0.2}, {"vera_dropout": 0.2}),
        (SWIFT, {"tuner_type": "boft", "boft_dropout": 0.2}, {"boft_dropout": 0.2}),
        (TUNE, {}, {}),
        (TUNE, {"model": {**TUNE["model"], "lora_dropout": 0.1}}, {"lora_dropout": 0.1}),  # type: ignore[dict-item]
    ],
)
def test_the_dropout_is_passed_on(
    fields: dict[str, Any], more: dict[str, Any], expected: dict[str, float], tmp_path: Path
) -> None:
    """Of the method that has it, under PEFT's name, with the trainer's own default; 0 is PEFT's own."""
    settings = adaptation(tmp_path, fields, **more).settings
    assert {name: value for name, value in settings.items() if name.endswith("dropout")} == expected


def test_the_dropout_is_of_the_memory_and_of_a_written_config(tmp_path: Path) -> None:
    """As where it is given beside the recipe."""
    path = written(tmp_path, AXOLOTL, lora_dropout=0.1, sequence_len=64)
    plain = written(tmp_path / "..", AXOLOTL, sequence_len=64)
    peaks = [memory(recipe=path).peak_bytes, memory(recipe=plain, settings={"lora_dropout": 0.1}).peak_bytes]
    assert peaks[0] == peaks[1] > memory(recipe=plain).peak_bytes
    assert fit(recipe=path, max_params="6M").config()["lora_dropout"] == 0.1
    assert "lora_dropout 0.1 (lora_dropout)" in count(recipe=path).assumptions


@pytest.mark.parametrize("value", [-0.1, 1.5, "much"])
def test_a_wrong_dropout_is_refused(value: object, tmp_path: Path) -> None:
    """It is a probability."""
    with pytest.raises(InvalidInput, match=r"lora_dropout is .*; it must be a number from"):
        count(recipe=written(tmp_path, AXOLOTL, lora_dropout=value))


@pytest.mark.parametrize(
    ("own", "given", "told"),
    [
        ({"lora_target_modules": ["all-linear"]}, {}, True),
        ({"lora_target_modules": ["q_proj", "gate_proj", "up_proj"]}, {}, True),
        ({"lora_target_modules": [r".*\.(gate_proj|up_proj)"]}, {}, True),
        ({"lora_target_modules": ["q_proj"], "lora_target_parameters": ["mlp.experts.down_proj"]}, {}, True),
        ({"lora_target_modules": ["q_proj"]}, {"target": "all-linear"}, True),
        ({"lora_target_modules": ["q_proj", "v_proj"]}, {}, False),
        ({"lora_target_modules": ["all-linear"]}, {"target": ["q_proj"]}, False),
        ({"lora_target_modules": ["all-linear"], "lora_dropout": 0}, {}, False),
    ],
)
def test_a_dropout_beside_fused_experts_is_left_out(
    own: dict[str, Any], given: dict[str, Any], told: bool, tmp_path: Path
) -> None:
    """PEFT refuses it there (0.21.2, `lora.layer.ParamWrapper`), by a default of TRL's too; the count is without it."""
    found = count(recipe=written(tmp_path, {**TRL, "model_name_or_path": "qwen3-30b-a3b"}, **own), **given)
    said = "lora_dropout 0.05 (TRL's default) is left out, because PEFT refuses it on bare parameters such as fused experts"
    assert (said in "\n".join(found.warnings)) == told
    assert ("lora_dropout 0.05 (TRL's default)" in found.assumptions) == (not told and "lora_dropout" not in own)


def test_a_sweep_over_targets_is_without_the_dropout_that_one_refuses(tmp_path: Path) -> None:
    """And says so."""
    fields = {**TRL, "model_name_or_path": "qwen3-30b-a3b", "lora_target_modules": ["q_proj"]}
    for targets in (["q_proj", "all-linear"], [["q_proj"], ["q_proj", "gate_proj", "up_proj"]]):
        found = sweep(recipe=written(tmp_path, fields), target=targets)
        assert len(list(found)) == 2
        assert "lora_dropout 0.05 (TRL's default)" not in found.assumptions


def test_a_sweep_over_methods_is_without_the_dropout_that_one_refuses(tmp_path: Path) -> None:
    """AdaLoRA adapts no experts, and has LoRA's dropout."""
    path = written(tmp_path, {**TRL, "model_name_or_path": "qwen3-30b-a3b", "lora_target_modules": ["all-linear"]})
    for methods in (["lora", "adalora"], ["adalora", "lora"]):
        found = sweep(recipe=path, method=methods, settings={"total_step": 9})
        assert [row.method for row in found] == methods
        assert "lora_dropout 0.05 (TRL's default)" not in found.assumptions


@pytest.mark.parametrize(
    ("targets", "kept"),
    [
        (["all-linear"], ["k_proj", "v_proj"]),
        (["q_proj", "o_proj"], ["q_proj", "o_proj"]),
        (["up_proj", "v_proj"], ["v_proj"]),
    ],
)
def test_vera_of_ms_swift_keeps_targets_of_one_shape(targets: list[str], kept: list[str], tmp_path: Path) -> None:
    """That of the first one with a v in its name, where there are several; its rank is not LoRA's."""
    path = written(tmp_path, SWIFT, tuner_type="vera", target_modules=targets)
    how, reading = read_recipe(path).adaptation(read_model(LLAMA), Adaptation())
    assert (how.target, how.r) == (kept, 256)
    assert "r 256 (ms-swift's default)" in reading.uses


def test_vera_of_ms_swift_is_refused_without_one_shape(tmp_path: Path) -> None:
    """As ms-swift refuses it."""
    with pytest.raises(InvalidInput, match="ms-swift's VeRA needs targets of one shape"):
        adaptation(tmp_path, SWIFT, tuner_type="vera", target_modules=["q_proj", "up_proj"])


def test_adalora_of_ms_swift_takes_the_steps_that_are_set(tmp_path: Path) -> None:
    """Otherwise they follow from the data, and PEFT's config needs them."""
    path = written(tmp_path, SWIFT, tuner_type="adalora", max_steps=500)
    assert read_recipe(path).adaptation(read_model(LLAMA), Adaptation())[0].settings["total_step"] == 500
    with pytest.raises(InvalidInput, match="total_step"):
        count(recipe=written(tmp_path, SWIFT, tuner_type="adalora", max_steps=-1))


def test_packing_leaves_no_padding(tmp_path: Path) -> None:
    """Whatever the batch is."""
    assert "padded" not in training(tmp_path, AXOLOTL, sample_packing=True, micro_batch_size=4)
    assert "padded" not in training(tmp_path, TRL, packing=True)


def test_what_is_not_followed_is_a_warning_by_name(tmp_path: Path) -> None:
    """A field that is unknown, one that changes the count, and one that changes the memory where that is asked."""
    path = written(tmp_path, AXOLOTL, lora_layers_pattern="h", unfrozen_parameters=["x"], optimizer="lion_8bit", a=None)
    said = "\n".join(count(recipe=path).warnings)
    assert "lora_layers_pattern is not a field of axolotl" in said
    assert "unfrozen_parameters x trains parameters of the base too" in said
    assert "lion" not in said
    assert ": a is" not in said
    assert "optimizer 'lion_8bit' is not modelled; adamw is assumed" in "\n".join(memory(recipe=path).warnings)


@pytest.mark.parametrize(
    ("fields", "own", "written_as"),
    [
        (AXOLOTL, {"flash_attention": True}, "flash_attention true"),
        (FACTORY, {"flash_attn": "fa2"}, "flash_attn 'fa2'"),
        (TRL, {"attn_implementation": "flash_attention_2"}, "attn_implementation 'flash_attention_2'"),
    ],
)
def test_flash_attention_is_replayed_as_sdpa(
    tmp_path: Path, fields: dict[str, Any], own: dict[str, Any], written_as: str
) -> None:
    """Which runs flash attention, too; an assumption and a note say so where memory is asked."""
    path = written(tmp_path, fields, **own)
    said = f"{written_as} is replayed as attention sdpa, which takes as much memory"
    found = memory(recipe=path)
    assert (found.assumptions.count(said), found.notes.count(said)) == (1, 1)
    counted = count(recipe=path)
    assert said not in (*counted.assumptions, *counted.notes)
    replaced = memory(recipe=path, attention="eager")
    assert said not in (*replaced.assumptions, *replaced.notes)


def test_what_is_assumed_is_the_default_of_memory() -> None:
    """For an attention and an optimizer that are not modelled."""
    defaults = TrainingArguments._field_defaults
    assert (defaults["attention"], defaults["optimizer"]) == (ASSUMED_ATTENTION, ASSUMED_OPTIMIZER)


def test_a_warning_says_which_way_the_memory_is_off(tmp_path: Path) -> None:
    """Where a trainer's own kernels take less than what is replayed."""
    for fields, more in ((AXOLOTL, {"lora_mlp_kernel": True}), (FACTORY, {"use_unsloth": True})):
        said = "\n".join(memory(recipe=written(tmp_path, fields, **more)).warnings)
        assert f"{next(iter(more))} true runs kernels of its own, which have no replay and take less, so the" in said
    assert not memory(recipe=written(tmp_path, SWIFT, tuner_backend="peft")).warnings


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, True),
        ({"adapter": "qlora", "load_in_8bit": True}, True),
        ({"lora_o_kernel": False}, False),
        ({"load_in_8bit": True}, False),
        ({"rl": "dpo"}, False),
        ({"trust_remote_code": True}, False),
        ({"adapter": None}, False),
    ],
)
def test_kernels_that_axolotl_turns_on_by_itself_are_told(more: dict[str, Any], told: bool, tmp_path: Path) -> None:
    """Where `check_auto_enable_lora_kernels` does, and only in an answer on memory."""
    path = written(tmp_path, AXOLOTL, **more)
    said = "lora_mlp_kernel (axolotl's default) runs kernels of its own"
    assert (said in "\n".join(read_recipe(path).training({})[1].doubts)) == told
    assert said not in "\n".join(count(recipe=path, method="lora").warnings)


def test_a_misspelt_field_that_matters_is_told(tmp_path: Path) -> None:
    """Only one that would change an answer, and only if it differs by a letter or two."""
    path = written(tmp_path, AXOLOTL, micro_batch_sise=4, attention_backend="flash", num_epochz=2)
    said = count(recipe=path).warnings
    assert [line.partition("left out")[2] for line in said] == ["; did you mean micro_batch_size?", "", ""]


def test_many_unknown_fields_are_a_few_lines(tmp_path: Path) -> None:
    """The rest is counted."""
    known = dict.fromkeys((f"dataset_{n}" for n in range(100)), 1)
    path = written(tmp_path, AXOLOTL, **known, **dict.fromkeys((f"u{n}" for n in range(50)), 1))
    said = count(recipe=path).warnings
    assert len(said) == 9
    assert "42 more fields are not known" in said[-1]


def test_what_is_given_replaces_the_recipe(tmp_path: Path) -> None:
    """And a note says so."""
    path = written(tmp_path, AXOLOTL, peft_use_rslora=True)
    found = count(model="qwen3-0.6b", r=2, target=["q_proj"], method="vera", recipe=path)
    assert (found.model, found.r, found.method) == ("qwen3-0.6b", 2, "vera")
    assert found.trainable_params == count(model="qwen3-0.6b", r=2, target=["q_proj"], method="vera").trainable_params
    assert [note for note in found.notes if " replaces " in note] == [
        f"model replaces base_model 'llama-3.2-1b' of {path}",
        f"r replaces lora_r 4 of {path}",
        f"target replaces lora_target_linear true of {path}",
    ]


def test_what_replaces_the_recipe_is_named(tmp_path: Path) -> None:
    """Also where a field of PEFT's config or a method does, and not the argument of that name."""
    path = written(tmp_path, AXOLOTL, peft_use_dora=True)
    found = count(recipe=path, settings={"r": 2, "lora_alpha": 1, "target_modules": ["q_proj"]}, method="dora")
    assert found.r == 2
    assert [note for note in found.notes if " replaces " in note] == [
        f"settings replaces lora_r 4 of {path}",
        f"settings replaces lora_alpha 8 of {path}",
        f"method replaces peft_use_dora true of {path}",
        f"settings replaces lora_target_linear true of {path}",
    ]


@pytest.mark.parametrize(
    "launcher",
    [
        "trl sft",
        "python sft.py",
        "accelerate launch --config_file z.yaml trl sft",
        "A=1 accelerate launch --config_file z.yaml --no_python /opt/bin/trl sft",
        "set -e\nexport A=1\ntorchrun --nproc_per_node 2 -m trl.scripts.sft",
        "deepspeed --num_gpus 2 --module sft",
        "uv run --with trl --with peft sft.py",
        "uv run --with trl trl sft",
    ],
)
def test_what_a_launcher_is_given_is_not_the_recipes(launcher: str, tmp_path: Path) -> None:
    """It ends at the script, the module or the trainer's program."""
    file = tmp_path / "train.sh"
    file.write_text(f"{launcher} --model_name_or_path {LLAMA} --use_peft --lora_r 4 --report_to swift tune\n")
    found = count(recipe=file)
    assert (found.trainable_params, found.warnings) == (count(model=LLAMA, r=4).trainable_params, ())


def test_the_type_of_copies_is_not_the_recipes(tmp_path: Path) -> None:
    """LLaMA-Factory trains copies in float32 beside a base in bfloat16 (0.9.5, `_setup_lora_tuning`), and so saves them."""
    (tmp_path / "config.json").write_text(
        json.dumps(read_model(LLAMA).config.fields | {"torch_dtype": None, "dtype": None})
    )  # type: ignore[union-attr]
    path = written(tmp_path, FACTORY, model_name_or_path=str(tmp_path), additional_target="embed_tokens", bf16=True)
    found = count(recipe=path)
    assert found.adapter_bytes > 4 * found.trainable_params  # type: ignore[operator]
    assert any("for float32, because its config.json names no type" in note for note in found.notes)


def test_what_decides_is_named(tmp_path: Path) -> None:
    """Of several fields that an argument follows from."""
    found = count(recipe=written(tmp_path, SWIFT, target_modules=["all-linear"], target_regex=r".*\.q_proj"))
    assert any(said.endswith(r"q_proj (target_regex)") for said in found.assumptions)
    for name in ("tuner_type", "train_type"):
        with pytest.raises(InvalidInput, match=f": {name} 'longlora' is not counted here"):
            count(
                recipe=written(
                    tmp_path, {"model": LLAMA, "torch_dtype": "bfloat16", "lora_rank": 4}, **{name: "longlora"}
                )
            )


def test_a_length_that_no_field_sets_is_said(tmp_path: Path) -> None:
    """Where memory assumes one, and only there."""
    path = written(tmp_path, TUNE, tokenizer={"max_seq_len": None})
    said = "seq 2048, or the model's longest input (memory's default, as tokenizer.max_seq_len is not set)"
    assert said in memory(recipe=path).assumptions
    assert said not in memory(recipe=path, seq=9).assumptions
    assert said not in count(recipe=path).assumptions
    assert said not in fit(recipe=path, max_memory="24GiB", knob="seq").assumptions
    assert said not in memory(recipe=written(tmp_path, TUNE, tokenizer={"max_seq_len": 9})).assumptions


def test_what_was_used_is_said(tmp_path: Path) -> None:
    """Of a count what it follows from, and in a note."""
    found = count(recipe=written(tmp_path, FACTORY))
    assert found.assumptions[:3] == (
        "model llama-3.2-1b (model_name_or_path)",
        "r 4 (lora_rank)",
        "alpha 8 (LLaMA-Factory's default)",
    )
    assert "is a recipe of LLaMA-Factory; " in found.notes[0]
    assert count(model=LLAMA, r=4).assumptions == ()


def test_what_is_not_needed_is_listed_last(tmp_path: Path) -> None:
    """What only the training needs is read for its memory; a name inside another field is listed whole."""
    more = {"learning_rate": 1e-4, "cutoff_len": 64}
    path = written(tmp_path, FACTORY, **more)
    assert count(recipe=path).assumptions[-1] == "not needed: template, learning_rate, cutoff_len"
    assert "not needed: template, learning_rate" in memory(recipe=path).assumptions
    assert "; 3 of its 6 fields are read" in count(recipe=path).notes[0]
    assert "; 4 of its 6 fields are read" in memory(recipe=path).notes[0]
    fitted = fit(recipe=path, max_params="20M")
    assert fitted.assumptions[-1] == "not needed: template, lora_rank, learning_rate, cutoff_len"
    inner = count(recipe=written(tmp_path, TUNE, optimizer={"lr": 1}))
    assert "'optimizer.lr'" in inner.assumptions[-1]


def test_a_note_names_what_is_not_read(tmp_path: Path) -> None:
    """Every field if they are few, and those that are not known apart."""
    few = count(recipe=written(tmp_path, FACTORY, learning_rate=1e-4, own=1)).notes[0]
    assert few.endswith("; 3 of its 6 fields are read; not needed: template, learning_rate; not known: own")
    more = {f"dataset_{n}": 1 for n in range(20)}
    many = count(recipe=written(tmp_path, FACTORY, **more, own=1, other=None))
    assert many.notes[0].endswith(
        "; 3 of its 26 fields are read; not needed: template, dataset_0, dataset_1, dataset_2, dataset_3, dataset_4, "
        "dataset_5, dataset_6 and 14 more; not known: own"
    )
    listed = f"not needed: template, {', '.join(more)}, other"
    assert many.assumptions[-2:] == (listed, "not known: own")


def test_a_whole_fine_tune_has_a_memory_alone(tmp_path: Path) -> None:
    """Which is that of method full."""
    path = written(tmp_path, FACTORY, finetuning_type="full", cutoff_len=64, bf16=True)
    found = memory(recipe=path, batch=1)
    assert (found.method, found.seq, found.batch) == ("full", 64, 1)
    assert "method full (finetuning_type 'full')" in found.assumptions
    for ask in (count, lambda recipe: fit(recipe=recipe, max_params=1), lambda recipe: sweep(recipe=recipe)):
        with pytest.raises(InvalidInput, match="trains every weight \\(finetuning_type 'full'\\)"):
            ask(recipe=path)


@pytest.mark.parametrize(
    ("fields", "more", "said"),
    [
        (AXOLOTL, {"adapter": None, "load_in_4bit": True}, ("load_in_4bit true", "no adapter")),
        (AXOLOTL, {"adapter": None, "load_in_4bit": False, "load_in_8bit": True}, ("load_in_8bit true", "no adapter")),
        (
            FACTORY,
            {"finetuning_type": "full", "quantization_bit": 4},
            ("quantization_bit 4", "finetuning_type 'full'"),
        ),
        (TRL, {"use_peft": False, "load_in_4bit": True}, ("load_in_4bit true", "use_peft false")),
        (
            SWIFT,
            {"tuner_type": "full", "quant_method": "bnb", "quant_bits": 4},
            ("quant_method 'bnb'", "tuner_type 'full'"),
        ),
        (
            TUNE,
            {"model": {"_component_": "torchtune.models.llama3_2.llama3_2_1b", "quantize_base": True}},
            (
                "model.quantize_base true",
                "model._component_ 'torchtune.models.llama3_2.llama3_2_1b'",
            ),
        ),
    ],
)
def test_a_quantised_model_that_a_recipe_trains_whole_is_refused_by_its_field(
    fields: dict[str, Any], more: dict[str, Any], said: tuple[str, str], tmp_path: Path
) -> None:
    """Whatever is asked, unless an argument replaces what is wrong: axolotl and LLaMA-Factory refuse it, too."""
    path = written(tmp_path, fields, **more)
    for ask in (count, memory, lambda recipe: fit(recipe=recipe, max_params=1), lambda recipe: sweep(recipe=recipe)):
        with pytest.raises(InvalidInput) as refusal:
            ask(recipe=path)
        assert str(refusal.value) == (
            f"{path}: {said[0]} is for an adapter, and none is trained ({said[1]}); a quantised model cannot be "
            "trained whole; drop it, or give method"
        )
    assert memory(recipe=path, quantize="none", batch=1, seq=8).method == "full"


def test_a_quantised_recipe_is_not_trained_whole_by_an_argument(tmp_path: Path) -> None:
    """Its field is named, and the argument that leaves it out."""
    path = written(tmp_path, AXOLOTL, load_in_4bit=True)
    with pytest.raises(InvalidInput, match=r"load_in_4bit true .* \(method full\).* or give quantize none"):
        memory(recipe=path, method="full", batch=1, seq=8)
    assert memory(recipe=path, method="full", quantize="none", batch=1, seq=8).method == "full"


def test_a_recipe_that_trains_whole_is_named_where_an_argument_quantises(tmp_path: Path) -> None:
    """The argument is what is wrong, and what of the recipe says that every weight is trained; no method was given."""
    path = written(tmp_path, AXOLOTL, adapter=None)
    with pytest.raises(InvalidInput) as refusal:
        memory(recipe=path, quantize="nf4", batch=1, seq=8)
    assert str(refusal.value) == (
        f"quantize: {path} trains every weight (no adapter), and a quantised model cannot be trained whole; drop it, or "
        "give method"
    )
    assert memory(recipe=path, quantize="nf4", method="lora", target="q_proj", batch=1, seq=8).quantize == "nf4"


def test_a_fit_searches_for_what_the_recipe_says_otherwise(tmp_path: Path) -> None:
    """Its rank with a budget of parameters, its batch with one of memory."""
    path = written(tmp_path, AXOLOTL, micro_batch_size=64, sequence_len=128, bf16=True)
    assert fit(recipe=path, max_params=5_636_096).r == 8
    found = fit(recipe=path, max_memory="8GiB", knob="batch")
    assert (found.r, found.knob) == (4, "batch")
    assert found.size is not None
    assert 1 <= found.size < 64


def test_a_sweep_takes_the_axes_that_are_not_given(tmp_path: Path) -> None:
    """From the recipe."""
    path = written(tmp_path, AXOLOTL, micro_batch_size=2, sequence_len=128, bf16=True)
    assert [(row.r, row.model) for row in sweep(recipe=path)] == [(4, LLAMA)]
    rows = list(sweep(recipe=path, r=[4, 8], method=["lora", "dora"], memory=True))
    assert [(row.r, row.method, row["batch"], row["seq"]) for row in rows] == [
        (4, "lora", 2, 128),
        (8, "lora", 2, 128),
        (4, "dora", 2, 128),
        (8, "dora", 2, 128),
    ]
    with pytest.raises(InvalidInput, match="recipe is of one model"):
        sweep(recipe=path, model=["gpt2", LLAMA])


@pytest.mark.parametrize("given", [{"d": 8}, {"h": 8}, {"adapter": "x"}])
def test_what_names_a_subject_conflicts(given: dict[str, Any], tmp_path: Path) -> None:
    """A recipe is of a model."""
    with pytest.raises(InvalidInput, match="conflicts with recipe"):
        count(recipe=written(tmp_path, AXOLOTL), **given)


def test_a_count_of_a_recipe_is_checked(tmp_path: Path) -> None:
    """As any other."""
    assert [each.passed for each in check(count(recipe=written(tmp_path, AXOLOTL)), max_params=1)] == [False]
