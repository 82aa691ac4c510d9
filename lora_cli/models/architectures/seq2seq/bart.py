"""BART: `transformers.models.bart`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from lora_cli.models.config import Config, flag, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.heads import classification_head
from lora_cli.models.parts.kin.bart import offset_positions, stack_layers
from lora_cli.models.parts.layers import Build, Nodes, Skeleton, embedding, linear, norm, under

# Of the two names the newer one wins, as in transformers' attribute_map.
hidden = size("hidden_size", 1024, "d_model")
vocabulary = size("vocab_size", 50265)
# Whether what takes and what gives the vocabulary share one weight.
is_tied = flag("tie_word_embeddings", default=True)


class Stack(NamedTuple):
    """What differs between the stacks of BART and its kin: their positions, and their norms around the layers."""

    positions: Callable[[Config, int], Nodes]
    norms: tuple[str, ...]

    def build(self, config: Config, side: str, vocabulary: int) -> Nodes:
        """Build `BartEncoder` or `BartDecoder`."""
        d = hidden(config)
        return [
            *embedding("embed_tokens", vocabulary, d),
            *self.positions(config, d),
            *stack_layers(config, side, d, layers=12, heads=16, inner=4096),
            *(node for name in self.norms for node in norm(name, d, bias=True)),
        ]


def classes(
    stem: str, stack: Stack, vocabulary: Callable[[Config], int], *, tasks: Iterable[str] = (), labels: int = 2
) -> dict[str, Build]:
    """Return the classes of BART or its kin, by name. `tasks` selects some, `labels` is the default of their number."""

    def bare(config: Config) -> Skeleton:
        words = vocabulary(config)
        nodes = [
            *embedding("shared", words, hidden(config)),
            *under("encoder", stack.build(config, "encoder", words)),
            *under("decoder", stack.build(config, "decoder", words)),
        ]
        ties = {f"{side}.embed_tokens.weight": "shared.weight" for side in ("encoder", "decoder")}
        return Skeleton(nodes, ties if is_tied(config) else {}, embeddings="shared")

    def headed(config: Config, head: Nodes) -> Skeleton:
        body = bare(config)
        ties = {f"model.{name}": f"model.{source}" for name, source in body.tied.items()}
        return Skeleton([*under("model", body.nodes), *head], ties, embeddings="model.shared")

    def generation(config: Config) -> Skeleton:
        built = headed(config, linear("lm_head", hidden(config), vocabulary(config)))
        ties = {**built.tied, "lm_head.weight": "model.shared.weight"} if is_tied(config) else {}
        return built._replace(tied=ties, output="lm_head")

    def sequences(config: Config) -> Skeleton:
        return headed(config, classification_head(hidden(config), config.labels(default=labels)))

    def questions(config: Config) -> Skeleton:
        return headed(config, linear("qa_outputs", hidden(config), 2, bias=True))

    def causal(config: Config) -> Skeleton:
        return decoder_only(config, stack.build(config, "decoder", vocabulary(config)), vocabulary(config))

    built = {
        "ForConditionalGeneration": generation,
        "Model": bare,
        "ForSequenceClassification": sequences,
        "ForQuestionAnswering": questions,
        "ForCausalLM": causal,
    }
    return {f"{stem}{task}": built[task] for task in tasks or built}


def decoder_only(config: Config, nodes: Nodes, vocabulary: int) -> Skeleton:
    """Build the decoder below the language-model head."""
    embeddings = "model.decoder.embed_tokens"
    head = linear("lm_head", hidden(config), vocabulary)
    ties = {"lm_head.weight": f"{embeddings}.weight"} if is_tied(config) else {}
    return Skeleton([*under("model.decoder", nodes), *head], ties, "lm_head", embeddings)


FAMILY = Family(
    "bart",
    classes("Bart", Stack(offset_positions, ("layernorm_embedding",)), vocabulary, labels=3),
    PromptSizes(hidden=1024, layers=12, heads=16),
)
