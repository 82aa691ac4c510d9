"""Which modules of a family get slots, and of which kind: rules as data, from vLLM 0.33.0.

`LoRAModelManager._create_lora_modules` in `vllm/lora/model_manager.py` wraps every linear layer and every mixture's
experts, whether an adapter targets it or not, and those embeddings that the model's class names as
`embedding_modules`. The rules of a family are those of its class in `vllm/model_executor/models`; families that vLLM
runs by its backend for transformers have none here.
"""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.analysis.memory.serving.layers import Layer, column, fused_attention, halves, keys, row, whole

Rules = dict[str, Layer]

# The fused experts of a mixture: an A for each of the two matrices in the first (`FusedMoEWithLoRA` in
# `vllm/lora/layers/fused_moe.py`).
EXPERTS: Rules = {"experts.gate_up_proj": halves, "experts.down_proj": row}
ATTENTION: Rules = {"q_proj": column, "k_proj": keys, "v_proj": keys, "o_proj": row}
DENSE: Rules = ATTENTION | {"gate_proj": column, "up_proj": column, "down_proj": row}
MIXTURE: Rules = ATTENTION | EXPERTS | {"gate": whole}
EMBEDDINGS: Rules = {"embed_tokens": whole}
WORDS: Rules = EMBEDDINGS | {"lm_head": whole}
SHARED_EXPERT: Rules = {"gate_proj": column, "up_proj": column, "down_proj": row, "shared_expert_gate": whole}

FAMILIES: Mapping[str, Rules] = {
    "apertus": ATTENTION | {"up_proj": column, "down_proj": row} | WORDS,
    "cohere": DENSE | EMBEDDINGS,
    "cohere2": DENSE | EMBEDDINGS,
    "ernie4_5": DENSE | WORDS,
    "exaone4": DENSE | WORDS,
    "gemma": DENSE,
    "gemma2": DENSE,
    "gemma3_text": DENSE,
    "glm4": ATTENTION | {"gate_up_proj": halves, "down_proj": row},
    "granite": DENSE | WORDS,
    "granitemoe": ATTENTION | EXPERTS | {"router": whole} | WORDS,
    "llama": DENSE | WORDS,
    "mistral": DENSE,
    "mixtral": MIXTURE | WORDS,
    "olmoe": MIXTURE,
    "opt": {
        "q_proj": column,
        "k_proj": keys,
        "v_proj": keys,
        "out_proj": row,
        "fc1": column,
        "fc2": row,
        "project_in": whole,
        "project_out": whole,
    },
    "phi3": {"qkv_proj": fused_attention, "o_proj": row, "gate_up_proj": column, "down_proj": row} | WORDS,
    "qwen2": DENSE,
    "qwen2_moe": MIXTURE | SHARED_EXPERT,
    "qwen3": DENSE | WORDS,
    "qwen3_moe": MIXTURE | DENSE | WORDS,
}
# The families whose classes there do not have `SupportsLoRA`.
WITHOUT_LORA = frozenset(
    {"bloom", "dbrx", "falcon", "gemma3n_text", "gpt2", "gptj", "mamba", "mamba2", "stablelm", "zamba2"}
)
# The largest vocabulary that the output may have (`LogitsProcessorWithLoRA.create_lora_weights`).
LARGEST_OUTPUT = 258048
# The families that vLLM refuses to run in float16 (`_FLOAT16_NOT_SUPPORTED_MODELS` in `vllm/config/model.py`).
NEVER_FLOAT16 = frozenset({"gemma2", "gemma3_text", "glm4"})
