"""axolotl: a YAML with `base_model`.

`axolotl.loaders.adapter`: `_build_peft_lora_config`, `find_all_linear_names`; `axolotl.utils.config`: `resolve_dtype`;
`axolotl.loaders.model`: `_set_quantization_config`; `axolotl.utils.schemas.peft`: a dropout of 0. Read in 0.19.
"""

from __future__ import annotations

from typing import Any

from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.methods.config.recipes.huggingface_trainer import (
    ACCUMULATE,
    ATTENTIONS,
    DEFAULT_OPTIMIZER,
    INERT,
    OPTIMIZERS,
    OTHER_STEPS,
    OWN_KERNELS,
    SDPA_AS_FLASH,
    SEVERAL_CARDS,
    TRAINING_DOUBTS,
    bits_and_bytes,
    mixed_precision,
    padded,
)
from lora_cli.methods.config.recipes.linear_modules import last_names
from lora_cli.methods.config.recipes.trainer import (
    ASSUMED_ATTENTION,
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
    given,
    listed,
    number,
    switch,
    text,
    words,
)
from lora_cli.models.config import Config
from lora_cli.models.model import Model

ADAPTERS = ("lora", "qlora")
# The modules that return scores; the others are called lm_head.
OUTPUTS = {"gpt_neox": "embed_out"}
BATCH = number("micro_batch_size", default=1)
# The older fields of attn_implementation.
KERNELS = {"flash_attention": SDPA_AS_FLASH, "sdp_attention": "sdpa", "eager_attention": "eager"}
UNREPLAYED = ("flex_attention", "xformers_attention", "sage_attention")
LOSSES = ("liger_fused_linear_cross_entropy", "liger_cross_entropy", "cut_cross_entropy", "chunked_cross_entropy")
LORA_KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel", "lora_embedding_kernel")
LINEAR, NAMES = "lora_target_linear", "lora_target_modules"


def _method(recipe: Config) -> str:
    adapter = recipe.text("adapter", default="")
    if adapter and adapter not in ADAPTERS:
        raise InvalidInput(f"{recipe.source}: adapter {quote(adapter)} is not counted here; {', '.join(ADAPTERS)} are")
    return "lora" if adapter else FULL


def _rank(recipe: Config) -> int:
    if recipe.fields.get("lora_r") is None:
        raise InvalidInput(f"{recipe.source}: lora_r is missing, which axolotl needs; add it, or give {argument('r')}")
    return recipe.size("lora_r", default=0)


def _targets(recipe: Config, model: Model) -> str | list[str]:
    named = recipe.fields.get(NAMES)
    if not recipe.flag(LINEAR, default=False):
        return named if isinstance(named, str) and named else listed(recipe, NAMES)
    own = [named] if isinstance(named, str) else listed(recipe, NAMES)
    linear = last_names(model)
    output = OUTPUTS.get(model.model_type, "lm_head")
    return sorted({*own, *(name for name in linear if name != output)})


def _quantise(recipe: Config) -> str | None:
    own = recipe.section("bnb_config_kwargs")
    double = own.flag("bnb_4bit_use_double_quant", default=True)
    return bits_and_bytes(recipe, double=double, kind=own.text("bnb_4bit_quant_type", default="nf4"))


def _prepares(recipe: Config) -> bool | None:
    return False if _quantise(recipe) and recipe.fields.get("fsdp_config") else None


def _mixed_precision(recipe: Config) -> str | None:
    """Return the type of mixed precision on Ampere or newer: bf16 is auto where it is left out, unless fp16 is on."""
    if recipe.fields.get("bf16", "auto") == "auto":
        return "float16" if recipe.flag("fp16", default=False) else "bfloat16"
    return mixed_precision(recipe)


def _autocast(recipe: Config) -> bool | None:
    return True if _mixed_precision(recipe) or recipe.flag("bfloat16", default=False) else None


def _dtype(recipe: Config) -> str:
    if _mixed_precision(recipe) == "bfloat16" or recipe.flag("bfloat16", default=False):
        return "bfloat16"
    halves = ("load_in_8bit", "fp16", "float16")
    return "float16" if any(recipe.flag(name, default=False) for name in halves) else "float32"


def _attention(recipe: Config) -> Any:
    if recipe.fields.get("attn_implementation"):
        return choice("attn_implementation", ATTENTIONS, assumed=ASSUMED_ATTENTION).read(recipe)
    for name, kind in KERNELS.items():
        if recipe.flag(name, default=False):
            return kind
    for name in UNREPLAYED:
        if recipe.flag(name, default=False):
            raise NotFollowed(name, f"cannot be replayed; {ASSUMED_ATTENTION} is assumed", takes_less=True)
    return None


def _padded(recipe: Config) -> bool | None:
    packings = ("sample_packing", "batch_flattening", "pretraining_dataset")
    fills = recipe.fields.get("pad_to_sequence_len") is True
    packs = any(recipe.fields.get(name) for name in packings)
    return True if fills and not packs else padded(recipe, BATCH, *packings)


def _adapter_dtype(recipe: Config) -> str | None:
    return None if recipe.flag("peft_autocast_adapter_dtype", default=True) else _dtype(recipe)


def _sets_kernels(recipe: Config) -> bool:
    """Whether axolotl turns its kernels on (`check_auto_enable_lora_kernels`)."""
    in_8_bits = recipe.fields.get("adapter") == "lora" and recipe.flag("load_in_8bit", default=False)
    is_set = any(recipe.fields.get(name) is not None for name in LORA_KERNELS)
    return bool(recipe.fields.get("adapter")) and not (
        is_set or in_8_bits or recipe.fields.get("rl") or recipe.fields.get("trust_remote_code")
    )


def _loss(recipe: Config) -> None:
    for name in LOSSES:
        if recipe.flag(name, default=False):
            raise NotFollowed(name, "cannot be replayed; the full loss is assumed, which takes more", takes_less=True)


HEAD = "gives the model a head of its own, which is not counted"
CONFIG = "changes the model's config.json, which is read as it is"

TRAINER = Trainer(
    "axolotl",
    programs=words("axolotl"),
    model=text("base_model"),
    revision=text("revision_of_model"),
    method=Part(("adapter",), _method),
    targets=Targets((NAMES, LINEAR), _targets),
    arguments={"r": Part(("lora_r",), _rank), "alpha": above_zero("lora_alpha")},
    settings={
        "lora_dropout": dropout("lora_dropout"),
        "use_dora": switch("peft_use_dora"),
        "use_rslora": switch("peft_use_rslora"),
        "modules_to_save": given("lora_modules_to_save"),
        "exclude_modules": given("lora_exclude_modules"),
        "target_parameters": given("lora_target_parameters"),
        "rank_pattern": given("lora_rank_pattern"),
        "alpha_pattern": given("lora_alpha_pattern"),
        "layers_to_transform": given("peft_layers_to_transform"),
        "layers_pattern": given("peft_layers_pattern"),
        "layer_replication": given("peft_layer_replication"),
        "trainable_token_indices": given("peft_trainable_token_indices"),
        "ensure_weight_tying": switch("peft_ensure_weight_tying"),
    },
    training={
        "batch": BATCH,
        "accumulate": ACCUMULATE,
        "seq": number("sequence_len", default=512),
        "dtype": Part(("bf16", "fp16", "bfloat16", "float16"), _dtype),
        "autocast": Part(("bf16", "fp16", "bfloat16"), _autocast),
        "quantize": Part(("load_in_4bit", "load_in_8bit", "bnb_config_kwargs"), _quantise),
        "kbit_prepare": Part(("fsdp_config",), _prepares),
        "checkpointing": choice("gradient_checkpointing", {True: True, False: False}, False),
        "attention": Part(
            ("attn_implementation", *KERNELS, *UNREPLAYED),
            _attention,
        ),
        "padded": Part(("sample_packing", "batch_flattening", "pretraining_dataset", "pad_to_sequence_len"), _padded),
        "optimizer": choice("optimizer", OPTIMIZERS, DEFAULT_OPTIMIZER, ASSUMED_OPTIMIZER),
        "adapter_dtype": Part(("peft_autocast_adapter_dtype",), _adapter_dtype),
        "loss": Part(LOSSES, _loss),
    },
    doubts={
        "unfrozen_parameters": Doubt("trains parameters of the base too, which are not counted"),
        "lisa_n_layers": Doubt("trains layers of the base in turn, which are not counted"),
        "lora_model_dir": Doubt("goes on with an adapter whose own config says what it trains; it is not read"),
        "freeze_mm_modules": Doubt("freezes what the targets may lie in", takes_less=True),
        "reward_model": Doubt(HEAD),
        "process_reward_model": Doubt(HEAD),
        "num_labels": Doubt(HEAD),
        "cls_model_config": Doubt(CONFIG),
        "base_model_config": Doubt(CONFIG),
        "overrides_of_model_config": Doubt(CONFIG),
        "model_config": Doubt(CONFIG),
        "llama4_linearized_experts": Doubt("turns fused experts into Linear modules, which may be targets then"),
        "tokens": Doubt("adds tokens, with which the embeddings grow"),
        "added_tokens_overrides": Doubt("renames tokens, with which the embeddings may grow"),
        "resize_token_embeddings_to_32x": Doubt("resizes the embeddings"),
        "shrink_embeddings": Doubt("resizes the embeddings"),
    },
    training_doubts={
        **TRAINING_DOUBTS,
        "rl": Doubt(OTHER_STEPS),
        "activation_offloading": Doubt("moves activations to the CPU", takes_less=True),
        "layer_offloading": Doubt("moves layers to the CPU", takes_less=True),
        "selective_checkpointing": Doubt("keeps some activations"),
        "tensor_parallel_size": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
        "context_parallel_size": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
        "sequence_parallel_degree": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
        "expert_parallel_size": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
        "dp_shard_size": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
        "quantize_moe_experts": Doubt("quantises experts in another way than bitsandbytes"),
        "qat": Doubt("quantises during the training"),
        "fp8": Doubt("multiplies in 8 bits, which has no replay"),
        "gptq": Doubt("names a base that is stored quantised; its config.json says how", takes_less=True),
        "tiled_mlp": Doubt("runs the MLP in tiles", takes_less=True),
        **dict.fromkeys(LORA_KERNELS, OWN_KERNELS),
        LORA_KERNELS[0]: OWN_KERNELS._replace(is_default=_sets_kernels),
        "use_scattermoe": OWN_KERNELS,
        "use_sonicmoe": OWN_KERNELS,
        "fp32_norms": Doubt("keeps norms in float32"),
    },
    inert=INERT
    | words(
        """
        accelerate* auto_resume_from_checkpoints base_model_ignore_patterns batch_size bench_* beta chat_template* comet_*
        cosine_* curriculum_sampling dataset* ddp debug_* default_system_message device device_map dion_* dpo_* ds3_*
        early_stopping_patience eaft_* embedding_lr* eot_tokens eta_min evals_per_epoch excess_length_strategy
        experimental_skip_move_to_device experts_implementation field_* flash_attn_* flash_optimum float32 fsdp_version
        fsdp_final_state_dict_type fused_attn_kernel gc_* gemma4_hybrid_attn_impl gptq_* gradio_* hf_* image_* is_* jagged_*
        kto_* large_head_attention liger_glu_activation liger_layer_norm liger_rms_norm* liger_rope local_files_only
        lora_fan_in_fan_out lora_on_cpu loraplus_* loss_watchdog_* low_cpu_mem_usage lr_* max_packed_sequence_len
        max_prompt_len mean_resizing_embeddings merge_* min_sample_len mlflow_* model_type model_quantization_config*
        multipack_real_batches noisy_embedding_alpha num_dataset_shards_to_save num_epochs orpo_alpha otel_* pad_to_multiple_of
        peft peft_init_lora_weights plugins pose_* precompute_ref_log_probs pretrain_multipack_* pretraining_sample_concatenation
        processor_* push_dataset_to_hub qlora_sharded_model_loading ray_* reinit_weights relora* resources_per_worker
        rl_beta role_boundaries rope_scaling sample_packing_* saves_per_epoch scaling_softmax* sequence_len_* shuffle_*
        simpo_gamma skip_prepare_dataset special_tokens streaming* strict swanlab_* tensorboard_* test_datasets
        tokenizer_* torch_compile_mode torchdistx_path total_num_tokens train_on_inputs trainer_cls trl trust_remote_code
        type_of_model use_comet use_eaft use_kernels use_mlflow use_otel_metrics use_pose use_ray use_swanlab use_tensorboard
        use_trackio use_wandb val_set_size vllm wandb_* world_size adapter_name
        """
    ),
)
