"""What has no replay is refused by its name, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lora_cli.analysis.count.count_plan import Plan
from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.adapter_registry import adapter_of, known_methods
from lora_cli.analysis.memory.replay.optimizers import OPTIMIZERS
from lora_cli.analysis.memory.training import Training
from lora_cli.errors import InvalidInput, argument, quote, quote_long
from lora_cli.methods.method import LINEARS
from lora_cli.methods.place import Place
from lora_cli.models.parts.forward_pass import Body, RouterKind
from lora_cli.models.parts.passes.class_heads import Head

# How many experts of a group say how good it is.
SCORED_BY: Mapping[RouterKind, int] = {"sigmoid": 2}


def check_replay(plan: Plan, body: Body, head: Head) -> None:
    """Refuse a plan whose step cannot be replayed."""
    method, known = plan.method.name, known_methods()
    if method not in known:
        raise InvalidInput(
            f"what {method} allocates in a training step is not known; choose one of: {', '.join(known)}"
        )
    adapter = adapter_of(method)
    if adapter.extended is not None and (body.encoder is not None or head.loss != "causal"):
        raise InvalidInput(
            f"what {method} allocates in a training step is known of decoders that score the next token alone"
        )
    problem = next(_problems(plan, adapter), None)
    if problem is not None:
        raise InvalidInput(f"what {problem} allocates in a training step is not known; leave it out")


def check_attention(body: Body) -> None:
    """Refuse attention that cannot run: heads that cannot be shared evenly, or a part of them that cannot be rotated."""
    for attention in body.attentions:
        if attention.heads % attention.groups:
            raise InvalidInput(
                f"num_attention_heads: {attention.heads} is not a multiple of {attention.groups} key-value heads; such "
                "attention does not run"
            )
        if attention.rotary % 2 or attention.rotary > attention.width:
            raise InvalidInput(
                f"{attention.rotary} values of a head of {attention.width} are rotated by their position; such attention "
                f"runs only with an even number of up to {attention.width}"
            )


def check_routers(body: Body, shapes: Mapping[str, Sequence[int]], prefix: str) -> None:
    """Refuse a router that cannot run: one that asks for more experts, or groups of them, than there are."""
    for mixture, index in body.mixtures.items():
        own = mixture.router
        count = shapes[f"{prefix}{body.layers}.{index}.{mixture.name}.{own.name}.weight"][0]
        if own.top > count:
            raise InvalidInput(f"each token is sent to {own.top} of {count} experts; such a router does not run")
        if count % own.groups or own.best_groups > own.groups or count // own.groups < SCORED_BY.get(own.kind, 1):
            raise InvalidInput(
                f"experts are taken from {own.best_groups} of {own.groups} groups of {count} experts; such a router does "
                "not run"
            )


def check_training(plan: Plan | None, training: Training) -> None:
    """Refuse a training of a plan, or of the whole model, that PEFT or bitsandbytes cannot run or that is not known."""
    if training.is_quantised and plan is None:
        raise InvalidInput(
            f"{argument('quantize')}: a model in {training.quantize} cannot be trained whole; drop it, or "
            f"{argument('method')} full"
        )
    if training.is_quantised and plan is not None and not adapter_of(plan.method.name).runs_quantised:
        raise InvalidInput(
            f"{argument('quantize')}: what {plan.method.name} allocates beside a Linear in {training.quantize} is not "
            "known; choose none, or lora"
        )
    if training.optimizer not in OPTIMIZERS:
        raise InvalidInput(
            f"{argument('optimizer')}: what {quote(training.optimizer)} allocates is not known; "
            f"choose one of: {', '.join(OPTIMIZERS)}"
        )


def check_loss(training: Training, head: Head, output: str | None, plan: Plan | None) -> None:
    """Refuse a loss in chunks where TRL refuses it: of what is not the next token, or with an adapter of the head."""
    if training.loss != "chunked":
        return
    if head.loss != "causal":
        raise InvalidInput(f"{argument('loss')}: chunked is a loss of models that score the next token; choose full")
    adapted = {place.module.name for place in plan.targets.places} if plan else set()
    rows = {rows.module.name for rows in plan.targets.rows} | {*plan.targets.row_ties} if plan else set()
    if output in adapted | rows:
        raise InvalidInput(
            f"{argument('loss')}: chunked reads the weight of {quote(str(output))} without its adapter; "
            "choose full, or leave the head out of what is adapted"
        )


def _problems(plan: Plan, adapter: Adapter) -> Iterator[str]:
    """Yield what the plan has that no replay is known for."""
    yield from adapter.unknown(plan.settings)
    if plan.config.layer_replication:
        yield "layer_replication"
    for place in plan.targets.places:
        yield from _place_problems(place, adapter)
    yield from _copy_problems(plan)


def _place_problems(place: Place, adapter: Adapter) -> Iterator[str]:
    name, kind = quote_long(place.module.name), place.module.kind
    if place.parameter and not adapter.runs_parameters:
        yield f"this method on the bare parameter {name}"
    elif kind == "Embedding" and adapter.embed is None:
        yield f"this method beside the Embedding {name}"
    elif kind not in (*LINEARS, "Embedding") and not place.parameter and not (place.whole and adapter.runs_norms):
        yield f"an adapter of the {kind} {name}"


def _copy_problems(plan: Plan) -> Iterator[str]:
    copies = plan.targets.full_copies
    for name in copies.names:
        if copies.contain(name):
            yield f"a full copy within a full copy, {quote(name)} (modules_to_save),"
    for place in plan.targets.places:
        if copies.cover(place.owner):
            yield f"an adapter within a full copy, {quote_long(place.module.name)} (modules_to_save),"
    for rows in plan.targets.rows:
        if len(rows.paths) > 1 or copies.contain(rows.module.name):
            yield f"trained rows within a full copy, {quote_long(rows.module.name)} (trainable_token_indices),"
