"""A forward pass through a real weight and a trained adapter: what is left of the update once it is merged.

In half precision, most values of W are so much larger than their update that rounding undoes it. Users then find that
the merged model answers differently from the adapter; this pass shows how much of the update is left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from lora_cli.analysis.forward.run import STORED, Outcome, Run, check_size
from lora_cli.analysis.forward.weight_lookup import Weight, find_module, find_weight
from lora_cli.analysis.progress import Track
from lora_cli.errors import InvalidInput, first_few, quote, quote_long
from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.read_adapter import read_adapter
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.adapter_file.weight_update import subtracting_start
from lora_cli.methods.targeting.name_matching import ranker
from lora_cli.models.matrix import matrix
from lora_cli.models.peft_names import ADAPTER_CONFIG, BASE_MODEL


class _Sides(NamedTuple):
    d: int
    h: int
    is_transposed: bool


@dataclass(frozen=True, slots=True)
class TrainedPass:
    """A pass through one module of a trained adapter; `start` is the `init_lora_weights` that cut the base weight.

    `notes` say what was fetched of the adapter.
    """

    module: str
    run: Run
    outcome: Outcome
    start: str | None = None
    notes: tuple[str, ...] = ()

    def warnings(self) -> list[str]:
        """Say where the figures end, and for what weights they do not hold."""
        outcome, run = self.outcome, self.run
        found = []
        if None in (outcome.output_norm, outcome.modified_output_norm, outcome.max_abs_difference):
            found.append(
                f"values left the range of {run.dtype}, or are not finite numbers in the files; "
                "an infinite figure is shown as unknown"
            )
        elif outcome.percent_survived is None:
            found.append(f"the update of {quote_long(self.module)} is zero, so there is nothing to survive")
        if self.start is not None:
            found.append(
                f"init_lora_weights {quote(self.start)} subtracted its first B * A from the base weights; "
                "the figures hold for the weights that were left, not for the model's own"
            )
        return found


def trained_pass(
    weights: str,
    adapter: str,
    module: str,
    *,
    batch: int = 1,
    dtype: str = "float32",
    seed: int = 0,
    track: Track | None = None,
) -> TrainedPass:
    """Run a random x through W, W + s·AB merged, and both side by side, W from a checkpoint and A, B from an adapter.

    `weights` is FILE[:TENSOR]: a .safetensors file, an index or a folder, and by default the tensor that is the
    `weight` of the module; `module` is its name or an ending that no other has. Of an adapter on the Hub, the header
    and the A and B of that module are fetched. W is rounded to `dtype`, Wq; the
    adapter stays in float32, as PEFT loads it (`autocast_adapter_dtype`) and merges it: Wm = round(Wq + s·AB).
    `percent_survived` is 100 · (1 − ‖(Wm − Wq) − s·AB‖² / ‖s·AB‖²). Rounding goes to the nearest and Wq is one of
    the values to go to, so no value's error is larger than its update, and the share is from 0 to 100.
    `percent_changed` is the share of W's values that merging changes. Biases, which add the same to both
    paths, are left out; a convolution is run on one unrolled patch, an embedding on a mixture of its rows.

    `InvalidInput` is raised for an update that is not s·B·A, packed weights, and shapes that do not fit.
    """
    trained = read_adapter(adapter)
    _check_update(trained)
    pairs = {pair.module: pair for pair in trained.factors()}
    if not pairs:
        raise InvalidInput(f"{quote_long(adapter)} has no pair of A and B whose shapes fit each other; train it again")
    pair = pairs[find_module(module, list(pairs), trained)]
    _check_pair(trained, pair)
    weight = find_weight(weights, pair.module, trained)
    d, h, is_transposed = _sides(trained, pair, weight)
    matrix(d, h)
    if pair.scaling is None:
        raise InvalidInput(f"the scaling of {quote_long(pair.module)} is not known: {_why_unscaled(trained, pair)}")
    if not math.isfinite(pair.scaling):
        raise InvalidInput(f"the scaling of {quote_long(pair.module)} is {pair.scaling}; give a finite lora_alpha")
    alpha = pair.r * pair.scaling if pair.alpha is None else pair.alpha
    run = Run(d, h, pair.r, alpha, dtype, seed, batch, STORED, pair.scaling)
    check_size(run)
    from lora_cli.analysis.forward import tiled_pass
    from lora_cli.analysis.forward.stored_source import source_of

    source = source_of(trained, run, pair, weight.stored, weight.name, is_transposed=is_transposed)
    outcome = tiled_pass.outcome(run, source, track)
    fetched = f"{quote_long(adapter)}: fetched A and B of {quote_long(pair.module)}"
    notes = trained.notes if trained.header is None else (*trained.notes, fetched)
    return TrainedPass(pair.module, run, outcome, subtracting_start(trained.config), notes)


def _check_update(trained: TrainedAdapter) -> None:
    reason = trained.why_no_update
    if reason is None and trained.config.lora.alora_invocation_tokens:
        reason = "aLoRA acts only after its invocation tokens, so it cannot be merged"
    if reason is not None:
        raise InvalidInput(f"{quote_long(trained.name)}: {reason}; give an adapter of plain LoRA")


def _check_pair(trained: TrainedAdapter, pair: Factors) -> None:
    """Refuse a module whose A and B are not those of one matrix."""
    if pair.groups > 1:
        raise InvalidInput(
            f"{quote_long(pair.module)} is a convolution in {pair.groups} groups, which PEFT cannot merge; name another module"
        )
    if trained.may_hold_experts(pair.module) and pair.r > ranker(trained.config)(pair.module):
        raise InvalidInput(
            f"{quote_long(pair.module)} holds a stack of fused experts (target_parameters "
            f"{first_few(trained.config.target_parameters or ())}), and forward takes one matrix; name another module"
        )


def _why_unscaled(trained: TrainedAdapter, pair: Factors) -> str:
    """Return why the scaling of a module is not known, and what to do."""
    if trained.header is not None:
        return "its alpha is a value that stays on the Hub; download the file"
    if pair.alpha is None:
        return f"nothing in the file or beside it says alpha; put the {ADAPTER_CONFIG} of the training beside it"
    return "its alpha is not one finite number; write the alpha that it was trained with into the file"


def _sides(trained: TrainedAdapter, pair: Factors, weight: Weight) -> _Sides:
    """Return d, h and how W is stored: h × d for a Linear, d × h for a Conv1D or an embedding, by A and B.

    Where it is square, the config's `fan_in_fan_out` tells, which PEFT sets for a Conv1D.
    """
    (_, *inner), (h, *_), shape = pair.a.shape, pair.b.shape, weight.stored.shape
    d = math.prod(inner)
    is_embedding = f"{BASE_MODEL}{pair.module}.lora_embedding_A" in trained.tensors
    linear, transposed = shape == (h, *inner), shape == (*inner, h) and len(inner) == 1
    if (linear or transposed) and not (is_embedding and not transposed) and math.prod(pair.b.shape[2:]) == 1:
        is_square = linear and transposed
        return _Sides(d, h, transposed and (not is_square or is_embedding or trained.config.lora.fan_in_fan_out))
    experts = ""
    if len(shape) == 3 and len(inner) == 1:
        experts = " (a stack of experts, and forward takes one matrix)"
    raise InvalidInput(
        f"{quote_long(weight.name)} is {_by(shape)}{experts}, and A of {quote_long(pair.module)} is "
        f"{_by(pair.a.shape)}, B {_by(pair.b.shape)}; give the weight that they were trained on"
    )


def _by(shape: tuple[int, ...]) -> str:
    return quote(" x ".join(map(str, shape)) or "one value")[1:-1]
