"""The peak of a step is PyTorch's: figures from PyTorch 2.13.0 on fake tensors, with transformers 5.23.0 and PEFT 0.21.2."""

from __future__ import annotations

import pytest

from lora_cli.analysis.count.count_plan import make_plan
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.step import replay
from lora_cli.analysis.memory.training import Training
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

LLAMA = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "num_hidden_layers": 2,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
}
ALL = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 16, "target_modules": "all-linear"}


@pytest.mark.parametrize(
    ("training", "peak", "phase"),
    [
        (Training(2, 512, checkpointing=False), 2685868032, "backward"),
        (Training(2, 512), 2378493952, "backward"),
    ],
)
def test_a_step_of_llama_peaks_as_in_pytorch(training: Training, peak: int, phase: str) -> None:
    """LoRA on all Linears of two Llama blocks; the difference is that of a few scalars."""
    model = read_config(Config(LLAMA), "llama")
    config, _ = read_adapter_config(Config(ALL))
    step = replay(Setup(model, make_plan(model, config)), training)
    assert step.peak_bytes == pytest.approx(peak, rel=1e-5)
    assert step.peak_phase == phase
