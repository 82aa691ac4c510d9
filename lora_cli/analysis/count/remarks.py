"""What to say beside a count: what is in doubt, what matched nothing, and what surprises people."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.errors import first_few, quote_long

FUSED_DIMENSIONS = 3
# Full copies are worth a warning from this percentage of what is trained.
MOST_PERCENT = 50


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
    yield from cost.rank_warnings()


def notes_of(cost: ModelCount) -> Iterator[str]:
    """Yield what surprises people: experts that no target reaches, and tied weights that training unties."""
    yield from cost.subject.notes
    yield from _idle_experts(cost)
    yield from untied(cost)
    yield from _unknown_size(cost)
    yield from cost.how.notes(cost.settings)


def _unknown_size(cost: ModelCount) -> Iterator[str]:
    tensors = (cost.file_tensors or {}).items()
    key = next((key for key, tensor in tensors if tensor.stored is None), None)
    if key is not None:
        yield (
            f"adapter_bytes is unknown: the values of the weights decide how {quote_long(key)} is stored, "
            "though not how many parameters it has"
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


def untied(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence for each tied weight that training unties."""
    trained = {place.owner for place in cost.targets.places} | set(cost.targets.full_copies.names)
    if cost.config.ensure_weight_tying:
        return
    for name, other in cost.subject.tied.items():
        owners = name.rpartition(".")[0], other.rpartition(".")[0]
        if not trained.isdisjoint(owners):
            yield (
                f"{quote_long(owners[0])} is tied to {quote_long(owners[1])}, which full_params counts once; "
                "merging what is trained on either of them unties them (ensure_weight_tying keeps them tied)"
            )
