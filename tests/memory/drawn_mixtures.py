"""Random configs of mixtures of experts beside Mixtral, Qwen3's, DeepSeek V3 and gpt-oss."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.memory.drawn_decoder import Fields, coin, decoder


def chosen(random: Random, *names: str) -> Fields:
    """Return how many experts there are and how many a token is sent to, by their names."""
    return {names[0]: random.choice([4, 8, 16]), names[1]: random.choice([1, 2, 4])}


def qwen2_moe(random: Random) -> Fields:
    """Draw a gated expert that every token takes, now and then windows and dense layers."""
    config = decoder(random, own_head_size=False, use_sliding_window=coin(random), sliding_window=128)
    sizes = {"moe_intermediate_size": 8 * random.randint(8, 64), "shared_expert_intermediate_size": 1000}
    rest = {"norm_topk_prob": coin(random), "decoder_sparse_step": random.choice([1, 1, 2])}
    return config | sizes | rest | chosen(random, "num_experts", "num_experts_per_tok")


def olmoe(random: Random) -> Fields:
    """Draw norms of whole q and k, and bounds."""
    config = decoder(random, own_head_size=False, clip_qkv=random.choice([None, 8.0]))
    return config | {"norm_topk_prob": coin(random)} | chosen(random, "num_experts", "num_experts_per_tok")


def beside_shared(random: Random, config: Fields) -> Fields:
    """Add DeepSeek's experts, the first layer dense or not."""
    experts = {"n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": random.choice([1, 2])}
    groups = {"n_group": random.choice([1, 2]), "topk_group": 1, "first_k_dense_replace": random.choice([0, 1])}
    return config | experts | groups | {"moe_intermediate_size": 8 * random.randint(8, 64)}


def latent(random: Random) -> Fields:
    """Draw latent attention."""
    config = decoder(random, own_head_size=False, grouped=False)
    ranks = {"q_lora_rank": random.choice([None, 96, 192]), "kv_lora_rank": random.choice([64, 128])}
    widths = {"qk_nope_head_dim": random.choice([32, 64]), "qk_rope_head_dim": 32, "v_head_dim": 64}
    return beside_shared(random, config | ranks | widths | {"num_key_value_heads": config["num_attention_heads"]})


def deepseek_v2(random: Random) -> Fields:
    """Draw both ways of choosing experts."""
    return latent(random) | {"topk_method": random.choice(["greedy", "group_limited_greedy"])}


def glm4_moe(random: Random) -> Fields:
    """Draw norms of q and k or none, rotation of a half."""
    return beside_shared(random, decoder(random, use_qk_norm=coin(random), attention_bias=coin(random)))


def glm4_moe_lite(random: Random) -> Fields:
    """Draw latent attention."""
    return latent(random)


def dots1(random: Random) -> Fields:
    """Draw windows in the upper layers now and then."""
    window = random.choice([None, 128])
    return beside_shared(random, decoder(random, sliding_window=window, max_window_layers=1))


def granitemoe(random: Random) -> Fields:
    """Draw multipliers at every sum."""
    config = decoder(random, own_head_size=False, residual_multiplier=0.2, embedding_multiplier=12.0)
    return config | chosen(random, "num_local_experts", "num_experts_per_tok")


def ernie4_5_moe(random: Random) -> Fields:
    """Draw shared experts or none, the first layer dense or not."""
    first, shared = random.choice([0, 1]), random.choice([0, 1, 2])
    config = decoder(random, moe_num_shared_experts=shared, moe_layer_start_index=first)
    config |= {"moe_intermediate_size": 8 * random.randint(8, 64)}
    return config | chosen(random, "moe_num_experts", "moe_k")


def minimax_m2(random: Random) -> Fields:
    """Draw norms of whole q and k, rotation of a part."""
    return decoder(random, rotary_dim=32) | chosen(random, "num_local_experts", "num_experts_per_tok")


MIXTURES: dict[str, Callable[[Random], Fields]] = {
    make.__name__: make
    for make in (
        *(qwen2_moe, olmoe, deepseek_v2, glm4_moe, glm4_moe_lite, dots1, granitemoe, ernie4_5_moe, minimax_m2),
    )
}
