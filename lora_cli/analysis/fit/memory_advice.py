"""What would help where not even the smallest size has the memory: the switches of `memory`, and a smaller input."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.fit.budget import DoesNotFit
from lora_cli.analysis.fit.holding_size import holding_training
from lora_cli.analysis.limits import MAX_MEMORY, TRAINING_KNOBS, Limits
from lora_cli.analysis.memory.advice import savings
from lora_cli.analysis.memory.trained_count import TrainedCount
from lora_cli.analysis.memory.training import Training
from lora_cli.analysis.memory.verdict import footprint
from lora_cli.errors import argument
from lora_cli.quantities import memory_text

MOST_SWITCHES = 3
# What saves less than this share of what is missing does not help.
LEAST_HELP = 0.01


def with_advice(refusal: DoesNotFit, budget: Limits) -> DoesNotFit:
    """Return a refusal with what would help, if memory is what is missing: each switch is replayed at the size that is refused."""
    cost, most = refusal.cost, budget.get(MAX_MEMORY)
    if most is None or not isinstance(cost, TrainedCount) or cost.memory_bytes <= most:
        return refusal
    return DoesNotFit("; ".join([str(refusal), *_advice(cost, most)]), refusal.times, cost)


def _advice(cost: TrainedCount, most: int | float) -> Iterator[str]:
    """Yield which switches would do alone, or else which save the most, and which smaller input would do."""

    def needed(training: Training) -> int:
        return footprint(cost.setup, training, cost.arguments.card).judged

    missing = LEAST_HELP * (cost.memory_bytes - most)
    found = [each for each in savings(cost.arguments.training(cost.setup), needed) if each.saved_bytes >= missing]
    largest = sorted(found, key=lambda saving: saving.peak_bytes)[:MOST_SWITCHES]
    enough = [saving.switch for saving in largest if saving.peak_bytes <= most]
    if enough:
        yield f"{' or '.join(enough)} would be enough"
    elif largest:
        saved = ", ".join(f"{each.switch} saves {memory_text(each.saved_bytes)}" for each in largest)
        yield f"not enough alone: {saved}"
    smaller = holding_training(cost, most)
    knob = smaller.partition(" ")[0]
    yield f"{smaller} ({argument('knob')} {knob})" if knob in TRAINING_KNOBS else smaller
