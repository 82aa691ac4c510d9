"""ms-swift: the args.json that it writes beside a checkpoint, and `swift sft` with a YAML or as a command line.

`swift.pipelines.train.tuner`: `prepare_adapter`, `get_target_modules`; `swift.utils.transformers_utils`:
`find_all_linears`, `get_multimodal_target_regex`; `swift.arguments`: defaults. Read in 4.6.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.methods.config.recipes.huggingface_trainer import (
    ATTENTIONS,
    DEFAULT_OPTIMIZER,
    INERT,
    OPTIMIZERS,
    OTHER_STEPS,
    OWN_KERNELS,
    SEVERAL_CARDS,
    STEPS,
    TRAINING_DOUBTS,
    accumulated,
    padded,
)
from lora_cli.methods.config.recipes.linear_modules import distinct_endings, parts_of_model
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
    listed,
    number,
    switch,
    text,
    words,
)
from lora_cli.models.config import Config
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module

# Older releases call tuner_type train_type.
TYPE = ("tuner_type", "train_type")
# The tuners that are methods of PEFT.
TUNERS = {"lora": "lora", "full": FULL, "adalora": "adalora", "vera": "vera", "boft": "boft", "fourierft": "fourierft"}
RANKS = {"lora": ("lora_rank", 8), "vera": ("vera_rank", 256)}
ALL, EMBEDDINGS, NORMS = "all-linear", "all-embedding", "all-norm"
IGNORED = ("lm_head", "score", "v_head", "classifier")
# Targets that it takes out where PEFT would refuse them.
MAMBAS = ("falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h")
MAMBA_PARTS = ("out_proj", "conv1d")
BATCH = number("per_device_train_batch_size", default=1)
# Without a number of batches to accumulate it takes as many as have so many sequences (`TrainArgumentsMixin.__post_init__`).
LEAST_SUMMED = 16
NAMES = "target_modules"
FREEZES = ("freeze_llm", "freeze_vit", "freeze_aligner")


def _method(recipe: Config) -> str:
    kind = recipe.text(*TYPE, default="lora")
    if kind not in TUNERS:
        name = next(name for name in TYPE if recipe.fields.get(name) is not None)
        raise InvalidInput(f"{recipe.source}: {name} {quote(kind)} is not counted here; {', '.join(TUNERS)} are")
    return TUNERS[kind]


def _targets(recipe: Config, model: Model) -> str | list[str]:
    if recipe.fields.get("target_regex"):
        return recipe.text("target_regex", default="")
    names = listed(recipe, NAMES) or [ALL]
    if ALL in names and model.parts:
        return _part_regex(recipe, model)
    linear = distinct_endings(model, IGNORED) if ALL in names else []
    rows = _endings_of(model, lambda module: module.kind == "Embedding") if EMBEDDINGS in names else []
    found = dict.fromkeys((*(name for name in names if name not in {ALL, EMBEDDINGS}), *linear, *rows))
    kept = [name for name in found if model.model_type not in MAMBAS or name not in MAMBA_PARTS]
    return _of_one_shape(kept, recipe, model) if _method(recipe) == "vera" else kept


def _of_one_shape(names: list[str], recipe: Config, model: Model) -> list[str]:
    """Return the targets whose Linears have the shape of the first one's with a v in its name (`get_vera_target_modules`).

    VeRA's two matrices are shared, and ms-swift shares them among Linears of one shape. It compares names by any part of
    them (`name in module_name`), where PEFT compares whole parts, and so does this: `v` is in `vision`, too.
    """
    shapes = {
        module.name: (module.h, module.d)
        for module in model.modules
        if module.kind == "Linear" and any(name in module.name for name in names)
    }
    if len(set(shapes.values())) < 2:
        return names
    first = next((name for name in names if "v" in name), None)
    shape = next((shapes[name] for name in shapes if first is not None and first in name), None)
    if shape is None:
        raise InvalidInput(
            f"{recipe.source}: ms-swift's VeRA needs targets of one shape, or one with a v in its name, of whose shape it "
            f"takes the others; set {NAMES}, or give {argument('target')}"
        )
    alike = [name for name, own in shapes.items() if own == shape]
    return [name for name in names if any(name in each for each in alike)]


def _part_regex(recipe: Config, model: Model) -> str:
    """Return the regular expression of the parts that are not frozen: the language model alone by default."""
    language, towers, projectors = parts_of_model(model)
    frozen = [recipe.flag(name, default=name != FREEZES[0]) for name in FREEZES]
    kept = [
        part
        for parts, is_frozen in zip((language, towers, projectors), frozen, strict=True)
        if not is_frozen
        for part in parts
    ]
    if not kept:
        raise InvalidInput(f"{recipe.source}: {', '.join(FREEZES)} freeze all parts of {model.name}; thaw one")
    patterns = []
    for part in kept:
        inner = [name for name in projectors if name.startswith(f"{part}.")]
        start = f"(?!({'|'.join(inner)})){re.escape(part)}" if inner else re.escape(part)
        endings = distinct_endings(model, IGNORED, part)
        if endings:
            patterns.append(rf"{start}(?=\.).*\.({'|'.join(endings)})")
        elif any(module.name == part and module.kind == "Linear" for module in model.modules):
            patterns.append(start)
    return f"^({'|'.join(patterns)})$"


def _copies(recipe: Config) -> Any:
    names = listed(recipe, "modules_to_save")
    if EMBEDDINGS in names or NORMS in names:
        raise NotFollowed("modules_to_save", "with all-embedding or all-norm is not followed; name the modules")
    return names or None


def _endings_of(model: Model, fits: Callable[[Module], bool]) -> list[str]:
    return sorted({module.name.rpartition(".")[2] for module in model.modules if fits(module)})


def _rank_fields(recipe: Config) -> tuple[str, ...]:
    return RANKS.get(_method(recipe), ())[:1]


def _rank(recipe: Config) -> int | None:
    if (own := RANKS.get(_method(recipe))) is None:
        return None
    name, default = own
    return recipe.size(name, default=default)


def _of(method: str, name: str, default: int) -> Part:
    """Read a number that only one method has."""
    return Part((name,), lambda recipe: recipe.number(name, default=default) if _method(recipe) == method else None)


def _total_steps(recipe: Config) -> int | None:
    steps = recipe.fields.get("max_steps")
    return steps if _method(recipe) == "adalora" and type(steps) is int and steps > 0 else None


def _alpha(recipe: Config) -> Any:
    return above_zero("lora_alpha", 32).read(recipe) if _method(recipe) in {"lora", "adalora"} else None


def _dtype(recipe: Config) -> str | None:
    return recipe.text("torch_dtype", default="").removeprefix("torch.") or None


def _quantise(recipe: Config) -> str | None:
    method = recipe.text("quant_method", default="")
    if not method or method in {"awq", "gptq", "gptq_v2"}:
        return None
    bits = recipe.fields.get("quant_bits")
    if method != "bnb" or bits not in {4, 8}:
        raise NotFollowed("quant_method", "cannot be replayed", takes_less=True)
    if bits == 8:
        return "int8"
    if recipe.text("bnb_4bit_quant_type", default="nf4") != "nf4":
        raise NotFollowed("bnb_4bit_quant_type", "cannot be replayed", takes_less=True)
    return "nf4-double" if recipe.flag("bnb_4bit_use_double_quant", default=True) else "nf4"


def _accumulate(recipe: Config) -> int | None:
    return accumulated(recipe, -(-LEAST_SUMMED // BATCH.read(recipe)))


def _unprepared(recipe: Config) -> bool | None:
    return False if _quantise(recipe) else None


QUANTISED = ("quant_method", "quant_bits", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant")
SECOND = "is a second model beside the one that is trained"

TRAINER = Trainer(
    "ms-swift",
    programs=words("swift"),
    model=text("model"),
    revision=text("model_revision"),
    method=Part(TYPE, _method),
    targets=Targets(("target_regex", NAMES, *FREEZES), _targets, ALL),
    arguments={
        "r": Part(tuple(name for name, _ in RANKS.values()), _rank, _rank_fields),
        "alpha": Part(("lora_alpha",), _alpha),
    },
    settings={
        "lora_dropout": dropout("lora_dropout", 0.05),
        "vera_dropout": dropout("vera_dropout"),
        "boft_dropout": dropout("boft_dropout"),
        "use_dora": switch("use_dora"),
        "use_rslora": switch("use_rslora"),
        "bias": Part(
            ("lora_bias",), lambda recipe: "all" if recipe.text("lora_bias", default="none") == "all" else None
        ),
        "modules_to_save": Part(("modules_to_save",), _copies),
        "target_parameters": Part(("target_parameters",), lambda recipe: listed(recipe, "target_parameters") or None),
        "init_r": _of("adalora", "adalora_init_r", 12),
        "total_step": Part(("max_steps",), _total_steps),
        "target_r": _of("adalora", "adalora_target_r", 8),
        "boft_block_size": _of("boft", "boft_block_size", 4),
        "boft_block_num": _of("boft", "boft_block_num", 0),
        "boft_n_butterfly_factor": _of("boft", "boft_n_butterfly_factor", 1),
        "n_frequency": _of("fourierft", "fourier_n_frequency", 2000),
    },
    training={
        "batch": BATCH,
        "accumulate": Part((STEPS,), _accumulate),
        "seq": number("max_length"),
        "dtype": Part(("torch_dtype",), _dtype),
        # By the type of the model, bf16 or fp16 is on.
        "autocast": Part(("bf16", "fp16"), lambda _: True),
        "quantize": Part(QUANTISED, _quantise),
        "kbit_prepare": Part(QUANTISED, _unprepared),
        "checkpointing": Part(
            ("gradient_checkpointing",), lambda recipe: recipe.flag("gradient_checkpointing", default=True)
        ),
        "attention": choice("attn_impl", ATTENTIONS, assumed=ASSUMED_ATTENTION),
        "padded": Part(("packing", "padding_free"), lambda recipe: padded(recipe, BATCH, "packing", "padding_free")),
        "optimizer": choice("optim", OPTIMIZERS, DEFAULT_OPTIMIZER, ASSUMED_OPTIMIZER),
        "adapter_dtype": Part(("lora_dtype",), lambda recipe: recipe.text("lora_dtype", default="") or None),
    },
    doubts={
        "adapters": Doubt("goes on with an adapter whose own config says what it trains; it is not read"),
        "trainable_parameters": Doubt("trains parameters of the base too, which are not counted"),
        "trainable_parameters_regex": Doubt("trains parameters of the base too, which are not counted"),
        "new_special_tokens": Doubt("adds tokens, with which the embeddings grow"),
        "task_type": Doubt("gives the model a head of its own, which is not counted", ("causal_lm",)),
        "use_swift_lora": Doubt("trains by its own LoRA instead of PEFT's"),
        "init_weights": Doubt(
            "needs lora_ga, which is not followed", (True, False, "true", "false", "gaussian", "pissa", "olora")
        ),
        "rlhf_type": Doubt(
            "may add a value head or a reward model, which is not counted", ("dpo", "kto", "orpo", "simpo", "cpo")
        ),
    },
    training_doubts={
        **TRAINING_DOUBTS,
        "rlhf_type": Doubt(OTHER_STEPS),
        "tuner_backend": OWN_KERNELS._replace(harmless=("peft",)),
        "sequence_parallel_size": Doubt(SEVERAL_CARDS, (1,), takes_less=None),
        "device_map": Doubt(SEVERAL_CARDS, ("auto", "cuda", "cuda:0"), takes_less=None),
        "optimizer": Doubt("is an optimizer without a replay"),
        "use_galore": Doubt("is an optimizer without a replay"),
        "lisa_activated_layers": Doubt("trains layers of the base in turn", (0,)),
        "ref_model": Doubt(SECOND),
        "reward_model": Doubt(SECOND),
        "teacher_model": Doubt(SECOND),
        "use_vllm": Doubt("keeps a server of the model beside it"),
        "loss_type": Doubt("is a loss without a replay"),
        "vit_gradient_checkpointing": Doubt("saves activations of the tower only", (True, False)),
    },
    inert=(INERT - {"max_steps"})
    | words(
        """
        acc_strategy adalora_* adapter_* add_non_thinking_prefix add_version agent_template aligner_lr beta bnb_4bit_*
        cached_* callbacks center_rewards_coefficient channels check_model chat_template ckpt_dir columns
        commit_message cpo_alpha create_checkpoint_symlink custom_* data_range dataset dataset_* decision_* deepspeed_*
        desirable_weight device_count device_groups disable_* discopop_tau download_mode ds3_* early_* enable_* engine_kwargs
        epsilon* experts_impl external_plugins extra_eval_args fourier_scaling freeze_parameters* galore_* generation_config
        global_batch_size global_world_size hqq_axis hub ignore_args_error interleave_prob is_* label_smoothing lazy_tokenize
        ld_alpha lisa_step_interval lmbda load_args load_data_args load_from_cache_file local_repo_path local_world_size
        logprobs longlora* lora_ga_* lorap_* loss_scale loss_weights llamapro_* max_completion_length max_epochs
        max_memory max_model_len max_new_tokens max_pixels max_shard_size merge_lora metric model_author model_dir model_info
        model_kwargs model_meta model_name model_suffix model_type mrl_dims multi_turn_scheduler norm_bbox num_beams num_labels
        output_* packing_* padding_side preserve_thinking problem_type quant_* rank ref_* reft_* repetition_penalty
        response_length response_prefix resume_only_model reward_* rope_scaling rpo_alpha router_aux_loss_coef
        safe_serialization sft_alpha shuffle_buffer_size simpo_gamma split_dataset_ratio stop_words stopping_strategy stream
        streaming strict structured_outputs_regex swanlab_* swift_version system teacher_* temperature template template_*
        tensorboard_* top_k top_logprobs top_p train_dataloader_shuffle training_args truncation_strategy undesirable_weight
        use_chat_template use_flash_ckpt use_hf use_logits_to_keep use_ray val_dataset val_dataset_* vera_d_initial
        vera_projection_prng_key vit_lr zero_hpz_partition_size ray_* dlrover_*
        """
    ),
)
