"""Random configs of every family that has a replay: widths, heads, groups, vocabularies and each family's own switches."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.memory.drawn_composites import COMPOSITES
from tests.memory.drawn_decoder import DROPOUTS, Fields, coin, decoder, widths
from tests.memory.drawn_mixtures import MIXTURES


def llama(random: Random) -> Fields:
    """Draw Llama with and without biases."""
    return decoder(random, attention_bias=coin(random), mlp_bias=random.random() < 0.3)


def mistral(random: Random) -> Fields:
    """Draw a window that is none, wider or narrower than the batch is long."""
    return decoder(random, sliding_window=random.choice([None, None, 100, 256, 4096]))


def qwen2(random: Random) -> Fields:
    """Draw now and then with windows in the upper layers."""
    window = random.random() < 0.3
    return decoder(random, own_head_size=False, use_sliding_window=window, sliding_window=128, max_window_layers=1)


def qwen3(random: Random) -> Fields:
    """Draw norms of q and k."""
    return decoder(random, attention_bias=random.random() < 0.3)


def gemma(random: Random) -> Fields:
    """Draw GELU, and a head that is the embedding."""
    return decoder(random, tie_word_embeddings=True, hidden_activation=random.choice(["gelu_pytorch_tanh", "gelu"]))


def gemma2(random: Random) -> Fields:
    """Draw soft caps, windows in every other layer, four norms."""
    config = decoder(random, sliding_window=random.choice([128, 4096]), tie_word_embeddings=True)
    caps = {
        "attn_logit_softcapping": random.choice([None, 50.0]),
        "final_logit_softcapping": random.choice([None, 30.0]),
    }
    return config | caps | {"query_pre_attn_scalar": config["head_dim"]}


def gemma3_text(random: Random) -> Fields:
    """Draw norms of q and k, windows in most layers."""
    config = decoder(random, sliding_window=random.choice([128, 512, 4096]), tie_word_embeddings=True)
    kinds = random.choices(["sliding_attention", "full_attention"], k=config["num_hidden_layers"])
    return config | {"query_pre_attn_scalar": config["head_dim"], "layer_types": kinds}


def phi3(random: Random) -> Fields:
    """Draw fused projections, rotation of a part of a head."""
    drops = {"resid_pdrop": random.choice(DROPOUTS), "embd_pdrop": random.choice(DROPOUTS)}
    part = random.choice([1.0, 1.0, 0.5])
    rope = {"rope_theta": 10000.0, "rope_type": "default", "partial_rotary_factor": part}
    return decoder(random, own_head_size=False, rope_parameters=rope, sliding_window=None, **drops)


def olmo2(random: Random) -> Fields:
    """Draw norms behind, and of whole q and k."""
    return decoder(random, own_head_size=False, attention_bias=random.random() < 0.3)


def starcoder2(random: Random) -> Fields:
    """Draw LayerNorm, a plain feed-forward, dropouts."""
    drops = {name: random.choice(DROPOUTS) for name in ("residual_dropout", "embedding_dropout")}
    window = random.choice([None, 128, 4096])
    return decoder(random, own_head_size=False, use_bias=coin(random), sliding_window=window, **drops)


def granite(random: Random) -> Fields:
    """Draw multipliers at every sum."""
    names = ("embedding_multiplier", "logits_scaling", "residual_multiplier")
    scales = {name: random.choice([1.0, 2.0]) for name in names} | {"attention_multiplier": 0.125}
    return decoder(random, own_head_size=False, attention_bias=coin(random), mlp_bias=coin(random), **scales)


def cohere(random: Random) -> Fields:
    """Draw attention and feed-forward side by side, a scaled head."""
    switches = {"use_qk_norm": coin(random), "attention_bias": coin(random), "logit_scale": 0.0625}
    return decoder(random, own_head_size=False, **switches)


def glm4(random: Random) -> Fields:
    """Draw a fused gate, four norms, rotation of a half."""
    rope = {"rope_theta": 10000.0, "rope_type": "default", "partial_rotary_factor": 0.5}
    return decoder(random, attention_bias=coin(random), rope_parameters=rope)


def smollm3(random: Random) -> Fields:
    """Draw some layers without positions."""
    return decoder(random, own_head_size=False, no_rope_layer_interval=random.choice([2, 4]), use_sliding_window=False)


def mixtral(random: Random) -> Fields:
    """Draw experts in every layer."""
    experts = random.choice([4, 8])
    window = random.choice([None, None, 128])
    return decoder(random, own_head_size=False, num_local_experts=experts, num_experts_per_tok=2, sliding_window=window)


def qwen3_moe(random: Random) -> Fields:
    """Draw small experts, now and then a dense layer."""
    sizes = {"num_experts": random.choice([8, 16]), "num_experts_per_tok": random.choice([1, 2, 4])}
    dense = {"mlp_only_layers": random.choice([[], [], [0]]), "norm_topk_prob": coin(random)}
    return decoder(random, moe_intermediate_size=8 * random.randint(8, 64), **sizes, **dense)


def deepseek_v3(random: Random) -> Fields:
    """Draw latent attention, shared and grouped experts, the first layer dense."""
    config = decoder(random, own_head_size=False, grouped=False)
    config |= {"num_key_value_heads": config["num_attention_heads"], "first_k_dense_replace": random.choice([0, 1])}
    ranks = {"q_lora_rank": random.choice([None, 96, 192]), "kv_lora_rank": random.choice([64, 128])}
    heads = {"qk_nope_head_dim": random.choice([32, 64]), "qk_rope_head_dim": 32, "v_head_dim": random.choice([32, 64])}
    experts = {"n_routed_experts": 8, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2, "n_shared_experts": 1}
    return config | ranks | heads | experts | {"moe_intermediate_size": 8 * random.randint(8, 64)}


def gpt_oss(random: Random) -> Fields:
    """Draw sinks, experts with biases, windows in every other layer."""
    experts = {"num_local_experts": random.choice([4, 8]), "num_experts_per_tok": 2}
    return decoder(random, sliding_window=random.choice([128, 4096]), **experts)


def gpt2(random: Random) -> Fields:
    """Draw learnt positions, Conv1D, dropouts everywhere."""
    w = widths(random)
    drops = {name: random.choice(DROPOUTS) for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop")}
    sizes = {"n_embd": 8 * w["heads"] * random.randint(2, 8), "n_head": w["heads"], "n_layer": w["layers"]}
    inner = {"n_inner": random.choice([None, w["f"]]), "n_positions": 2048, "vocab_size": w["vocab"]}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    return sizes | inner | drops | ends | {"activation_function": random.choice(["gelu_new", "gelu", "relu"])}


def gpt_neox(random: Random) -> Fields:
    """Draw fused q, k and v; parallel or not; rotation of a part."""
    drops = {name: random.choice(DROPOUTS) for name in ("hidden_dropout", "attention_dropout")}
    part = random.choice([0.25, 0.5, 1.0])
    rope = {"rope_theta": 10000.0, "rope_type": "default", "partial_rotary_factor": part}
    switches = {"use_parallel_residual": coin(random), "attention_bias": coin(random), "rope_parameters": rope}
    return decoder(random, own_head_size=False, grouped=False, **drops, **switches)


def opt(random: Random) -> Fields:
    """Draw learnt positions, biases, norms before or behind."""
    w = widths(random)
    h = 8 * w["heads"] * random.randint(2, 8)
    switches = {"do_layer_norm_before": random.random() < 0.8, "enable_bias": random.random() < 0.8}
    drops = {"dropout": random.choice(DROPOUTS), "attention_dropout": random.choice(DROPOUTS)}
    sizes = {"hidden_size": h, "word_embed_proj_dim": random.choice([h, h, 8 * random.randint(8, 64)])}
    heads = {"num_attention_heads": w["heads"], "num_hidden_layers": w["layers"], "ffn_dim": w["f"]}
    return sizes | heads | switches | drops | {"vocab_size": w["vocab"], "max_position_embeddings": 4096}


def falcon(random: Random) -> Fields:
    """Draw one or more groups of fused q, k and v; one norm or two; rotation or slopes."""
    w = widths(random)
    new = coin(random)
    switches = {"new_decoder_architecture": new, "parallel_attn": new or coin(random), "bias": coin(random)}
    switches |= {"multi_query": new or coin(random), "alibi": random.random() < 0.2}
    drops = {"hidden_dropout": random.choice(DROPOUTS), "attention_dropout": 0.0}
    sizes = {"hidden_size": 8 * w["heads"] * random.randint(2, 8), "num_attention_heads": w["heads"]}
    sizes |= {"num_kv_heads": w["groups"], "num_hidden_layers": w["layers"], "vocab_size": w["vocab"]}
    return sizes | switches | drops | {"ffn_hidden_size": w["f"]}


def bert(random: Random) -> Fields:
    """Draw an encoder with dropouts."""
    w = widths(random, 16)
    drops = {name: random.choice(DROPOUTS) for name in ("hidden_dropout_prob", "attention_probs_dropout_prob")}
    sizes = {"hidden_size": 8 * w["heads"] * random.randint(4, 10), "intermediate_size": w["f"]}
    heads = {"num_attention_heads": w["heads"], "num_hidden_layers": w["layers"], "vocab_size": w["vocab"]}
    rest = {"max_position_embeddings": 2050, "num_labels": random.choice([2, 9]), "pad_token_id": 0}
    return sizes | heads | drops | rest | {"hidden_act": random.choice(["gelu", "gelu", "relu"])}


def t5(random: Random) -> Fields:
    """Draw an encoder and a decoder with relative positions, the feed-forward gated or not."""
    w = widths(random, 16)
    sizes = {"d_model": w["h"], "d_ff": w["f"], "num_heads": w["heads"], "d_kv": random.choice([32, 64])}
    layers = {"num_layers": w["layers"], "num_decoder_layers": random.randint(2, 4), "vocab_size": w["vocab"]}
    kind = {"feed_forward_proj": random.choice(["relu", "gated-gelu"]), "dropout_rate": random.choice(DROPOUTS)}
    return sizes | layers | kind | {"decoder_start_token_id": 0, "tie_word_embeddings": coin(random)}


def vit(random: Random) -> Fields:
    """Draw patches of an image."""
    w = widths(random, 16)
    drops = {name: random.choice(DROPOUTS) for name in ("hidden_dropout_prob", "attention_probs_dropout_prob")}
    sizes = {"hidden_size": 8 * w["heads"] * random.randint(4, 10), "intermediate_size": w["f"]}
    image = {"image_size": random.choice([96, 224, 384]), "patch_size": random.choice([16, 32])}
    heads = {"num_attention_heads": w["heads"], "num_hidden_layers": w["layers"], "qkv_bias": coin(random)}
    return sizes | image | heads | drops | {"num_labels": random.choice([2, 10, 1000])}


FAMILIES: dict[str, Callable[[Random], Fields]] = {
    make.__name__: make
    for make in (
        *(llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text, phi3, olmo2, starcoder2, gpt2, gpt_neox, opt),
        *(falcon, cohere, granite, glm4, smollm3, mixtral, qwen3_moe, deepseek_v3, gpt_oss, bert, t5, vit),
    )
} | {"roberta": bert, **MIXTURES, **COMPOSITES}
TASKS: dict[str, tuple[str, ...]] = {
    "bert": ("SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"),
    "roberta": ("SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"),
    "t5": ("SEQ_2_SEQ_LM",),
    "vit": ("IMAGE_CLS",),
}


def drawn_config(family: str, random: Random) -> Fields:
    """Return a random config of a family."""
    return {"model_type": family} | FAMILIES[family](random)
