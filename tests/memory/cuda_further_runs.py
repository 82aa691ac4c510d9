"""More runs for a card, the most telling first: whole models, accumulation, autocast, and kinds the first list lacks."""

from __future__ import annotations

from typing import Any

from tests.memory.cuda_run_list import ALL, CLASSES, MLA, ROPE, RUNS, SMALL, decoder, lora, run

IMAGE: dict[str, Any] = {"auto": "AutoModelForImageTextToText"}
TOKENS: dict[str, Any] = {"auto": "AutoModelForTokenClassification"}
SEQ2SEQ: dict[str, Any] = {"auto": "AutoModelForSeq2SeqLM", "seq": 512}
PIXELS: dict[str, Any] = {"auto": "AutoModelForImageClassification", "batch": 16}
HALVES: dict[str, Any] = {"dtype": "float32", "autocast": "bfloat16"}
AGAIN: dict[str, Any] = {"checkpointing": True}
EXPERTS: dict[str, Any] = {"moe_intermediate_size": 512, "n_routed_experts": 16, "num_experts_per_tok": 4}
GROUPS: dict[str, Any] = {"n_shared_experts": 1, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1}
TOWER: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 2,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}
QWEN_TOWER: dict[str, Any] = {"depth": 2, "num_heads": 16, "hidden_size": 1280}


def qwen_text(kind: str, h: int, f: int, heads: int, kv: int, **rest: Any) -> dict[str, Any]:
    """Return the text part of a Qwen that sees, whose positions have three parts."""
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    return decoder(kind, h, f, heads, kv, 151936, 2, rope_parameters=rope, **rest)


FALCON: dict[str, Any] = {"model_type": "falcon", "num_hidden_layers": 2, "vocab_size": 65024, "bias": False}
FURTHER_SHAPES: dict[str, dict[str, Any]] = {
    "qwen2.5-7b": decoder("qwen2", 3584, 18944, 28, 4, 152064, 2),
    "qwen2.5-14b": decoder("qwen2", 5120, 13824, 40, 8, 152064, 2),
    "qwen2.5-32b": decoder("qwen2", 5120, 27648, 40, 8, 152064, 2),
    "gemma-2-9b": decoder("gemma2", 3584, 14336, 16, 8, 256000, 2, head_dim=256, query_pre_attn_scalar=256),
    "mistral-7b-window": decoder("mistral", 4096, 14336, 32, 8, 32000, 2, sliding_window=4096),
    "qwen3-30b-a3b": decoder(
        "qwen3_moe",
        2048,
        6144,
        32,
        4,
        151936,
        2,
        head_dim=128,
        moe_intermediate_size=768,
        num_experts=128,
        num_experts_per_tok=8,
        norm_topk_prob=True,
    ),
    "falcon-40b": FALCON
    | {"hidden_size": 8192, "num_attention_heads": 128, "num_kv_heads": 8}
    | {"new_decoder_architecture": True, "multi_query": True, "parallel_attn": True, "alibi": False},
    "phi-2": decoder("phi", 2560, 10240, 32, 32, 51200, 2, rope_parameters=ROPE | {"partial_rotary_factor": 0.4}),
    "stablelm-3b": decoder(
        "stablelm", 2560, 6912, 32, 32, 50304, 2, rope_parameters=ROPE | {"partial_rotary_factor": 0.25}
    ),
    "olmo-3-7b": decoder("olmo3", 4096, 11008, 32, 32, 100278, 4, sliding_window=512),
    "apertus-8b": decoder("apertus", 4096, 21504, 32, 8, 131072, 2),
    "arcee-4.5b": decoder("arcee", 2560, 18432, 20, 4, 128004, 2),
    "command-r7b": decoder("cohere2", 4096, 14336, 32, 8, 256000, 4, sliding_window=512),
    "exaone-4-1.2b": decoder("exaone4", 2048, 4096, 32, 8, 102400, 4, sliding_window=512),
    "glm-4-9b": decoder("glm", 4096, 13696, 32, 2, 151552, 2, head_dim=128, attention_bias=True),
    "helium-2b": decoder("helium", 2560, 7040, 20, 20, 48000, 2, head_dim=128),
    "hunyuan-7b": decoder("hunyuan_v1_dense", 4096, 14336, 32, 8, 128167, 2, head_dim=128),
    "ernie-4.5-0.3b": decoder("ernie4_5", 1024, 3072, 16, 2, 103424, 4, head_dim=128),
    "seed-oss": decoder("seed_oss", 5120, 27648, 80, 8, 155136, 2, head_dim=128),
    "ministral3-3b": decoder("ministral3", 3072, 9216, 32, 8, 131072, 2, head_dim=128),
    "olmoe-1b-7b": decoder("olmoe", 2048, 1024, 16, 16, 50304, 2, num_experts=16, num_experts_per_tok=8),
    "qwen1.5-moe": decoder(
        "qwen2_moe",
        2048,
        5632,
        16,
        16,
        151936,
        2,
        moe_intermediate_size=1408,
        shared_expert_intermediate_size=5632,
        num_experts=16,
        num_experts_per_tok=4,
    ),
    "deepseek-v2-lite": decoder(
        "deepseek_v2", 2048, 10944, 16, 16, 102400, 3, **MLA | {"q_lora_rank": None}, **EXPERTS, **GROUPS
    ),
    "glm-4.5-air": decoder("glm4_moe", 2048, 5472, 32, 8, 151552, 3, head_dim=128, **EXPERTS, **GROUPS),
    "glm-4.7-flash": decoder("glm4_moe_lite", 2048, 5472, 16, 16, 151552, 3, **MLA, **EXPERTS, **GROUPS),
    "dots1": decoder("dots1", 2048, 5472, 16, 16, 152064, 3, **EXPERTS, **GROUPS),
    "granite-3b-a800m": decoder("granitemoe", 1536, 512, 24, 8, 49152, 2, num_local_experts=16, num_experts_per_tok=8),
    "ernie-4.5-21b-a3b": decoder(
        "ernie4_5_moe",
        2560,
        12288,
        20,
        4,
        103424,
        3,
        moe_intermediate_size=1536,
        moe_num_experts=16,
        moe_k=6,
        moe_num_shared_experts=2,
        moe_layer_start_index=1,
    ),
    "minimax-m2": decoder(
        "minimax_m2", 3072, 1536, 48, 8, 200064, 2, head_dim=128, num_local_experts=8, num_experts_per_tok=4
    ),
    "distilbert": {"model_type": "distilbert", "n_layers": 6},
    "electra-base": {
        "model_type": "electra",
        "hidden_size": 768,
        "embedding_size": 768,
        "intermediate_size": 3072,
        "num_attention_heads": 12,
        "num_hidden_layers": 6,
    },
    "xlm-roberta-base": {
        "model_type": "xlm-roberta",
        "num_hidden_layers": 6,
        "vocab_size": 250002,
        "max_position_embeddings": 514,
    },
    "flan-t5-base": {
        "model_type": "t5",
        "d_model": 768,
        "d_ff": 2048,
        "num_heads": 12,
        "num_layers": 4,
        "num_decoder_layers": 4,
        "vocab_size": 32128,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "decoder_start_token_id": 0,
    },
    "llava-1.5-7b": {
        "model_type": "llava",
        "image_token_index": 5,
        "text_config": decoder("llama", 4096, 11008, 32, 32, 32064, 2),
        "vision_config": TOWER | {"model_type": "clip_vision_model"},
    },
    "gemma-3-4b": {
        "model_type": "gemma3",
        "mm_tokens_per_image": 256,
        "text_config": decoder("gemma3_text", 2560, 10240, 8, 4, 262208, 6, head_dim=256, sliding_window=512),
        "vision_config": TOWER | {"model_type": "siglip_vision_model", "image_size": 896},
    },
    "qwen2.5-vl-7b": {
        "model_type": "qwen2_5_vl",
        "image_token_id": 5,
        "text_config": qwen_text("qwen2_5_vl_text", 3584, 18944, 28, 4),
        "vision_config": QWEN_TOWER | {"out_hidden_size": 3584, "intermediate_size": 3420},
    },
    "qwen3-vl-4b": {
        "model_type": "qwen3_vl",
        "image_token_id": 5,
        "text_config": qwen_text("qwen3_vl_text", 2560, 9728, 32, 8, head_dim=128),
        "vision_config": QWEN_TOWER
        | {"out_hidden_size": 2560, "intermediate_size": 4304, "deepstack_visual_indexes": [0, 1]},
    },
}


def method(kind: str, **rest: Any) -> dict[str, Any]:
    """Return the config of another method, on every linear layer unless it names its own."""
    return {"peft_type": kind, "task_type": "CAUSAL_LM", **({"target_modules": ALL} | rest)}


LOW_RANK = {"r": 8, "alpha": 8}
DORA = lora(use_dora=True, task_type="CAUSAL_LM")
REPEATED = (
    *("llama-1b", "llama-1b-block-eager", "llama-1b-nf4-block", "llama-1b-dora-block", "llama-1b-8bit-block"),
    *("llama-8b-full-layers", "llama-1b-ia3", "vit-base"),
)
OF_CONTEXT = (
    *("llama-1b-int8-block", "llama-1b-int8-unprepared", "llama-1b-int8-checkpointing"),
    *("llama-1b-paged-8bit", "llama-1b-8bit-short", "llama-1b-adafactor", "llama-1b-short"),
)
LLAMA, LLAMA8 = "llama-3.2-1b", "llama-3.1-8b"
FEED_FORWARD = {"target_modules": ["k_proj", "v_proj", "down_proj"], "feedforward_modules": ["down_proj"]}
BY_METHOD = {
    "hira": method("HIRA", r=16),
    "vera": method("VERA", r=64, target_modules=["q_proj", "v_proj"]),
    "ia3": method("IA3", **FEED_FORWARD),
    "loha": method("LOHA", **LOW_RANK),
    "lokr": method("LOKR", **LOW_RANK),
    "oft": method("OFT", oft_block_size=32),
    "ln": {"peft_type": "LN_TUNING", "target_modules": ["input_layernorm", "norm"], "task_type": "CAUSAL_LM"},
    "prompt": {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 16, "task_type": "CAUSAL_LM"},
}
FURTHER_RUNS: list[dict[str, Any]] = [
    *(each for each in RUNS if each["name"] in REPEATED),
    run("llama-1b-accumulate", LLAMA, accumulate=2),
    run("llama-1b-full-accumulate-4", LLAMA, {}, accumulate=4, **SMALL),
    run("llama-1b-full-autocast-checkpointing", LLAMA, {}, **AGAIN, **HALVES),
    run("llama-1b-full-autocast-accumulate", LLAMA, {}, accumulate=2, **HALVES, **SMALL),
    run("llama-8b-4096", LLAMA8, layers=32, batch=1, seq=4096),
    run("llama-8b-8192-checkpointing", LLAMA8, layers=32, batch=4, seq=8192, **AGAIN),
    run("llama-8b-32768-checkpointing", LLAMA8, layers=32, batch=1, seq=32768, **AGAIN),
    run("qwen2-7b-full", "qwen2.5-7b", {}, layers=28, batch=1, seq=2048, **AGAIN),
    run("qwen2-14b-4096", "qwen2.5-14b", layers=48, batch=1, seq=4096, **AGAIN),
    run("mistral-window-8192", "mistral-7b-window", layers=32, batch=1, seq=8192, **AGAIN),
    run("gemma2-9b-eager", "gemma-2-9b", layers=42, batch=1, seq=4096, attention="eager", **AGAIN),
    run("mistral-nf4-full-layers", "mistral-7b", quant="nf4", layers=32, batch=2, seq=2048),
    run("llama-1b-dora-checkpointing", LLAMA, DORA, **AGAIN, **SMALL),
    run("llama-1b-hira", LLAMA, BY_METHOD["hira"], **SMALL),
    run("llama-1b-ln", LLAMA, BY_METHOD["ln"], **SMALL),
    *(run(f"llama-1b-{name}-checkpointing", LLAMA, adapter, **AGAIN, **SMALL) for name, adapter in BY_METHOD.items()),
    run("falcon-eager", "falcon-7b", attention="eager", **SMALL),
    run("falcon-grouped", "falcon-40b", **SMALL),
    run("falcon-grouped-eager", "falcon-40b", attention="eager", **SMALL),
    run("phi-block", "phi-2", **SMALL),
    run("stablelm-block", "stablelm-3b", **SMALL),
    run("gemma-block", "gemma-2b", **SMALL),
    run("gemma3-eager", "gemma-3-1b", attention="eager", **SMALL),
    run("olmoe-block", "olmoe-1b-7b", **SMALL),
    run("qwen2-moe-block", "qwen1.5-moe", **SMALL),
    run("deepseek-v2-block", "deepseek-v2-lite", **SMALL),
    run("qwen3-moe-eager", "qwen3-moe", attention="eager", **SMALL),
    run("qwen3-moe-full", "qwen3-moe", {}, **AGAIN, **SMALL),
    run(
        "distilbert",
        "distilbert",
        {"task_type": "SEQ_CLS", "target_modules": ["q_lin", "v_lin"]},
        batch=8,
        seq=256,
        **CLASSES,
    ),
    run(
        "electra-tokens",
        "electra-base",
        {"task_type": "TOKEN_CLS", "target_modules": ["query", "value"]},
        batch=8,
        seq=256,
        **TOKENS,
    ),
    run("xlm-roberta-full-autocast", "xlm-roberta-base", {}, batch=8, seq=256, **HALVES, **CLASSES),
    run("bert-full-padded", "bert-base", {}, batch=32, seq=512, padded=True, **AGAIN, **CLASSES),
    run("flan-t5", "flan-t5-base", {"task_type": "SEQ_2_SEQ_LM"}, **AGAIN, **SEQ2SEQ),
    run("t5-full-autocast", "t5-base", {}, **HALVES, **SEQ2SEQ),
    run("vit-full-autocast", "vit-base", {}, **HALVES, **PIXELS),
    run("vit-eager", "vit-base", {}, attention="eager", **PIXELS),
    run("llava-text", "llava-1.5-7b", **IMAGE),
    run("gemma3-seeing", "gemma-3-4b", **IMAGE),
    run("qwen2.5-vl", "qwen2.5-vl-7b", **IMAGE),
    run("qwen3-vl", "qwen3-vl-4b", **IMAGE),
    run("llama-1b-dropout-checkpointing", LLAMA, lora(lora_dropout=0.1, task_type="CAUSAL_LM"), **AGAIN, **SMALL),
    run("llama-1b-dora-dropout", LLAMA, DORA | {"lora_dropout": 0.1}, **SMALL),
    run("llama-1b-padded-checkpointing", LLAMA, batch=8, padded=True, **AGAIN, **SMALL),
    run("llama-1b-full-sgd", LLAMA, {}, optimizer="sgd", batch=1, seq=128),
    run("llama-1b-full-adafactor", LLAMA, {}, optimizer="adafactor", batch=1, seq=128),
    run("llama-1b-full-foreach", LLAMA, {}, optimizer="adamw_foreach", batch=1, seq=128),
    run("llama-1b-full-paged", LLAMA, {}, optimizer="paged_adamw_8bit", batch=1, seq=128),
    run("llama-1b-biases", LLAMA, lora(bias="all", task_type="CAUSAL_LM"), **SMALL),
    run("llama-1b-token-rows", LLAMA, lora(trainable_token_indices=[3, 4], task_type="CAUSAL_LM"), **SMALL),
    run("qwen2-1.5b-autocast-float16", "qwen2.5-1.5b", dtype="float32", autocast="float16", **AGAIN),
    run("gpt2-full-autocast", "gpt2", {}, batch=4, **HALVES),
    run("neox-eager", "pythia-1b", attention="eager", **SMALL),
    run("opt-eager-padded", "opt-1.3b", attention="eager", padded=True, **SMALL),
    run("glm4-moe-block", "glm-4.5-air", **SMALL),
    run("glm4-moe-lite-block", "glm-4.7-flash", **SMALL),
    run("dots1-block", "dots1", **SMALL),
    run("granitemoe-block", "granite-3b-a800m", **SMALL),
    run("ernie-moe-block", "ernie-4.5-21b-a3b", **SMALL),
    run("minimax-m2-block", "minimax-m2", **SMALL),
    run("apertus-block", "apertus-8b", **SMALL),
    run("olmo3-block", "olmo-3-7b", **SMALL),
    run("cohere2-block", "command-r7b", **SMALL),
    run("exaone4-block", "exaone-4-1.2b", **SMALL),
    run("qwen3-30b-a3b", "qwen3-30b-a3b", {"target_modules": ALL[:4]}, layers=48, batch=1, seq=2048, **AGAIN),
    run("qwen2-32b-nf4", "qwen2.5-32b", quant="nf4-dq", layers=64, batch=1, seq=2048, **AGAIN),
    run("arcee-block", "arcee-4.5b", **SMALL),
    run("glm-block", "glm-4-9b", **SMALL),
    run("helium-block", "helium-2b", **SMALL),
    run("hunyuan-block", "hunyuan-7b", **SMALL),
    run("ernie-block", "ernie-4.5-0.3b", **SMALL),
    run("seed-oss-block", "seed-oss", **SMALL),
    run("ministral3-block", "ministral3-3b", **SMALL),
    run("mistral-nf4-dora-checkpointing", "mistral-7b", DORA, quant="nf4", **AGAIN, **SMALL),
    run("llama-8b-full-adafactor", LLAMA8, {}, layers=32, batch=1, seq=1024, optimizer="adafactor", **AGAIN),
    *(each for each in RUNS if each["name"] in OF_CONTEXT),
    run("llama-8b-paged", LLAMA8, lora(r=64, task_type="CAUSAL_LM"), optimizer="paged_adamw_8bit", **SMALL),
    run("qwen2-0.5b-full-short", "qwen2.5-0.5b", {}, batch=1, seq=64),
    run("gemma3-full-short", "gemma-3-1b", {}, batch=2, seq=128, **AGAIN),
    run("llama-1b-full-8bit", LLAMA, {}, batch=1, seq=128, optimizer="adamw_8bit"),
    run("t5-autocast", "t5-base", {"task_type": "SEQ_2_SEQ_LM"}, **HALVES, **SEQ2SEQ),
    run("flan-t5-full", "flan-t5-base", {}, **SEQ2SEQ),
    run("electra-full-autocast", "electra-base", {}, batch=8, seq=256, **HALVES, **TOKENS),
    run("llama-1b-nf4-accumulate", LLAMA, quant="nf4", accumulate=2, **AGAIN, **SMALL),
    run("llama-1b-dora-accumulate", LLAMA, DORA, accumulate=2, **SMALL),
    run("qwen3-moe-accumulate", "qwen3-moe", accumulate=2, **SMALL),
    run("stablelm-checkpointing", "stablelm-3b", **AGAIN, **SMALL),
    run("phi-full", "phi-2", {}, **SMALL),
    run("qwen2-1.5b-full", "qwen2.5-1.5b", {}, **SMALL),
    run("mistral-full-eager", "mistral-7b", {}, attention="eager", **SMALL),
    run(
        "llama-1b-base-dtype-some",
        LLAMA,
        lora(target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
        adapter_dtype="base",
        **SMALL,
    ),
    run("llama-1b-float16-eager", LLAMA, dtype="float16", attention="eager", **SMALL),
    run("gemma2-autocast-eager", "gemma-2-2b", attention="eager", **HALVES, **SMALL),
    run("granite-autocast", "granite-2b", **HALVES, **SMALL),
    run("gpt-oss-checkpointing", "gpt-oss", attention="eager", **AGAIN, **SMALL),
    run("deepseek-v3-full", "deepseek-v3", {}, **SMALL),
    run("qwen2-1.5b-embeddings-copied", "qwen2.5-1.5b", lora(modules_to_save=["embed_tokens"], task_type="CAUSAL_LM")),
]
