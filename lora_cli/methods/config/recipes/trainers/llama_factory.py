"""LLaMA-Factory: a YAML or JSON with `model_name_or_path`, and fields like `finetuning_type`, `template`, `cutoff_len`.

`llamafactory.model.adapter`: `_setup_lora_tuning`; `llamafactory.model.model_utils.misc`: `find_all_linear_modules`;
`llamafactory.model.model_utils.visual`: `patch_target_modules`, the composite models; `llamafactory.hparams`: defaults,
of dropout 0 in `finetuning_args`.
Read in 0.9.5.
"""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.recipes.huggingface_trainer import (
    ACCUMULATE,
    DEFAULT_BATCH,
    DEFAULT_OPTIMIZER,
    INERT,
    OPTIMIZERS,
    OTHER_STEPS,
    OWN_KERNELS,
    SDPA_AS_FLASH,
    SEVERAL_CARDS,
    TRAINING_DOUBTS,
    autocast,
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
    choice,
    dropout,
    listed,
    names_of,
    number,
    switch,
    text,
    words,
)
from lora_cli.models.config import Config
from lora_cli.models.model import Model

TYPES = {"lora": "lora", "oft": "oft", "full": FULL}
ATTENTIONS = {"auto": None, "disabled": "eager", "sdpa": "sdpa", "fa2": SDPA_AS_FLASH, "fa3": SDPA_AS_FLASH}
BATCH = number("per_device_train_batch_size", default=DEFAULT_BATCH)
TARGET, ALL = "lora_target", "all"
# The outputs that `all` leaves out, by any part of their names.
HEADS = {"chatglm": ("lm_head", "output_layer"), "internlm2": ("lm_head", "output")}


class Composite(NamedTuple):
    """Texts in the names of a multimodal model's parts. A `conflict` is never a target."""

    projector: tuple[str, ...] = ("multi_modal_projector",)
    tower: tuple[str, ...] = ("vision_tower",)
    language: tuple[str, ...] = ("language_model", "lm_head")
    conflict: tuple[str, ...] = ()


QWEN = Composite(("visual.merger",), ("visual.patch_embed", "visual.blocks"), conflict=("patch_embed",))
QWEN3 = QWEN._replace(tower=("visual.pos_embed", "visual.patch_embed", "visual.blocks", "visual.deepstack_merger_list"))
QWEN35 = QWEN._replace(
    projector=("model.visual.merger",), tower=("visual.pos_embed", "visual.patch_embed", "visual.blocks")
)
PLAIN = (
    "gemma3",
    "internvl",
    "interns1",
    "kimi_vl",
    "llava",
    "llava_next",
    "llava_next_video",
    "paligemma",
    "video_llava",
)
COMPOSITES = {
    **dict.fromkeys(PLAIN, Composite()),
    **dict.fromkeys(("glm4v", "glm4v_moe", "glm_ocr", "qwen2_vl", "qwen2_5_vl"), QWEN),
    **dict.fromkeys(("qwen3_vl", "qwen3_vl_moe"), QWEN3),
    **dict.fromkeys(("qwen3_5", "qwen3_5_moe"), QWEN35),
    **dict.fromkeys(("llama4", "mllama"), Composite(tower=("vision_model",))),
    "dots_ocr": Composite(("vision_tower.merger",), language=("model", "lm_head"), conflict=("merger",)),
    "gemma3n": Composite(tower=("vision_tower", "audio_tower"), conflict=("timm_model", "subsample_conv_projection")),
    "gemma4": Composite(
        ("model.embed_vision", "model.embed_audio"),
        ("vision_tower", "audio_tower"),
        conflict=("per_layer_projection_norm",),
    ),
    "mistral3": Composite(("model.multi_modal_projector",)),
    "qwen2_audio": Composite(tower=("audio_tower",)),
    "qwen2_5_omni_thinker": Composite(
        ("visual.merger", "audio_tower.proj"),
        ("visual.patch_embed", "visual.blocks", "audio_tower"),
        ("model", "lm_head"),
        ("patch_embed",),
    ),
    "qwen3_omni_moe_thinker": QWEN3._replace(
        projector=("visual.merger", "audio_tower.proj"), tower=(*QWEN3.tower, "audio_tower")
    ),
}
FREEZES = ("freeze_vision_tower", "freeze_multi_modal_projector", "freeze_language_model")


def _method(recipe: Config) -> str:
    kind = recipe.text("finetuning_type", default="lora")
    if kind not in TYPES:
        raise InvalidInput(
            f"{recipe.source}: finetuning_type {quote(kind)} is not counted here; {', '.join(TYPES)} are"
        )
    return TYPES[kind]


def _targets(recipe: Config, model: Model) -> list[str]:
    wanted = listed(recipe, TARGET) or [ALL]
    tower, projector, language = (
        recipe.flag(name, default=default) for name, default in zip(FREEZES, (True, True, False), strict=True)
    )
    parts = COMPOSITES.get(model.model_type)
    if wanted == [ALL]:
        heads = HEADS.get(model.model_type, ("lm_head",))
        frozen = () if parts is None else (*parts.projector, *(parts.tower if tower else ()))
        wanted = last_names(model, (*heads, *frozen))
    if parts is None:
        return wanted
    forbidden = [
        *(parts.tower if tower else ()),
        *(parts.projector if projector else ()),
        *(parts.language if language else ()),
        *parts.conflict,
    ]
    return [
        name
        for name in model.module_names
        if any(each in name for each in wanted) and not any(each in name for each in forbidden)
    ]


def _is_oft(recipe: Config) -> bool:
    return _method(recipe) == "oft"


def _rank(recipe: Config) -> int | None:
    return None if _is_oft(recipe) else recipe.size("lora_rank", default=8)


def _alpha(recipe: Config) -> int | None:
    if _is_oft(recipe):
        return None
    return recipe.number("lora_alpha", default=0) or 2 * recipe.size("lora_rank", default=8)


def _module_dropout(recipe: Config) -> float | None:
    probability: float | None = dropout("module_dropout").read(recipe) if _is_oft(recipe) else None
    return probability


def _dtype(recipe: Config) -> str | None:
    """Return the type of the base; `init_adapter` turns what is trained of it into float32."""
    if recipe.flag("pure_bf16", default=False):
        return "bfloat16"
    return "float32" if _is_upcast(recipe) else mixed_precision(recipe)


def _is_upcast(recipe: Config) -> bool:
    in_half = any(recipe.flag(name, default=False) for name in ("pure_bf16", "use_badam"))
    return _method(recipe) == FULL and not in_half


def _of_dtype(recipe: Config) -> tuple[str, ...]:
    return ("finetuning_type",) if _is_upcast(recipe) else ("pure_bf16", "bf16", "fp16")


def _quantise(recipe: Config) -> str | None:
    bits = recipe.number("quantization_bit", default=0)
    if not bits:
        return None
    method = recipe.text("quantization_method", default="bnb")
    if method not in {"bnb", "bitsandbytes"} or bits not in {4, 8}:
        raise NotFollowed("quantization_bit", f"by {method} cannot be replayed", takes_less=True)
    if bits == 8:
        return "int8"
    if recipe.text("quantization_type", default="nf4") != "nf4":
        raise NotFollowed("quantization_type", "cannot be replayed", takes_less=True)
    return "nf4-double" if recipe.flag("double_quantization", default=True) else "nf4"


def _unprepared(recipe: Config) -> bool | None:
    # It never calls prepare_model_for_kbit_training.
    return False if _quantise(recipe) else None


def _adapter_dtype(recipe: Config) -> str | None:
    return "bfloat16" if recipe.flag("pure_bf16", default=False) else None


def _checkpoints(recipe: Config) -> bool:
    return not recipe.flag("disable_gradient_checkpointing", default=False)


QUANTISED = ("quantization_bit", "quantization_method", "quantization_type", "double_quantization")
VALUE_HEAD = "gives the model a value head, which is trained too and not counted"
GROWS = "adds tokens or resizes the embeddings, which are then trained whole"
OWN_OPTIMIZER = "is an optimizer without a replay"

# Fields that only its v1 has (`llamafactory.v1.config`), whose defaults and whose training differ.
V1 = (
    "peft_config.name",
    "model_class",
    "kernel_config.name",
    "dist_config.name",
    "sample_backend",
    "batching_strategy",
)
NOT_READ = (
    "LLaMA-Factory's v1 layout, which is not read here; give its model, targets and rank by options, or write it in the "
    "layout with finetuning_type and lora_rank"
)

TRAINER = Trainer(
    "LLaMA-Factory",
    programs=words("llamafactory-cli lmf llamafactory"),
    other_layouts=dict.fromkeys(V1, NOT_READ),
    model=text("model_name_or_path"),
    revision=text("model_revision"),
    method=Part(("finetuning_type",), _method),
    targets=Targets((TARGET, *FREEZES), _targets, ALL),
    arguments={"r": Part(("lora_rank",), _rank), "alpha": Part(("lora_alpha",), _alpha)},
    settings={
        "r": Part(("oft_rank",), lambda recipe: recipe.number("oft_rank", default=0) if _is_oft(recipe) else None),
        "oft_block_size": Part(
            ("oft_block_size",), lambda recipe: recipe.number("oft_block_size", default=32) if _is_oft(recipe) else None
        ),
        "lora_dropout": dropout("lora_dropout"),
        "module_dropout": Part(("module_dropout",), _module_dropout),
        "use_dora": switch("use_dora"),
        "use_rslora": switch("use_rslora"),
        "modules_to_save": names_of("additional_target"),
    },
    training={
        "batch": BATCH,
        "accumulate": ACCUMULATE,
        "seq": number("cutoff_len", default=2048),
        "dtype": Part(("bf16", "fp16", "pure_bf16", "finetuning_type"), _dtype, _of_dtype),
        "autocast": Part(("bf16", "fp16"), autocast),
        "quantize": Part(QUANTISED, _quantise),
        "kbit_prepare": Part(QUANTISED, _unprepared),
        "checkpointing": Part(("disable_gradient_checkpointing",), _checkpoints),
        "attention": choice("flash_attn", ATTENTIONS, "auto", ASSUMED_ATTENTION),
        "padded": Part(("packing", "neat_packing"), lambda recipe: padded(recipe, BATCH, "packing", "neat_packing")),
        "optimizer": choice("optim", OPTIMIZERS, DEFAULT_OPTIMIZER, ASSUMED_OPTIMIZER),
        "adapter_dtype": Part(("pure_bf16",), _adapter_dtype),
    },
    doubts={
        "adapter_name_or_path": Doubt("goes on with an adapter whose own config says what it trains; it is not read"),
        "use_llama_pro": Doubt("trains only the expanded layers"),
        "resize_vocab": Doubt(GROWS),
        "add_tokens": Doubt(GROWS),
        "add_special_tokens": Doubt(GROWS),
        "new_special_tokens_config": Doubt(GROWS),
        "mixture_of_depths": Doubt("changes the model, which is read as it is"),
        "use_kt": Doubt("trains experts by KTransformers, which are not counted"),
        "use_mca": Doubt("trains by Megatron, whose modules have other shapes"),
        "stage": Doubt(VALUE_HEAD, ("pt", "sft", "dpo", "kto")),
    },
    training_doubts={
        **TRAINING_DOUBTS,
        "stage": Doubt(OTHER_STEPS, ("pt", "sft")),
        "use_unsloth": OWN_KERNELS,
        "use_unsloth_gc": Doubt("moves activations to the CPU", takes_less=True),
        "enable_liger_kernel": Doubt(
            "replaces operations by Liger's, which have no replay and take less", takes_less=True
        ),
        "shift_attn": Doubt("runs another attention"),
        "upcast_layernorm": Doubt("keeps norms in float32"),
        "upcast_lmhead_output": Doubt("turns the scores into float32"),
        "use_galore": Doubt(OWN_OPTIMIZER),
        "use_apollo": Doubt(OWN_OPTIMIZER),
        "use_badam": Doubt(OWN_OPTIMIZER),
        "use_muon": Doubt(OWN_OPTIMIZER),
        "use_adam_mini": Doubt(OWN_OPTIMIZER),
        "use_asft_loss": Doubt("runs the base beside the model"),
        "fp8": Doubt("multiplies in 8 bits, which has no replay"),
        "ref_model": Doubt("is a second model"),
        "reward_model": Doubt("is a second model"),
        "tensor_model_parallel_size": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
        "pipeline_model_parallel_size": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
    },
    inert=INERT
    | words(
        """
        adapter_folder apollo_* asft_alpha audio_sampling_rate badam_* bias_activation_fusion buffer_size cache_dir
        compute_accuracy context_parallel_size create_new_adapter crop_to_patches data_shared_file_system dataset dataset_*
        default_system disable_shuffling dpo_* early_stopping_steps eaft_alpha enable_thinking export_* fp8_*
        freeze_extra_modules freeze_trainable_* galore_* gradient_checkpointing hf_hub_token hyper_parallel_args
        ignore_pad_token_for_loss image_* include_effective_tokens_per_second infer_* init_special_tokens interleave_probs
        kt_* kto_* ld_alpha loraplus_* low_cpu_mem_usage mask_history master_* max_samples media_dir
        mix_strategy moe_* ms_hub_token oft_target om_hub_token offload_folder overwrite_cache pissa_* plot_loss
        ppo_* pref_* preprocessing_* preserve_thinking print_param_status quantization_device_map ray_* ref_model_*
        reward_model_* rope_scaling sglang_* simpo_gamma split_special_tokens streaming swanlab_* template tokenized_path
        tool_format train_from_scratch train_on_prompt trust_remote_code use_audio_in_video use_dft_loss use_eaft_loss
        use_fast_tokenizer use_hyper_parallel use_kv_cache use_reentrant_gc use_swanlab use_v1_kernels val_size video_* vllm_*
        """
    ),
)
