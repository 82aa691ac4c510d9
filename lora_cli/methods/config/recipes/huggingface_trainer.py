"""What the trainers have in common that are built on the Trainer of transformers: names of fields, and of their values."""

from __future__ import annotations

from lora_cli.errors import argument
from lora_cli.methods.config.recipes.trainer import Doubt, NotFollowed, Part, StandIn, words
from lora_cli.models.config import Config

# `transformers.training_args.OptimizerNames`: those that have a replay. The default is the fused AdamW.
# bitsandbytes' AdamW in 32 bits has two states of float32, of which a full card lends to the host.
PAGED_ADAMW = StandIn("adamw")
OPTIMIZERS = {
    "adamw_torch_fused": "adamw",
    "adamw_torch": "adamw-foreach",
    "adamw_hf": "adamw-foreach",
    "adamw_bnb_8bit": "adamw-8bit",
    "adamw_8bit": "adamw-8bit",
    "paged_adamw_8bit": "paged-adamw-8bit",
    "paged_adamw": PAGED_ADAMW,
    "paged_adamw_32bit": PAGED_ADAMW,
    "sgd": "sgd",
    "adafactor": "adafactor",
}
DEFAULT_OPTIMIZER = "adamw_torch_fused"
# Flash attention takes the memory that sdpa takes where that runs it.
SDPA_AS_FLASH = StandIn("sdpa")
ATTENTIONS = {
    "sdpa": "sdpa",
    "eager": "eager",
    "flash_attention_2": SDPA_AS_FLASH,
    "flash_attention_3": SDPA_AS_FLASH,
    "flash_attn": SDPA_AS_FLASH,
}
# `TrainingArguments.per_device_train_batch_size`.
DEFAULT_BATCH = 8
STEPS = "gradient_accumulation_steps"

# The fields of TrainingArguments that change neither a count nor the memory of a step on one card.
INERT = words(
    """
    accelerator_config adam_* auto_find_batch_size average_tokens_across_devices batch_eval_metrics data_seed dataloader_*
    ddp_* debug disable_tqdm do_eval do_predict do_train enable_jit_checkpoint eval_* evaluation_strategy
    full_determinism generation_* gradient_checkpointing_kwargs greater_is_better
    group_by_length hub_* ignore_data_skip include_for_metrics include_num_input_tokens_seen
    include_tokens_per_second jit_mode_eval label_names label_smoothing_factor learning_rate length_column_name
    liger_kernel_config load_best_model_at_end local_rank log_* logging_* lr_scheduler_* max_grad_norm max_steps
    metric_for_best_model neftune_noise_alpha num_train_epochs optim_args output_dir overwrite_output_dir
    per_device_eval_batch_size predict_with_generate prediction_loss_only project push_to_hub* remove_unused_columns
    report_to restore_callback_states_from_checkpoint run_name save_* seed skip_memory_metrics sortish_sampler
    split_batches tf32 torch_empty_cache_steps torchdynamo trackio_* train_sampling_strategy use_cache warmup_*
    weight_decay bf16_full_eval fp16_full_eval fp16_backend fp16_opt_level half_precision_backend past_index
    ray_scope resume_from_checkpoint
    """
)
SEVERAL_CARDS = "spreads the training over cards or to the CPU; the memory is that of one process without it"
OTHER_STEPS = "takes more than a step of supervised fine-tuning, which the memory is of"
OWN_KERNELS = Doubt(
    "runs kernels of its own, which have no replay and take less, so the figures are likely too high", takes_less=True
)
# Those that change the memory.
TRAINING_DOUBTS = {
    "deepspeed": Doubt(SEVERAL_CARDS, takes_less=None),
    "fsdp": Doubt(SEVERAL_CARDS, takes_less=None),
    "fsdp_config": Doubt(SEVERAL_CARDS, takes_less=None),
    "parallelism_config": Doubt(SEVERAL_CARDS, takes_less=None),
    "use_liger_kernel": Doubt("replaces operations by Liger's, which have no replay and take less", takes_less=True),
    "torch_compile": Doubt("compiles the model, which has no replay"),
    "torch_compile_backend": Doubt("compiles the model, which has no replay"),
    "optim_target_modules": Doubt("is of optimizers that have no replay"),
    "use_cpu": Doubt("trains on the CPU", takes_less=True),
}
UNQUANTISED_BITS = (None, False)


def mixed_precision(recipe: Config) -> str | None:
    """Return the type that bf16 or fp16 turns on for operations, if one of them does; `auto` is that of newer cards."""
    for name, dtype in (("bf16", "bfloat16"), ("fp16", "float16")):
        value = recipe.fields.get(name)
        if value is True or value == "auto":
            return dtype
        if value not in {None, False}:
            raise recipe.wrong(name, "true or false")
    return None


def autocast(recipe: Config) -> bool | None:
    """Return whether operations run in another type than their weights have."""
    return True if mixed_precision(recipe) else None


def bits_and_bytes(recipe: Config, *, double: bool, kind: str = "nf4") -> str | None:
    """Return how load_in_4bit or load_in_8bit stores the base."""
    if recipe.flag("load_in_8bit", default=False):
        return "int8"
    if not recipe.flag("load_in_4bit", default=False):
        return None
    if kind != "nf4":
        raise NotFollowed("load_in_4bit", f"stores weights as {kind}, which cannot be replayed", takes_less=True)
    return "nf4-double" if double else "nf4"


def padded(recipe: Config, batch: Part, *packings: str) -> bool | None:
    """Return whether sequences of different lengths stand in a batch, none of the `packings` being on."""
    packs = any(recipe.fields.get(name) not in {None, False} for name in packings)
    return True if not packs and (batch.read(recipe) or 1) > 1 else None


def accumulated(recipe: Config, default: int | None = None) -> int | None:
    """Return of how many batches the gradients are summed; what a shell or DeepSpeed fills in is not known."""
    value = recipe.fields.get(STEPS)
    if isinstance(value, str | list):
        raise NotFollowed(STEPS, f"is not a number here, and 1 is assumed; give {argument('accumulate')}")
    return default if value is None else recipe.size(STEPS, default=1)


ACCUMULATE = Part((STEPS,), accumulated)
