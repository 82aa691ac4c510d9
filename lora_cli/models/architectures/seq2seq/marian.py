"""Marian and the OPUS translators: `transformers.models.marian`."""

from __future__ import annotations

from lora_cli.models.architectures.seq2seq.bart import FAMILY as BART
from lora_cli.models.architectures.seq2seq.bart import Stack, decoder_only, hidden, is_tied
from lora_cli.models.config import Config, flag, size
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.bart import positions
from lora_cli.models.parts.layers import Skeleton, embedding, linear, under

vocabulary = size("vocab_size", 58101)
# Whether both languages have one vocabulary.
is_shared = flag("share_encoder_decoder_embeddings", default=True)
STACK = Stack(positions, ())
SIDES = ("encoder", "decoder")


def target(config: Config) -> int:
    """Return the size of the decoder's vocabulary; null means that of the encoder's."""
    default = 58101 if "decoder_vocab_size" not in config.fields else vocabulary(config)
    return config.number("decoder_vocab_size", default=default) or vocabulary(config)


def bare(config: Config) -> Skeleton:
    """Build `MarianModel`."""
    shared = is_shared(config)
    nodes = [
        *(embedding("shared", vocabulary(config), hidden(config)) if shared else ()),
        *under("encoder", STACK.build(config, "encoder", vocabulary(config))),
        *under("decoder", STACK.build(config, "decoder", target(config))),
    ]
    ties = {f"{side}.embed_tokens.weight": "shared.weight" for side in SIDES} if shared and is_tied(config) else {}
    return Skeleton(nodes, ties, embeddings="encoder.embed_tokens")


def translation(config: Config) -> Skeleton:
    """Build `MarianMTModel`."""
    body, shared = bare(config), is_shared(config)
    words = vocabulary(config) if shared else target(config)
    ties = {f"model.{name}": f"model.{source}" for name, source in body.tied.items()}
    if is_tied(config):
        ties["lm_head.weight"] = f"model.{'shared' if shared else 'decoder.embed_tokens'}.weight"
    nodes = [*under("model", body.nodes), *linear("lm_head", hidden(config), words)]
    unsaved = frozenset(f"model.{side}.embed_positions.weight" for side in SIDES)
    return Skeleton(nodes, ties, "lm_head", "model.encoder.embed_tokens", unsaved)


def causal(config: Config) -> Skeleton:
    """Build `MarianForCausalLM`: only the decoder."""
    return decoder_only(config, STACK.build(config, "decoder", target(config)), vocabulary(config))


FAMILY = Family(
    "marian",
    {"MarianMTModel": translation, "MarianModel": bare, "MarianForCausalLM": causal},
    BART.sizes,
)
