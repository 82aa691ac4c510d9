"""TRL: the YAML that `trl sft` and its like take as their config, with `model_name_or_path` and the fields of ModelConfig and SFTConfig.

`trl.trainer.model_config`: defaults; `trl.trainer.utils`: `get_peft_config`, `get_quantization_config`;
`trl.trainer.sft_trainer`: bfloat16 adapters on a quantised base. Read in 1.16.
"""

from __future__ import annotations

from lora_cli.methods.config.recipes.command_line import BY_COMMAND
from lora_cli.methods.config.recipes.huggingface_trainer import (
    ACCUMULATE,
    ATTENTIONS,
    DEFAULT_BATCH,
    DEFAULT_OPTIMIZER,
    INERT,
    OPTIMIZERS,
    OTHER_STEPS,
    TRAINING_DOUBTS,
    bits_and_bytes,
    mixed_precision,
    padded,
)
from lora_cli.methods.config.recipes.trainer import (
    ASSUMED_ATTENTION,
    ASSUMED_OPTIMIZER,
    FULL,
    Doubt,
    Part,
    Targets,
    Trainer,
    above_zero,
    choice,
    dropout,
    given,
    listed,
    number,
    switch,
    text,
    words,
)
from lora_cli.models.config import Config
from lora_cli.models.model import Model

NAMES = "lora_target_modules"
BATCH = number("per_device_train_batch_size", default=DEFAULT_BATCH)
DTYPES = ("dtype", "torch_dtype")
QUANTISED = ("load_in_4bit", "load_in_8bit", "use_bnb_nested_quant", "bnb_4bit_quant_type")


def _targets(recipe: Config, _: Model) -> str | list[str] | None:
    names = recipe.fields.get(NAMES)
    if isinstance(names, str):
        return names or None
    listed_names = listed(recipe, NAMES)
    # A list of one is that name as text: all-linear, or a regular expression.
    return listed_names[0] if len(listed_names) == 1 else listed_names or None


def _dtype(recipe: Config) -> str | None:
    name = recipe.text(*DTYPES, "model_init_kwargs.dtype", default="float32")
    return None if name == "auto" else name


def _autocast(recipe: Config) -> bool | None:
    bf16 = recipe.fields.get("bf16")
    # Left out, bf16 is on unless fp16 is.
    return True if bf16 is None else True if mixed_precision(recipe) else None


def _quantise(recipe: Config) -> str | None:
    double = recipe.flag("use_bnb_nested_quant", default=False)
    return bits_and_bytes(recipe, double=double, kind=recipe.text("bnb_4bit_quant_type", default="nf4"))


def _unprepared(recipe: Config) -> bool | None:
    return False if _quantise(recipe) else None


def _adapter_dtype(recipe: Config) -> str | None:
    return "bfloat16" if _quantise(recipe) else None


TRAINER = Trainer(
    "TRL",
    programs=words("trl"),
    model=text("model_name_or_path"),
    revision=text("model_revision"),
    method=Part(("use_peft",), lambda recipe: "lora" if recipe.flag("use_peft", default=False) else FULL),
    targets=Targets((NAMES,), _targets),
    arguments={"r": number("lora_r", default=16), "alpha": above_zero("lora_alpha", 32)},
    settings={
        "lora_dropout": dropout("lora_dropout", 0.05),
        "use_dora": switch("use_dora"),
        "use_rslora": switch("use_rslora"),
        "modules_to_save": given("lora_modules_to_save"),
        "target_parameters": given("lora_target_parameters"),
        "task_type": Part(("lora_task_type",), lambda recipe: recipe.text("lora_task_type", default="CAUSAL_LM")),
    },
    training={
        "batch": BATCH,
        "accumulate": ACCUMULATE,
        "seq": number("max_length", "max_seq_length", default=1024),
        "dtype": Part((*DTYPES, "model_init_kwargs.dtype"), _dtype),
        "autocast": Part(("bf16", "fp16"), _autocast),
        "quantize": Part(QUANTISED, _quantise),
        "kbit_prepare": Part(QUANTISED, _unprepared),
        "checkpointing": Part(
            ("gradient_checkpointing",), lambda recipe: recipe.flag("gradient_checkpointing", default=True)
        ),
        "attention": choice("attn_implementation", ATTENTIONS, assumed=ASSUMED_ATTENTION),
        "padded": Part(("packing", "padding_free"), lambda recipe: padded(recipe, BATCH, "packing", "padding_free")),
        "optimizer": choice("optim", OPTIMIZERS, DEFAULT_OPTIMIZER, ASSUMED_OPTIMIZER),
        "adapter_dtype": Part(QUANTISED, _adapter_dtype),
        "loss": choice("loss_type", {"nll": None, "dft": None, "chunked_nll": "chunked"}, "nll"),
    },
    doubts={
        "chat_template_path": Doubt("may add tokens, whose rows and lm_head are then trained"),
        "peft_config": Doubt("is another config than the fields of ModelConfig"),
    },
    training_doubts={
        **TRAINING_DOUBTS,
        "activation_offloading": Doubt("moves activations to the CPU", takes_less=True),
        "beta": Doubt(OTHER_STEPS),
        BY_COMMAND: Doubt(OTHER_STEPS),
        "num_generations": Doubt("is of a training that generates, which has no replay"),
        "use_vllm": Doubt("keeps a server of the model beside it"),
    },
    inert=INERT
    | words(
        """
        assistant_only_loss bnb_4bit_quant_storage columns completion_only_loss config dataset_config dataset_kwargs dataset_name
        dataset_num_proc dataset_streaming dataset_test_split dataset_text_field dataset_train_split datasets discopop_tau env
        eos_token f_alpha_divergence_coef f_divergence_type gradient_checkpointing_kwargs ignore_bias_buffers label_smoothing
        ld_alpha loss_weights max_completion_length max_prompt_length
        num_of_sequences pad_to_multiple_of pad_token packing_strategy precompute_ref_* ref_model_* router_aux_loss_coef
        shuffle_dataset streaming sync_ref_model test_split_size trust_remote_code truncation_mode use_weighting
        vllm_*
        """
    ),
)
