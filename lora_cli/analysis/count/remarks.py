"""What surprises people in the count of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lora_cli.errors import quote_long

if TYPE_CHECKING:
    from lora_cli.analysis.count.model_count import ModelCount

FUSED_DIMENSIONS = 3


def remarks(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence for each surprise."""
    yield from _idle_experts(cost)
    yield from untied(cost)
    if cost.config.use_qalora:
        yield "use_qalora changes the adapters of GPTQ layers alone; these are counted as on plain ones"


def _idle_experts(cost: ModelCount) -> Iterator[str]:
    experts = [p for p in cost.subject.others if ".experts." in p.name and len(p.shape) == FUSED_DIMENSIONS]
    reached = {place.module.name for place in cost.targets.places if place.parameter}
    if experts and not any(p.name in reached or cost.targets.copied.holds(p.name) for p in experts):
        idle = sum(p.params for p in experts)
        names = dict.fromkeys(".".join(p.name.rsplit(".", 2)[1:]) for p in experts)
        yield (
            f"no target reaches the experts, {100 * idle / cost.full_params:.1f} % of the model; "
            f"target_parameters adapts them: {', '.join(map(quote_long, names))}"
        )


def untied(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence for each tied weight that training unties."""
    trained = {place.owner for place in cost.targets.places} | set(cost.targets.saved)
    for name, other in cost.subject.tied.items() if not cost.config.ensure_weight_tying else ():
        owners = name.rpartition(".")[0], other.rpartition(".")[0]
        if not trained.isdisjoint(owners):
            yield (
                f"{quote_long(owners[0])} is tied to {quote_long(owners[1])}, which full_params counts once; "
                "what is trained on either unties them when it is merged (ensure_weight_tying keeps them tied)"
            )
