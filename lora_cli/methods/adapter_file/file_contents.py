"""The contents of the file that PEFT saves: which tensors of the adapted model it holds, and under which keys.

`peft/utils/save_and_load.py`: `get_peft_model_state_dict`; `peft/tuners/tuners_utils.py`:
`BaseTuner._get_adapter_state_dict`, `_get_learnable_bias_state_dict`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lora_cli.methods.adapter_file.module_tree import (
    ADAPTED,
    COPIED,
    DELTA,
    ROWS,
    Branch,
    add_adapter,
    add_attribute,
    add_full_copy,
    add_token_rows,
    module_tree,
)
from lora_cli.methods.place import Place
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.full_copies import FREEZE, TRAIN
from lora_cli.methods.targeting.name_matching import listed_names
from lora_cli.methods.targeting.patterns import regular_expression
from lora_cli.methods.targeting.shortened_names import shortened_names
from lora_cli.methods.targeting.targets import Targets
from lora_cli.methods.targeting.weight_tying import EMBEDDING_LAYERS
from lora_cli.methods.tensor import OF_ADAPTER, OF_BASE, OWN, Tensor
from lora_cli.models.model import Model
from lora_cli.models.peft_names import BASE_MODEL, PEFT_MODEL

Added = Sequence[tuple[Place, Sequence[Tensor]]]
Entries = Iterator[tuple[str, Tensor]]

# The paths of the adapted model, and of the base model in a prompt method, which wraps nothing around it.
ADAPTED_ROOT, PROMPT_ROOT = BASE_MODEL.removesuffix("."), PEFT_MODEL.removesuffix(".")


def file_tensors(targets: Targets, added: Added, shared: Iterable[Tensor]) -> dict[str, Tensor] | None:
    """Return the tensors of the file by key: those `added` beside each place, and those `shared` by all places.

    The result is None where the file is not known: PEFT would save the embeddings of a model that names none,
    e.g. CLIP with its two towers, or the method does not say what it saves beside full copies and embeddings.
    """
    shared = [_in_dtype(targets, tensor) for tensor in shared if tensor.in_file]
    found = {f"{PEFT_MODEL}{tensor.key}": tensor for tensor in shared}
    added = [(place, [_in_dtype(targets, tensor) for tensor in tensors]) for place, tensors in added]
    config = targets.config
    embeddings = _saves_embeddings(targets)
    if embeddings and targets.model.embeddings is None:
        return None
    if not method_named(config.method).saves_extras and (targets.full_copies.names or embeddings):
        return None
    extras = targets.full_copies.names or targets.rows or config.bias != "none" or embeddings
    if not extras and not any(place.parameter for place, _ in added):
        every = ((place.module.name, tensor) for place, tensors in added for tensor in tensors if tensor.in_file)
        return found | {f"{BASE_MODEL}{name}.{tensor.key}": tensor for name, tensor in every}
    root = _adapted_tree(targets, added, shared)
    entries = [*_adapters(root), *_biases(root, config.bias), *_full_copies(root, ADAPTED_ROOT), *_token_rows(root)]
    if embeddings:
        entries += _embeddings(root, targets.model)
    return found | {_without_adapter_name(key): tensor for key, tensor in entries}


def base_tensors(targets: Targets, added: Added, shared: Iterable[Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the adapted model by the keys under which PEFT would load them from an adapter's file.

    A file may hold the base model's own tensors, e.g. embeddings that were resized.
    """
    is_prompt = method_named(targets.config.method).prompt_tensors is not None
    root = _adapted_tree(targets, added, tuple(shared))
    return dict(root.state(PROMPT_ROOT if is_prompt else ADAPTED_ROOT))


def prompt_file_tensors(targets: Targets, virtual: Iterable[Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a prompt method's file by key: those of the `virtual` tokens, and full copies.

    PEFT puts no wrapper between itself and the model then.
    """
    dtype = targets.config.adapter_dtype
    found = {t.key: t._replace(dtype=dtype or t.dtype) for t in virtual if t.in_file}
    if not targets.full_copies.names:
        return found
    copies = _full_copies(_adapted_tree(targets, (), ()), PROMPT_ROOT)
    return found | {_without_adapter_name(key): tensor for key, tensor in copies}


def _in_dtype(targets: Targets, tensor: Tensor) -> Tensor:
    """Return an adapter's tensor in the type that the file has; a type other than float32, e.g. an index's, stays."""
    if tensor.dtype != "F32":
        return tensor
    own = {OF_ADAPTER: adapter_dtype(targets), OF_BASE: targets.model.dtype, OWN: tensor.dtype}
    dtype = targets.config.adapter_dtype or own[tensor.type_of]
    return tensor if dtype == tensor.dtype else tensor._replace(dtype=dtype)


def adapter_dtype(targets: Targets) -> str:
    """Return the type of an adapter in the file: the type asked for, or else PEFT's, which is never half precision."""
    return targets.config.adapter_dtype or ("F64" if targets.model.dtype == "F64" else "F32")


def _adapted_tree(targets: Targets, added: Added, shared: Sequence[Tensor]) -> Branch:
    """Return the model's modules after PEFT has changed them, in PEFT's order.

    The `shared` tensors hang on each adapter too, so a copy of an adapter holds them.
    """
    model, root = targets.model, module_tree(targets.model)
    shared = [tensor._replace(in_file=False) for tensor in shared]
    for place, tensors in added:
        add = add_attribute if place.saved else add_adapter
        add(root, place.owner, (*shared, *tensors))
    embeddings = model.embeddings or ""
    for step in targets.full_copies.steps:
        if step.deed != TRAIN:
            add_full_copy(root, step.name, root.inner(embeddings).copy if step.deed == FREEZE else None)
    dtype = adapter_dtype(targets)
    for rows in targets.rows:
        for path in rows.paths:
            add_token_rows(root, path, (len(rows.tokens), rows.width), dtype)
    for leading in (rows for rows in targets.rows if rows.module.name == embeddings):
        for name in targets.row_ties:
            add_token_rows(root, name, (len(leading.tokens), leading.width), dtype, is_tied=True)
    return root


def _adapters(root: Branch) -> Entries:
    """Yield the tensors beside adapted modules, except those inside a full copy, which the copy holds."""
    for path, branch, inside in root.walk(ADAPTED_ROOT):
        if branch.role == ADAPTED and not inside:
            yield from ((f"{path}.{tensor.key}", tensor) for tensor in branch.leaves.values() if tensor.in_file)


def _biases(root: Branch, bias: str) -> Entries:
    """Yield the trained biases of the base model, and with `all` every other tensor of that name."""
    if bias == "all":
        yield from ((key, tensor) for key, tensor in root.state(ADAPTED_ROOT) if key.endswith(".bias"))
    elif bias != "none":
        for path, branch, _ in root.walk(ADAPTED_ROOT):
            base = branch.children["base_layer"] if branch.role == ADAPTED else Branch()
            yield from ((f"{path}.base_layer.bias", leaf) for name, leaf in base.leaves.items() if name == "bias")


def _full_copies(root: Branch, top: str) -> Entries:
    """Yield the tensors in full copies, under the names of the originals."""
    for path, branch, _ in root.walk(top):
        if branch.role == COPIED and branch.copy is not None:
            yield from branch.copy.state(path)


def _token_rows(root: Branch) -> Entries:
    """Yield the trained rows, but not the original ones."""
    for path, branch, _ in root.walk(ADAPTED_ROOT):
        if branch.role == ROWS:
            yield f"{path}.token_adapter.{DELTA}", branch.children["token_adapter"].leaves[DELTA]


def _embeddings(root: Branch, model: Model) -> Entries:
    """Yield the weights of the input and the output embeddings if they are adapted."""
    for name in filter(None, (model.embeddings, model.output)):
        base = root.inner(name).children.get("base_layer")
        if base is not None and base.kind in {"Embedding", "Linear"}:
            yield from base.state(next(path for path, branch, _ in root.walk(ADAPTED_ROOT) if branch is base))


def _saves_embeddings(targets: Targets) -> bool:
    """Whether a target has a usual name of embeddings, so that PEFT saves the embeddings whole."""
    config, model = targets.config, targets.model
    method, wanted = method_named(config.method), config.target_modules
    if model.is_component:
        return False
    if config.trainable_token_indices is not None or not method.saves_targeted_embeddings or not wanted:
        return False
    listed = listed_names(model, config)
    if listed is None:
        names = filter(_is_usual, model.module_names)
        return any(regular_expression(str(wanted)).fullmatch(name) for name in names)
    # PEFT shortens whole names to endings, but to a usual name only those that end so.
    if method.shortens_targets and any(map(_is_usual, listed)):
        listed = shortened_names(listed, model.module_names)
    return not set(listed).isdisjoint(EMBEDDING_LAYERS)


def _is_usual(name: str) -> bool:
    """Whether the last part of a name is a usual one of embeddings."""
    return name.rpartition(".")[2] in EMBEDDING_LAYERS


def _without_adapter_name(key: str) -> str:
    """Return a key without `default`, PEFT's name for an adapter, where that is its last part or the one before.

    >>> _without_adapter_name("score.modules_to_save.default.bias")
    'score.modules_to_save.bias'
    """
    around, _, leaf = key.rpartition(".")
    return around if leaf == "default" else f"{around.removesuffix('.default')}.{leaf}"
