"""torchtune: a YAML whose `model` is a component, e.g. `torchtune.models.llama3_1.lora_llama3_1_8b`.

`torchtune.models.*._model_builders`: the sizes of a model and the defaults; `_component_builders`: what LoRA is put on,
with one dropout for all of that but Mistral's output, which has none.
Its q_proj, k_proj and v_proj are those of transformers; output_proj is o_proj there. Read in 0.6.1.
"""

from __future__ import annotations

from typing import Any

from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.methods.config.recipes.huggingface_trainer import OTHER_STEPS
from lora_cli.methods.config.recipes.trainer import (
    ASSUMED_OPTIMIZER,
    FULL,
    Doubt,
    NotFollowed,
    Part,
    Targets,
    Trainer,
    above_zero,
    choice,
    dropout,
    listed,
    number,
    switch,
    words,
)
from lora_cli.models.config import Config
from lora_cli.models.model import Model

COMPONENT, QUANTISED_BASE = "model._component_", "model.quantize_base"
START = "torchtune.models."
# What a builder's name begins with: an adapter, and one on a base in NF4.
ADAPTERS = ("lora_", "qlora_")
# The bundled model that has a builder's sizes. qwen2's are those of qwen2.5.
MODELS = {
    "code_llama2_7b": "codellama-7b",
    "code_llama2_13b": "codellama-13b",
    "gemma_2b": "gemma-2b",
    "gemma_7b": "gemma-7b",
    "gemma2_2b": "gemma-2-2b",
    "gemma2_9b": "gemma-2-9b",
    "gemma2_27b": "gemma-2-27b",
    "llama2_7b": "llama-2-7b",
    "llama2_13b": "llama-2-13b",
    "llama2_70b": "llama-2-70b",
    "llama3_8b": "llama-3-8b",
    "llama3_70b": "llama-3-70b",
    "llama3_1_8b": "llama-3.1-8b",
    "llama3_1_70b": "llama-3.1-70b",
    "llama3_1_405b": "llama-3.1-405b",
    "llama3_2_1b": "llama-3.2-1b",
    "llama3_2_3b": "llama-3.2-3b",
    "llama3_3_70b": "llama-3.3-70b",
    "mistral_7b": "mistral-7b-v0.1",
    "qwen2_0_5b": "qwen2.5-0.5b",
    "qwen2_1_5b": "qwen2.5-1.5b",
    "qwen2_7b": "qwen2.5-7b",
    "qwen2_5_0_5b": "qwen2.5-0.5b",
    "qwen2_5_3b": "qwen2.5-3b",
    **{
        f"qwen2_5_{size}_{kind}": f"qwen2.5-{size.replace('_', '.')}"
        for size in ("1_5b", "7b", "14b", "32b", "72b")
        for kind in ("base", "instruct")
    },
}
# It splits projections that transformers has fused, so that its adapters have other shapes.
SPLIT = ("phi3_", "phi4_")
ATTENTION = {"q_proj": "q_proj", "k_proj": "k_proj", "v_proj": "v_proj", "output_proj": "o_proj"}
MLP = ("gate_proj", "up_proj", "down_proj")
OPTIMIZERS = {
    "bitsandbytes.optim.PagedAdamW8bit": "paged-adamw-8bit",
    "bitsandbytes.optim.PagedAdamW": None,
    "bitsandbytes.optim.AdamW8bit": "adamw-8bit",
    "torch.optim.SGD": "sgd",
}
DTYPES = {"bf16": "bfloat16", "fp32": "float32", "fp16": "float16"}


def _builder(recipe: Config) -> str:
    path = recipe.text(COMPONENT, default="")
    if not path.startswith(START):
        raise InvalidInput(
            f"{recipe.source}: {COMPONENT} {quote(path)} is not one of torchtune's models; give {argument('model')}"
        )
    return path.rpartition(".")[2]


def _sizes(recipe: Config) -> str:
    """Return a builder's name without what it says of the adapter."""
    builder = _builder(recipe)
    return next((builder.removeprefix(start) for start in ADAPTERS if builder.startswith(start)), builder)


def _model(recipe: Config) -> str:
    sizes = _sizes(recipe)
    if sizes not in MODELS:
        raise InvalidInput(
            f"{recipe.source}: {COMPONENT} {quote(sizes)} is not a bundled model; give {argument('model')}"
        )
    return MODELS[sizes]


def _method(recipe: Config) -> str:
    if not _builder(recipe).startswith(ADAPTERS):
        return FULL
    if _sizes(recipe).startswith(SPLIT):
        raise InvalidInput(
            f"{recipe.source}: {COMPONENT} {quote(_builder(recipe))} is not counted here: torchtune splits projections "
            "of Phi that transformers has fused, so its adapters have other shapes"
        )
    return "lora"


def _targets(recipe: Config, _: Model) -> list[str]:
    names = listed(recipe, "model.lora_attn_modules")
    if unknown := next((name for name in names if name not in ATTENTION), None):
        raise recipe.wrong(
            "model.lora_attn_modules", f"a list of {', '.join(ATTENTION)}, which {quote(unknown)} is not one of"
        )
    targets = [ATTENTION[name] for name in names]
    if recipe.flag("model.apply_lora_to_mlp", default=False):
        targets += MLP
    if recipe.flag("model.apply_lora_to_output", default=False):
        targets.append("lm_head")
    return targets


def _quantise(recipe: Config) -> str | None:
    is_quantised = _is_qlora(recipe) or recipe.flag(QUANTISED_BASE, default=False)
    # torchao's NF4Tensor quantises its scales too.
    return "nf4-double" if is_quantised else None


def _is_qlora(recipe: Config) -> bool:
    return _builder(recipe).startswith("qlora_")


def _quantising(recipe: Config) -> tuple[str, ...]:
    return (COMPONENT if _is_qlora(recipe) else QUANTISED_BASE,)


def _optimizer(recipe: Config) -> Any:
    name = recipe.text("optimizer._component_", default="torch.optim.AdamW")
    if name == "torch.optim.AdamW":
        return "adamw" if recipe.flag("optimizer.fused", default=False) else "adamw-foreach"
    return choice("optimizer._component_", OPTIMIZERS, assumed=ASSUMED_OPTIMIZER).read(recipe)


def _adapter_dtype(recipe: Config) -> str | None:
    return DTYPES.get(recipe.text("dtype", default="bf16"))


def _unprepared(recipe: Config) -> bool | None:
    return False if _quantise(recipe) else None


def _loss(recipe: Config) -> None:
    component = recipe.text("loss._component_", default="")
    if ".rlhf." in component:
        raise NotFollowed("loss._component_", OTHER_STEPS)
    name = component.rpartition(".")[2]
    if name not in {"", "CrossEntropyLoss"}:
        raise NotFollowed(
            "loss._component_", "cannot be replayed; the full loss is assumed, which takes more", takes_less=True
        )


QUANTISED = (COMPONENT, QUANTISED_BASE)

TRAINER = Trainer(
    "torchtune",
    programs=words("tune torchtune"),
    model=Part((COMPONENT,), _model),
    method=Part((COMPONENT,), _method),
    targets=Targets(("model.lora_attn_modules", "model.apply_lora_to_mlp", "model.apply_lora_to_output"), _targets),
    arguments={"r": number("model.lora_rank", default=8), "alpha": above_zero("model.lora_alpha", 16)},
    settings={"lora_dropout": dropout("model.lora_dropout"), "use_dora": switch("model.use_dora")},
    training={
        "batch": number("batch_size", default=1),
        "accumulate": number("gradient_accumulation_steps"),
        "seq": number("tokenizer.max_seq_len"),
        "dtype": choice("dtype", DTYPES, "bf16"),
        "adapter_dtype": Part(("dtype",), _adapter_dtype),
        "quantize": Part(QUANTISED, _quantise, _quantising),
        "kbit_prepare": Part(QUANTISED, _unprepared),
        "checkpointing": Part(
            ("enable_activation_checkpointing",),
            lambda recipe: recipe.flag("enable_activation_checkpointing", default=False),
        ),
        "optimizer": Part(("optimizer._component_", "optimizer.fused"), _optimizer),
        "loss": Part(("loss._component_",), _loss),
    },
    doubts={
        "model.encoder_trainable": Doubt("trains the encoder, which is not counted"),
        "model.fusion_trainable": Doubt("trains the fusion layers, which are not counted"),
        "quantizer": Doubt("quantises during the training, with modules of its own"),
    },
    training_doubts={
        "enable_activation_offloading": Doubt("moves activations to the CPU", takes_less=True),
        "compile": Doubt("compiles the model, which has no replay"),
        "teacher_model": Doubt("is a second model beside the one that is trained"),
        "fsdp": Doubt("spreads the training over cards", takes_less=None),
        "custom_sharded_layers": Doubt("spreads the training over cards", takes_less=None),
        "fsdp_cpu_offload": Doubt("moves parameters to the CPU", takes_less=True),
        "optimizer_in_bwd": Doubt("runs the optimizer in the backward", takes_less=True),
    },
    inert=words(
        """
        checkpointer clip_grad_norm collate_fn cudnn_deterministic_mode dataloader dataset datasets device epochs
        kd_loss kd_ratio log_every_n_steps log_level log_peak_memory_stats low_cpu_ram
        lr_scheduler max_steps_per_epoch metric_logger model model.decoder_trainable model.image_size
        model.max_seq_len optimizer optimizer.* loss.* tokenizer.* output_dir profiler resume_from_checkpoint run_val_every_n_steps
        save_adapter_weights_only save_last_epoch_only seed shuffle teacher_checkpointer batch_size_val
        dataset_val name base_model_dir checkpoint_dir ac_mode ac_option memory_efficient_fsdp_wrap reshard_after_forward
        """
    ),
    remark="the replay is of transformers and PEFT, and torchtune runs modules of its own",
)
