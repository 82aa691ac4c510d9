"""What one slot for an adapter takes beside each module of a model."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.analysis.memory.serving.families import FAMILIES, LARGEST_OUTPUT, WITHOUT_LORA, Rules
from lora_cli.analysis.memory.serving.layers import Cards
from lora_cli.errors import InvalidInput, argument, choices, quote
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module, Parameter
from lora_cli.models.quantised_layers import quantisation_section

EXPERTS_SIGN = "experts.down_proj"

# What A and B of a module take together, for each unit of the rank, by the module's name.
Slot = Mapping[str, int]


def slot_of(model: Model, tp: int) -> Slot:
    """Return the values of one slot on one card, for each unit of the rank and by module.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> slot = slot_of(read_model("llama-3.1-8b"), 1)
    >>> slot["model.layers.0.self_attn.k_proj"], slot["lm_head"]
    (5120, 132352)
    """
    rules = _rules(model)
    facts = model.facts
    heads = 1 if facts is None else facts.heads or 1
    cards = Cards(tp, heads, heads if facts is None else facts.groups or heads)
    slot: dict[str, int] = {}
    for node in model.nodes:
        if isinstance(node, Module):
            _check(node, rules, model)
            if (layer := rules.get(node.name.rpartition(".")[2])) is not None:
                slot[node.name] = layer(node.d, node.h, cards)
        elif isinstance(node, Parameter) and len(node.shape) > 1:
            name = node.name.removesuffix(".weight")
            *experts, h, d = node.shape
            if (layer := rules.get(".".join(name.split(".")[-1 - len(experts) :]))) is not None:
                slot[name] = layer(d, h, cards) * (experts[0] if experts else 1)
    return slot


def _rules(model: Model) -> Rules:
    name = model.model_type
    if name not in FAMILIES:
        if name in WITHOUT_LORA:
            raise InvalidInput(f"{argument('serve')}: vLLM does not support LoRA on {name}")
        advice = choices(name, tuple(FAMILIES))
        raise InvalidInput(
            f"{argument('serve')}: what vLLM allocates for {quote(name or model.name)} is not known here; {advice}"
        )
    if EXPERTS_SIGN in FAMILIES[name] and quantisation_section(model) is not None:
        raise InvalidInput(
            f"{argument('serve')}: {model.name} has quantised experts, whose sizes vLLM's kernels round up differently; "
            "give the config.json of the model before quantisation"
        )
    return FAMILIES[name]


def _check(module: Module, rules: Rules, model: Model) -> None:
    """Refuse a module for which vLLM has no layer with LoRA that is known here, and an output that is too large."""
    name = module.name.rpartition(".")[2]
    if module.name == model.output:
        if name in rules and module.h > LARGEST_OUTPUT:
            raise InvalidInput(
                f"{argument('serve')}: vLLM serves LoRA on {model.model_type} only up to {LARGEST_OUTPUT:,} words, and "
                f"{model.name} has {module.h:,}"
            )
    elif module.kind != "Embedding" and name not in rules:
        raise InvalidInput(
            f"{argument('serve')}: what vLLM allocates for {module.name} of {model.name} is not known here; give the model "
            "that generates text"
        )
