"""What to say beside a count: what is in doubt, what matched nothing, and what surprises people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.count.reached_parts import reached_parts
from lora_cli.dtypes import BY_NAME
from lora_cli.errors import first_few, quote_long
from lora_cli.methods.targeting.fused_experts import fused_experts, rank_key
from lora_cli.methods.targeting.weight_tying import EMBEDDING_LAYERS
from lora_cli.models.peft_names import BASE_MODEL
from lora_cli.models.quantised_layers import unknown_quantisation_note

FUSED_DIMENSIONS = 3
# Full copies are worth a warning from this percentage of what is trained.
MOST_PERCENT = 50
FROZEN_WEIGHT = ".base_layer.weight"


def warnings_of(cost: ModelCount) -> Iterator[str]:
    """Yield what of the source is in doubt, what in the config matched nothing, and whether copies are most of it."""
    yield from cost.config.remarks
    yield from cost.subject.warnings
    for what in cost.unmatched:
        yield f"{what} matched nothing in {cost.model}"
    yield from cost.how.warnings(cost.targets.places, cost.settings)
    percent = 100 * cost.full_copy_params / (cost.trainable_params or 1)
    if percent > MOST_PERCENT:
        yield f"full copies ({first_few(cost.targets.full_copies.names)}) are {percent:.1f} % of what is trained"
    yield from _saved_embeddings(cost)
    yield from lost_adapters(cost)
    yield from cost.rank_problems().values()


def notes_of(cost: ModelCount) -> Iterator[str]:
    """Yield what surprises people: parts that targets reach, or do not reach, and tied weights that training unties."""
    yield from cost.config.notes
    yield from cost.subject.notes
    yield from reached_parts(cost)
    yield from _fused_ranks(cost)
    yield from _idle_experts(cost)
    yield from idle_layers(cost)
    yield from untied(cost)
    yield from _no_head(cost)
    yield from _unknown_size(cost)
    yield from assumed_type(cost)
    yield from filter(None, [unknown_quantisation_note(cost.subject)])
    yield from cost.how.notes(cost.settings)


def _no_head(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence on a task whose head PEFT would train, in a model without one by the names that PEFT knows."""
    heads = cost.config.task_heads
    if heads and not any(name.rpartition(".")[2] in heads for name in cost.targets.full_copies.names):
        yield (
            f"task_type {cost.config.task_type} trains no head, because no module of {quote_long(cost.model)} is called "
            f"{' or '.join(heads)}; where architectures names a class with a head, that is counted"
        )


def _unknown_size(cost: ModelCount) -> Iterator[str]:
    tensors = (cost.file_tensors or {}).items()
    key = next((key for key, tensor in tensors if tensor.stored is None), None)
    if key is not None:
        yield (
            f"adapter_bytes is unknown: the values of the weights decide how {quote_long(key)} is stored, "
            "though not how many parameters it has"
        )


def assumed_type(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence on a file with weights of the model, whose own config says nothing of their type."""
    copied = cost.full_copy_params or any(key.endswith(FROZEN_WEIGHT) for key in cost.file_tensors or {})
    if cost.targets.model.assumes_dtype and copied:
        from lora_cli.models.sources.preset import is_preset

        silent = "the preset" if is_preset(cost.model) else "its config.json"
        yield (
            f"adapter_bytes takes the weights of {quote_long(cost.model)} for float32, because {silent} names no type; "
            "PEFT saves copies of them in the type that they are trained in, e.g. in half as many bytes for bfloat16"
        )


def _fused_ranks(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence on each fused parameter of experts whose rank PEFT raises, because it holds several targets."""
    experts = fused_experts(cost.subject, cost.config)
    for name, parts in experts.fused.items() if experts else ():
        pattern = rank_key(name)
        if pattern in cost.targets.config.rank_pattern and pattern not in cost.config.rank_pattern:
            yield (
                f"{name} has rank {cost.targets.config.rank_pattern[pattern]}: it holds {' and '.join(parts)} in one "
                f"parameter, so PEFT multiplies its r and lora_alpha by {len(parts)}, which keeps the scaling"
            )


def _idle_experts(cost: ModelCount) -> Iterator[str]:
    experts = [p for p in cost.subject.others if ".experts." in p.name and len(p.shape) == FUSED_DIMENSIONS]
    reached = {place.module.name for place in cost.targets.places if place.parameter}
    if experts and not any(p.name in reached or cost.targets.full_copies.contain(p.name) for p in experts):
        idle = sum(p.params for p in experts)
        names = dict.fromkeys(".".join(p.name.rsplit(".", 2)[1:]) for p in experts)
        yield (
            f"no target reaches the experts, {100 * idle / cost.full_params:.1f} % of the model; "
            f"target_parameters adapts them: {', '.join(map(quote_long, names))}"
        )


def idle_layers(cost: ModelCount) -> Iterator[str]:
    """Yield the lists of layers of which targets reach some, although the config chooses no layers."""
    if cost.config.layers_to_transform is not None:
        return
    reached: dict[str, set[str]] = {}
    for place in cost.targets.places:
        for stack, number in layer_numbers(place.module.name):
            reached.setdefault(stack, set()).add(number)
    layers: dict[str, dict[str, set[str]]] = {stack: {} for stack in reached}
    for name in cost.targets.model.module_names if reached else ():
        for stack, number in layer_numbers(name):
            if stack in layers:
                layers[stack].setdefault(number, set()).update(_inner_list(name, f"{stack}.{number}."))
    for stack, inner in layers.items():
        if len(inner) > len(reached[stack]) and not _are_stages(inner):
            yield f"the targets reach {len(reached[stack])} of the {len(inner)} layers in {quote_long(stack)}"


def _inner_list(name: str, layer: str) -> Iterator[str]:
    """Yield the list directly in a layer that a module is somewhere within.

    >>> list(_inner_list("down_blocks.1.attentions.0.proj_in", "down_blocks.1."))
    ['attentions']
    >>> list(_inner_list("layers.1.mlp.experts.0.up_proj", "layers.1."))
    []
    """
    first, _, rest = name.removeprefix(layer).partition(".")
    if rest.partition(".")[0].isdigit():
        yield first


def _are_stages(inner: Mapping[str, Set[str]]) -> bool:
    """Whether layers are made of lists, and not all of the same, as those of a UNet, of which few have attentions.

    >>> _are_stages({"0": {"resnets"}, "1": {"attentions", "resnets"}}), _are_stages({"0": {"layer"}, "1": {"layer"}})
    (True, False)
    """
    return all(inner.values()) and len(set(map(frozenset, inner.values()))) > 1


def layer_numbers(name: str) -> Iterator[tuple[str, str]]:
    """Yield the outermost list of modules that a module is somewhere within, and the number there.

    >>> list(layer_numbers("model.layers.3.mlp.experts.0.up_proj")), list(layer_numbers("classifier.0"))
    ([('model.layers', '3')], [])
    """
    parts = name.split(".")
    place = next((place for place, part in enumerate(parts) if part.isdigit()), 0)
    if 0 < place < len(parts) - 1:
        yield ".".join(parts[:place]), parts[place]


def _saved_embeddings(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence on embeddings that PEFT saves beside their adapters, where they are most of the file."""
    model = cost.targets.model
    adapted = {place.module.name for place in cost.targets.places} & {model.embeddings, model.output}
    if not adapted or cost.adapter_bytes is None:
        return
    sizes = {
        key: tensor.params * BY_NAME[tensor.dtype].bits // 8
        for key, tensor in (cost.file_tensors or {}).items()
        if key.endswith(FROZEN_WEIGHT)
    }
    size = sum(sizes.values())
    if 100 * size > MOST_PERCENT * cost.adapter_bytes:
        names = sorted(key.removesuffix(FROZEN_WEIGHT).removeprefix(BASE_MODEL) for key in sizes)
        yield (
            f"PEFT also saves the frozen weight of {first_few(names)}, because a target is named "
            f"{' or '.join(EMBEDDING_LAYERS)}: {100 * size / cost.adapter_bytes:.1f} % of the file; "
            "save_pretrained(save_embedding_layers=False) leaves it out"
        )


def lost_adapters(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence on targets that get no adapter because modules_to_save copies them."""
    if cost.targets.copied_targets:
        yield copied_targets_text(cost.targets.copied_targets, cost.method)


def copied_targets_text(names: Sequence[str], method: str) -> str:
    """Return what PEFT does with targets that modules_to_save copies.

    >>> copied_targets_text(["lm_head"], "lora")
    "'lm_head' is both targeted and copied by modules_to_save: PEFT trains the full copy and adds no lora adapter"
    """
    return (
        f"{first_few(names)} {'is' if len(names) == 1 else 'are'} both targeted and copied by modules_to_save: "
        f"PEFT trains the full copy and adds no {method} adapter"
    )


def untied(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence for each tied weight that training unties."""
    trained = {place.owner for place in cost.targets.places} | set(cost.targets.full_copies.names)
    if cost.config.ensure_weight_tying:
        return
    model = cost.subject
    pairs = dict.fromkeys((name.rpartition(".")[0], other.rpartition(".")[0]) for name, other in model.tied.items())
    trained_pairs = [pair for pair in pairs if not trained.isdisjoint(pair)]
    with_embeddings = [pair for pair in trained_pairs if pair[1] == model.embeddings]
    others = [pair for pair in trained_pairs if pair[1] != model.embeddings]
    if with_embeddings:
        yield f"{_ties_text(with_embeddings)} (ensure_weight_tying keeps them tied)"
    if others:
        yield _ties_text(others)


def _ties_text(pairs: Sequence[tuple[str, str]]) -> str:
    """Return what happens to tied weights, with the names of the first two.

    >>> _ties_text([("b.q", "a.q"), ("b.k", "a.k")])[:57]
    "'b.q' is tied to 'a.q' (and 1 more pair of modules), whic"
    """
    (name, other), *more = pairs
    rest = f" (and {len(more)} more pair{'' if len(more) == 1 else 's'} of modules)" if more else ""
    return (
        f"{quote_long(name)} is tied to {quote_long(other)}{rest}, which full_params counts once; "
        "merging what is trained on either of them unties them"
    )
