"""Qwen3-ASR, which writes what it hears: `transformers.models.qwen3_asr`."""

from __future__ import annotations

from lora_cli.models.architectures.audio.qwen3_asr_encoder import encoder_config
from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, under
from lora_cli.models.parts.projectors import PROJECTOR, two_linears

TEXT = {
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "tie_word_embeddings": True,
}


def projector(_config: Config, tower: Config, _text: Config) -> Nodes:
    """Build `Qwen3ASRMultiModalProjector`."""
    d, h = encoder_config(tower).size("d_model", default=1024), tower.size("output_dim", default=3584)
    return under(PROJECTOR, two_linears(d, d, h))


def _token_bias(config: Config) -> bool:
    return config.flag("token_classification_bias", default=False)


PARTS = Composite(
    text=Section(name="text_config", model_type="qwen3", missing=TEXT),
    towers=[Tower("audio_tower", Section(name="audio_config", model_type="qwen3_asr_encoder"), projector)],
)
TOKENS = {"Qwen3ASRForTokenClassification": PARTS.classified("Token", bias=_token_bias)}
FAMILY = PARTS.family("qwen3_asr", "Qwen3ASR", tied=own_ties, more=TOKENS)
