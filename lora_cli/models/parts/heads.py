"""Heads that several families put on a body."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, Part, hollow, linear, under


def classification_head(d: int, labels: int) -> Iterator[Node]:
    """Build `BartClassificationHead`, which T5 has as well."""
    parts = linear("dense", d, d, bias=True), hollow("dropout"), linear("out_proj", d, labels, bias=True)
    return under("classification_head", *parts)


def sequence_summary(projection: Nodes) -> Nodes:
    """Build `GPT2SequenceSummary`, which ELECTRA has as well, around its projection."""
    return (*projection, *hollow("activation", "first_dropout", "last_dropout"))


def image_classifier(d: int, labels: int) -> Nodes:
    """Build the classifier of images, an identity where there are no labels."""
    return linear("classifier", d, labels, bias=True) if labels else hollow("classifier")


def classifies_images(width: Callable[[Config], int]) -> Part:
    """Return the classifier of images behind features of a width."""
    return lambda config: image_classifier(width(config), config.labels())
