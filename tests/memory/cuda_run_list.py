"""The runs that are measured on a card: shapes of published models with few layers, and what is varied over them."""

from __future__ import annotations

from typing import Any

ROPE = {"rope_theta": 10000.0, "rope_type": "default"}


def decoder(
    model_type: str, h: int, f: int, heads: int, kv: int, vocab: int, layers: int, **rest: Any
) -> dict[str, Any]:
    """Return the config of a decoder with the field names that Llama's kin share."""
    return {
        "model_type": model_type,
        "hidden_size": h,
        "intermediate_size": f,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": vocab,
        "num_hidden_layers": layers,
        "max_position_embeddings": 8192,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **rest,
    }


MLA = {"q_lora_rank": 768, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}
SHAPES: dict[str, dict[str, Any]] = {
    "llama-3.2-1b": decoder("llama", 2048, 8192, 32, 8, 128256, 4, head_dim=64, tie_word_embeddings=True),
    "llama-3.1-8b": decoder("llama", 4096, 14336, 32, 8, 128256, 2, head_dim=128),
    "llama-2-7b": decoder("llama", 4096, 11008, 32, 32, 32000, 2),
    "mistral-7b": decoder("mistral", 4096, 14336, 32, 8, 32768, 2, sliding_window=None),
    "qwen2.5-0.5b": decoder("qwen2", 896, 4864, 14, 2, 151936, 4, tie_word_embeddings=True),
    "qwen2.5-1.5b": decoder("qwen2", 1536, 8960, 12, 2, 151936, 4, tie_word_embeddings=True),
    "qwen3-0.6b": decoder("qwen3", 1024, 3072, 16, 8, 151936, 4, head_dim=128, tie_word_embeddings=True),
    "gemma-2-2b": decoder("gemma2", 2304, 9216, 8, 4, 256000, 4, head_dim=256, query_pre_attn_scalar=256),
    "gemma-3-1b": decoder("gemma3_text", 1152, 6912, 4, 1, 262144, 6, head_dim=256, sliding_window=512),
    "gemma-2b": decoder("gemma", 2048, 16384, 8, 1, 256000, 2, head_dim=256),
    "phi-3-mini": decoder("phi3", 3072, 8192, 32, 32, 32064, 2),
    "olmo-2-1b": decoder("olmo2", 2048, 8192, 16, 16, 100352, 2),
    "starcoder2-3b": decoder("starcoder2", 3072, 12288, 24, 2, 49152, 2),
    "granite-2b": decoder("granite", 2048, 8192, 32, 8, 49155, 2),
    "cohere": decoder("cohere", 2048, 8192, 16, 16, 256000, 2),
    "glm4-9b": decoder("glm4", 4096, 13696, 32, 2, 151552, 2, head_dim=128),
    "smollm3-3b": decoder("smollm3", 2048, 11008, 16, 4, 128256, 4),
    "mixtral": decoder("mixtral", 1024, 3584, 16, 4, 32000, 2, num_local_experts=8, num_experts_per_tok=2),
    "qwen3-moe": decoder(
        "qwen3_moe",
        2048,
        6144,
        32,
        4,
        151936,
        2,
        head_dim=128,
        moe_intermediate_size=768,
        num_experts=32,
        num_experts_per_tok=8,
    ),
    "deepseek-v3": decoder(
        "deepseek_v3",
        1536,
        4096,
        16,
        16,
        32000,
        3,
        moe_intermediate_size=512,
        n_routed_experts=16,
        n_group=4,
        topk_group=2,
        num_experts_per_tok=4,
        n_shared_experts=1,
        first_k_dense_replace=1,
        **MLA,
    ),
    "gpt-oss": decoder(
        "gpt_oss", 1024, 1024, 16, 4, 201088, 2, head_dim=64, num_local_experts=8, num_experts_per_tok=2
    ),
    "gpt2": {"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 6, "vocab_size": 50257, "n_positions": 1024},
    "pythia-1b": {
        "model_type": "gpt_neox",
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_attention_heads": 8,
        "num_hidden_layers": 4,
        "vocab_size": 50304,
        "max_position_embeddings": 2048,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
    },
    "opt-1.3b": {
        "model_type": "opt",
        "hidden_size": 2048,
        "ffn_dim": 8192,
        "num_attention_heads": 32,
        "num_hidden_layers": 4,
        "vocab_size": 50272,
        "max_position_embeddings": 2048,
        "word_embed_proj_dim": 2048,
    },
    "falcon-7b": {
        "model_type": "falcon",
        "hidden_size": 4544,
        "num_attention_heads": 71,
        "num_hidden_layers": 2,
        "vocab_size": 65024,
        "multi_query": True,
        "parallel_attn": True,
        "bias": False,
        "alibi": False,
    },
    "bert-base": {"model_type": "bert", "num_hidden_layers": 6},
    "roberta-base": {
        "model_type": "roberta",
        "num_hidden_layers": 6,
        "vocab_size": 50265,
        "max_position_embeddings": 514,
    },
    "t5-base": {
        "model_type": "t5",
        "d_model": 768,
        "d_ff": 3072,
        "num_heads": 12,
        "num_layers": 4,
        "num_decoder_layers": 4,
        "vocab_size": 32128,
        "decoder_start_token_id": 0,
    },
    "bart-base": {
        "model_type": "bart",
        "d_model": 768,
        "encoder_layers": 4,
        "decoder_layers": 4,
        "encoder_attention_heads": 12,
        "decoder_attention_heads": 12,
        "encoder_ffn_dim": 3072,
        "decoder_ffn_dim": 3072,
        "vocab_size": 50265,
    },
    "vit-base": {"model_type": "vit", "num_hidden_layers": 6},
}
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
DEFAULTS: dict[str, Any] = {
    "auto": "AutoModelForCausalLM",
    "batch": 2,
    "seq": 1024,
    "dtype": "bfloat16",
    "adapter_dtype": "float32",
    "attention": "sdpa",
    "checkpointing": False,
    "padded": False,
    "logits_kept": False,
    "optimizer": "adamw_fused",
    "autocast": None,
    "quant": None,
    "kbit_prepare": True,
    "layers": None,
    "vocab": None,
    "accumulate": 1,
}


def lora(**rest: Any) -> dict[str, Any]:
    """Return a LoRA config of rank 16 on every linear layer."""
    return {"peft_type": "LORA", "r": 16, "lora_alpha": 32, "target_modules": "all-linear", **rest}


def run(name: str, model: str, adapter: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Return one run; what is not named has its default."""
    assert not settings.keys() - DEFAULTS.keys(), settings
    if adapter is None or (adapter.get("peft_type", "LORA") == "LORA" and adapter):
        adapter = {**lora(task_type="CAUSAL_LM"), **(adapter or {})}
    return {"name": name, "model": model, "adapter": adapter or None, **DEFAULTS, **settings}


CLASSES: dict[str, Any] = {"auto": "AutoModelForSequenceClassification"}
SMALL: dict[str, Any] = {"vocab": 512}  # no vocabulary to speak of: the block decides
RUNS = [
    run("llama-1b", "llama-3.2-1b"),
    run("llama-1b-checkpointing", "llama-3.2-1b", checkpointing=True),
    run("llama-1b-block", "llama-3.2-1b", **SMALL),
    run("llama-1b-block-checkpointing", "llama-3.2-1b", checkpointing=True, **SMALL),
    run("llama-1b-block-eager", "llama-3.2-1b", attention="eager", **SMALL),
    run("llama-1b-block-padded", "llama-3.2-1b", padded=True, **SMALL),
    run("llama-1b-nf4", "llama-3.2-1b", quant="nf4-dq", checkpointing=True),
    run("llama-1b-nf4-block", "llama-3.2-1b", quant="nf4", **SMALL),
    run("llama-1b-int8-block", "llama-3.2-1b", quant="int8", **SMALL),
    run("llama-1b-dora-block", "llama-3.2-1b", lora(use_dora=True, task_type="CAUSAL_LM"), **SMALL),
    run("llama-1b-dropout-block", "llama-3.2-1b", lora(lora_dropout=0.1, task_type="CAUSAL_LM"), **SMALL),
    run("llama-1b-base-dtype-block", "llama-3.2-1b", adapter_dtype="base", **SMALL),
    run("llama-1b-full-block", "llama-3.2-1b", {}, **SMALL),
    run("llama-1b-8bit-block", "llama-3.2-1b", {}, optimizer="adamw_8bit", **SMALL),
    run("llama-8b-full-layers", "llama-3.1-8b", checkpointing=True, layers=32, batch=2, seq=2048),
    run("llama-8b-nf4-full-layers", "llama-3.1-8b", quant="nf4-dq", checkpointing=True, layers=32, batch=1, seq=2048),
    run("qwen2-0.5b-full-layers", "qwen2.5-0.5b", layers=24, batch=4, seq=512),
    run(
        "llama-1b-short", "llama-3.2-1b", lora(r=64, task_type="CAUSAL_LM"), batch=1, seq=16, optimizer="adamw_foreach"
    ),
    run("llama-1b-autocast-float32", "llama-3.2-1b", dtype="float32", autocast="bfloat16", **SMALL),
    run("llama-1b-autocast", "llama-3.2-1b", autocast="bfloat16", **SMALL),
    run("llama-1b-float32", "llama-3.2-1b", dtype="float32", **SMALL),
    run("llama-2-float32", "llama-2-7b", dtype="float32", **SMALL),
    run("llama-1b-float16", "llama-3.2-1b", dtype="float16", **SMALL),
    run("mixtral-experts", "mixtral", **SMALL),
    run("mixtral-attention", "mixtral", lora(target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"), **SMALL),
    run(
        "mixtral-parameters",
        "mixtral",
        lora(
            target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
            target_modules=["q_proj"],
            task_type="CAUSAL_LM",
        ),
        **SMALL,
    ),
    run("qwen3-block", "qwen3-0.6b", **SMALL),
    run("qwen3-checkpointing-kept", "qwen3-0.6b", checkpointing=True, logits_kept=True),
    run(
        "qwen2-1.5b-eager-checkpointing",
        "qwen2.5-1.5b",
        attention="eager",
        checkpointing=True,
        optimizer="adamw_foreach",
        logits_kept=True,
    ),
    run("gemma2-eager", "gemma-2-2b", attention="eager", **SMALL),
    run("gemma2-loss", "gemma-2-2b", attention="eager", checkpointing=True),
    run("gemma3-block", "gemma-3-1b", **SMALL),
    run("gpt2", "gpt2", {"target_modules": ["c_attn", "c_proj", "c_fc"], "fan_in_fan_out": True}, batch=4),
    run("gpt2-eager-block", "gpt2", {"target_modules": ["c_attn"], "fan_in_fan_out": True}, attention="eager", **SMALL),
    run("bert-base", "bert-base", {"task_type": "SEQ_CLS"}, batch=8, seq=256, **CLASSES),
    run(
        "bert-base-eager-padded",
        "bert-base",
        {"task_type": "SEQ_CLS"},
        batch=8,
        seq=256,
        attention="eager",
        padded=True,
        **CLASSES,
    ),
    run("roberta-full", "roberta-base", {}, batch=8, seq=256, **CLASSES),
    run("t5-base", "t5-base", {"task_type": "SEQ_2_SEQ_LM"}, auto="AutoModelForSeq2SeqLM", seq=512),
    run("bart-base", "bart-base", {"task_type": "SEQ_2_SEQ_LM"}, auto="AutoModelForSeq2SeqLM", seq=512),
    run(
        "vit-base",
        "vit-base",
        {"task_type": None, "target_modules": ["q_proj", "v_proj"], "modules_to_save": ["classifier"]},
        auto="AutoModelForImageClassification",
        batch=16,
    ),
    run("phi3-block", "phi-3-mini", **SMALL),
    run("neox-block", "pythia-1b", **SMALL),
    run("starcoder2-block", "starcoder2-3b", **SMALL),
    run("olmo2-block", "olmo-2-1b", **SMALL),
    run("deepseek-block", "deepseek-v3", **SMALL),
    run("qwen3-moe-block", "qwen3-moe", **SMALL),
    run("gpt-oss-eager-block", "gpt-oss", attention="eager", **SMALL),
    run("falcon-block", "falcon-7b", **SMALL),
    run("opt-block", "opt-1.3b", **SMALL),
    run("cohere-block", "cohere", **SMALL),
    run("granite-block", "granite-2b", **SMALL),
    run("glm4-block", "glm4-9b", **SMALL),
    run("smollm3-block", "smollm3-3b", **SMALL),
    run(
        "llama-1b-adafactor", "llama-3.2-1b", lora(r=64, task_type="CAUSAL_LM"), batch=1, seq=16, optimizer="adafactor"
    ),
    run(
        "llama-1b-paged-8bit",
        "llama-3.2-1b",
        lora(r=64, task_type="CAUSAL_LM"),
        batch=1,
        seq=16,
        optimizer="paged_adamw_8bit",
    ),
    run(
        "llama-1b-8bit-short",
        "llama-3.2-1b",
        lora(r=64, task_type="CAUSAL_LM"),
        batch=1,
        seq=16,
        optimizer="adamw_8bit",
    ),
    run(
        "llama-1b-sgd-copies", "llama-3.2-1b", lora(modules_to_save=["lm_head"], task_type="CAUSAL_LM"), optimizer="sgd"
    ),
    run(
        "llama-1b-embeddings",
        "llama-3.2-1b",
        lora(target_modules=["q_proj", "embed_tokens"], task_type="CAUSAL_LM"),
        **SMALL,
    ),
    run("llama-8b-block", "llama-3.1-8b", seq=4096, batch=1, **SMALL),
    run("mistral-nf4-unprepared", "mistral-7b", quant="nf4", kbit_prepare=False, **SMALL),
    run("llama-1b-int8-checkpointing", "llama-3.2-1b", quant="int8", checkpointing=True),
    run("llama-1b-int8-unprepared", "llama-3.2-1b", quant="int8", kbit_prepare=False, **SMALL),
    run("llama-1b-nf4-dora", "llama-3.2-1b", lora(use_dora=True, task_type="CAUSAL_LM"), quant="nf4", **SMALL),
    run(
        "llama-1b-loha",
        "llama-3.2-1b",
        {"peft_type": "LOHA", "r": 8, "alpha": 8, "target_modules": ALL, "task_type": "CAUSAL_LM"},
        **SMALL,
    ),
    run(
        "llama-1b-lokr",
        "llama-3.2-1b",
        {"peft_type": "LOKR", "r": 8, "alpha": 8, "target_modules": ALL, "task_type": "CAUSAL_LM"},
        **SMALL,
    ),
    run(
        "llama-1b-ia3",
        "llama-3.2-1b",
        {
            "peft_type": "IA3",
            "target_modules": ["k_proj", "v_proj", "down_proj"],
            "feedforward_modules": ["down_proj"],
            "task_type": "CAUSAL_LM",
        },
        **SMALL,
    ),
    run(
        "llama-1b-vera",
        "llama-3.2-1b",
        {"peft_type": "VERA", "r": 64, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"},
        **SMALL,
    ),
    run(
        "llama-1b-oft",
        "llama-3.2-1b",
        {"peft_type": "OFT", "oft_block_size": 32, "target_modules": ALL, "task_type": "CAUSAL_LM"},
        **SMALL,
    ),
    run(
        "llama-1b-prompt",
        "llama-3.2-1b",
        {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 16, "task_type": "CAUSAL_LM"},
        **SMALL,
    ),
    run(
        "llama-1b-prefix",
        "llama-3.2-1b",
        {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 16, "task_type": "CAUSAL_LM"},
        **SMALL,
    ),
]
