"""Whisper: `transformers.models.whisper`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.kin.bart import stack_layers
from lora_cli.models.parts.layers import Node, Nodes, Skeleton, convolution, embedding, linear, norm, parameter, under

# Of the two names the newer one wins, as in transformers' attribute_map.
hidden = size("hidden_size", 384, "d_model")
vocabulary = size("vocab_size", 51865)


def layers(config: Config, side: str) -> Iterator[Node]:
    """Build the layers of one stack and its last norm; keys have no bias."""
    d = hidden(config)
    yield from stack_layers(config, side, d, layers=4, heads=6, inner=1536, key_bias=False)
    yield from norm("layer_norm", d, bias=True)


def encoder(config: Config) -> Iterator[Node]:
    """Build `WhisperEncoder`, whose convolutions go over 3 frames."""
    d = hidden(config)
    yield from convolution("conv1", config.size("num_mel_bins", default=80), d, 3)
    yield from convolution("conv2", d, d, 3)
    yield from embedding("embed_positions", config.size("max_source_positions", default=1500), d)
    yield from layers(config, "encoder")


def decoder(config: Config) -> Iterator[Node]:
    """Build `WhisperDecoder`."""
    d = hidden(config)
    yield from embedding("embed_tokens", vocabulary(config), d)
    yield from embedding("embed_positions", config.size("max_target_positions", default=448), d)
    yield from layers(config, "decoder")


def bare(config: Config) -> Skeleton:
    """Build `WhisperModel`."""
    nodes = [*under("encoder", encoder(config)), *under("decoder", decoder(config))]
    return Skeleton(nodes, embeddings="decoder.embed_tokens")


def headed(config: Config, nodes: Nodes) -> Skeleton:
    """Build `nodes` below the language-model head, which is tied unless config.json says otherwise."""
    embeddings = "model.decoder.embed_tokens"
    head = linear("proj_out", hidden(config), vocabulary(config))
    tied = config.flag("tie_word_embeddings", default=True)
    ties = {"proj_out.weight": f"{embeddings}.weight"} if tied else {}
    return Skeleton([*under("model", nodes), *head], ties, "proj_out", embeddings)


def generation(config: Config) -> Skeleton:
    """Build `WhisperForConditionalGeneration`."""
    return headed(config, bare(config).nodes)


def causal(config: Config) -> Skeleton:
    """Build `WhisperForCausalLM`: only the decoder."""
    return headed(config, under("decoder", decoder(config)))


def audio(config: Config) -> Skeleton:
    """Build `WhisperForAudioClassification`: only the encoder, whose first convolution takes the input."""
    d = hidden(config)
    count = config.layers("num_hidden_layers", "encoder_layers", default=4)
    weighted = config.flag("use_weighted_layer_sum", default=False)
    width = config.size("classifier_proj_size", default=256)
    nodes = [
        *(parameter("layer_weights", count + 1) if weighted else ()),
        *under("encoder", encoder(config)),
        *linear("projector", d, width, bias=True),
        *linear("classifier", width, config.labels(), bias=True),
    ]
    return Skeleton(nodes, embeddings="encoder.conv1")


FAMILY = Family(
    "whisper",
    {
        "WhisperForConditionalGeneration": generation,
        "WhisperModel": bare,
        "WhisperForCausalLM": causal,
        "WhisperForAudioClassification": audio,
    },
    PromptSizes(hidden=384, layers=4, heads=6),
)
