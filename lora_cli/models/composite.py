"""Models of several parts: a text decoder, the towers that see or hear, and the projectors between them.

A section of config.json describes each part, and the family of its model type builds it, as transformers' AutoModel
does (`SubConfigSpec` in transformers/configuration_utils.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.nodes import Module
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import LANGUAGE_MODEL, Build, Node, Nodes, Skeleton, hollow, linear, under
from lora_cli.models.parts.passes.class_heads import scores_next_token
from lora_cli.models.registry import body, family, hidden_size

# A field of config.json itself, also where it is flat: a text section has one of its own.
TIED = "tie_word_embeddings"
# The heads of composites by the endings of their classes' names.
HEADS = {"ForConditionalGeneration": scores_next_token}
# Where PEFT finds no sizes, because no part of config.json has them by a name that it looks for.
NO_SIZES = PromptSizes(
    hidden=None,
    layers=None,
    heads=None,
    has_vocabulary=False,
    hidden_names=(),
    layers_names=(),
    heads_names=(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of config.json and the part of the model that it describes.

    The section's `model_type` finds its family. The one declared here is for a section that names none, or for any
    section if it is `fixed`. Without a section its fields are `missing`, which a `completed` one has beside its own, or
    those of config.json itself if it may be `flat`; a part that is `optional` is then left out.

    A part is the body of its family, or if it is `headed` the class with a head; `build` is for a part that is not a
    family by itself.
    """

    name: str
    model_type: str = ""
    missing: Mapping[str, Any] = field(default_factory=dict)
    fixed: bool = False
    flat: bool = False
    optional: bool = False
    headed: bool = False
    completed: bool = False
    build: Build | None = None

    def of(self, config: Config) -> Config:
        """Return the config of the part, with its model type."""
        own = config.section(self.name)
        if config.fields.get(self.name) is None:
            flat = {name: value for name, value in config.fields.items() if name != TIED}
            own = Config(flat, config.source) if self.flat else Config(self.missing, own.source)
        elif self.completed:
            own = Config({**self.missing, **own.fields}, own.source)
        kept = self.fixed or "model_type" not in own.fields
        return Config({**own.fields, "model_type": self.model_type}, own.source) if kept else own

    def is_left_out(self, config: Config) -> bool:
        """Whether the model does not have the part."""
        return self.optional and config.fields.get(self.name) is None

    def body(self, config: Config) -> Skeleton:
        """Return the part itself."""
        own = self.of(config)
        return self.build(own) if self.build else body(own, headed=self.headed)


class Tower(NamedTuple):
    """A tower by its name in the model, and what connects it to the text: nodes that stand beside it.

    `projector` builds them from the model's config, the tower's and that of the text.
    """

    name: str
    section: Section
    projector: Callable[[Config, Config, Config], Nodes] = lambda _config, _tower, _text: ()


def text_ties(config: Config) -> bool:
    """Whether a text decoder by itself would tie its head."""
    default = config.fields.get(TIED) is None
    causal = next(iter(family(config.text("model_type", default="")).classes.values()))
    return bool(causal(config).tied) if default else config.flag(TIED, default=False)


def own_ties(config: Config, _text: Config) -> bool:
    """Whether config.json itself ties the head; by default it does."""
    return config.flag(TIED, default=True)


def untied(config: Config, _text: Config) -> bool:
    """Whether config.json itself ties the head; by default it does not."""
    return config.flag(TIED, default=False)


def never_tied(_config: Config, _text: Config) -> bool:
    """Whether the head is tied in a class that does not tie it."""
    return False


def either_ties(config: Config, text: Config) -> bool:
    """Whether config.json ties the head, or its text section does."""
    return untied(config, text) or text_ties(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """A text decoder named `text_name`, and its towers.

    `vocabulary` returns the number of words that are written, where that is not the number of those that are read.
    """

    text: Section
    towers: Iterable[Tower]
    text_name: str = "language_model"
    vocabulary: Callable[[Config], int] | None = None

    def body(self, config: Config, prefix: str = "") -> Skeleton:
        """Build the parts beside each other, below `prefix`."""
        text = self.text.of(config)
        nodes: list[Node] = []
        ties: dict[str, str] = {}
        name = _joined(prefix, self.text_name)
        parts = {name: LANGUAGE_MODEL}
        for tower in self.towers:
            if tower.section.is_left_out(config):
                continue
            what = tower.section.name.removesuffix("_config")
            built = list(tower.projector(config, tower.section.of(config), text))
            nodes += under(prefix, under(tower.name, tower.section.body(config).nodes), built)
            beside = dict.fromkeys(node.name.partition(".")[0] for node in built)
            parts |= {_joined(prefix, module): f"{what} projector" for module in beside}
            parts[_joined(prefix, tower.name)] = f"{what} tower"
        decoder = self.text.body(config)
        nodes += under(name, decoder.nodes)
        ties |= {f"{name}.{key}": f"{name}.{source}" for key, source in decoder.tied.items()}
        output = decoder.output and f"{name}.{decoder.output}"
        embeddings = decoder.embeddings and f"{name}.{decoder.embeddings}"
        return Skeleton(nodes, ties, output, embeddings, parts=parts)

    def generation(self, tied: Callable[[Config, Config], bool], prefix: str = "model") -> Build:
        """Return the class with a head that scores the vocabulary; `tied` says whether it is that of the embeddings."""

        def build(config: Config) -> Skeleton:
            text, made = self.text.of(config), self.body(config, prefix)
            found = (node for node in made.nodes if isinstance(node, Module) and node.name == made.embeddings)
            read = next(found, None)
            if read is None or read.kind != "Embedding":
                raise InvalidInput(f"{text.source}: model_type {quote(text.fields['model_type'])} does not take words")
            head = linear("lm_head", hidden_size(text), self.vocabulary(text) if self.vocabulary else read.d)
            ties = {"lm_head.weight": f"{made.embeddings}.weight"} if tied(config, text) else {}
            return made._replace(nodes=[*made.nodes, *head], tied={**made.tied, **ties}, output="lm_head")

        return build

    def classified(self, what: str, prefix: str = "model", *, bias: Callable[[Config], bool] = lambda _: True) -> Build:
        """Return the class that classifies a whole Sequence, or each Token, which may have a `bias`."""
        each = what == "Token"

        def build(config: Config) -> Skeleton:
            made = self.body(config, prefix)
            head = linear("score", hidden_size(self.text.of(config)), config.labels(), bias=each and bias(config))
            return made._replace(nodes=[*made.nodes, *(hollow("dropout") if each else ()), *head])

        return build

    def forward(self, config: Config) -> Body | None:
        """Describe the pass of a batch of text, None where that of its decoder is not known: no tower runs."""
        text = self.text.of(config)
        own = family(text.text("model_type", default=""))
        return None if own.forward is None else own.forward(text)

    def family(
        self,
        model_type: str,
        stem: str,
        *,
        tied: Callable[[Config, Config], bool],
        more: Mapping[str, Build] = MappingProxyType({}),
    ) -> Family:
        """Return the family with the two classes that most have, and `more` of them."""
        classes = {f"{stem}ForConditionalGeneration": self.generation(tied), f"{stem}Model": self.body, **more}
        return Family(model_type, classes, NO_SIZES, text=self.text.of, forward=self.forward, heads=HEADS)


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
