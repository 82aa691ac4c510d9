"""The file that PEFT saves: which tensors of the adapted model are in it, under which keys.

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
    adapt,
    grown,
    keep_copy,
    train_rows,
)
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.name_matching import ALL_LINEAR
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.methods.targeting.shortened_names import condensed
from lora_cli.methods.targeting.targets import Targets
from lora_cli.methods.targeting.ties import EMBEDDING_LAYERS
from lora_cli.methods.tensor import Tensor
from lora_cli.models.model import Model

Added = Sequence[tuple[Place, Sequence[Tensor]]]
Entries = Iterator[tuple[str, Tensor]]

ROOT = "base_model.model"


def saved_file(targets: Targets, added: Added, shared: Iterable[Tensor]) -> dict[str, Tensor] | None:
    """Return the tensors of the file by key; `added` are those beside each place, `shared` those there once for all.

    There is none where PEFT would save the embeddings of a model that names none, as CLIP's two towers, and
    it is not known for ShadowPEFT with full copies or embeddings.
    """
    dtype = adapter_dtype(targets)
    kept = [_precise(dtype, tensor) for tensor in shared if tensor.saved]
    found = {f"base_model.{tensor.key}": tensor for tensor in kept}
    added = [(place, [_precise(dtype, tensor) for tensor in tensors]) for place, tensors in added]
    config = targets.config
    embeddings = _saves_embeddings(targets)
    if embeddings and targets.model.embeddings is None:
        return None
    # What PEFT copies and saves of the shadow itself beside these is not written down here.
    if config.method == "shadow" and (targets.saved or embeddings):
        return None
    extras = targets.saved or targets.rows or config.bias != "none" or embeddings
    if not extras and not any(place.parameter for place, _ in added):
        every = ((place.module.name, tensor) for place, tensors in added for tensor in tensors if tensor.saved)
        return found | {f"{ROOT}.{name}.{tensor.key}": tensor for name, tensor in every}
    root = _wrapped(targets, added, kept)
    entries = [*_adapters(root), *_biases(root, config.bias), *_copies(root, ROOT), *_rows(root)]
    entries += _embeddings(root, targets.model) if embeddings else ()
    return found | {_without_adapters_name(key): tensor for key, tensor in entries}


def prompt_file(targets: Targets, virtual: Iterable[Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a prompt method's file by key: what is `virtual`, and full copies.

    PEFT puts nothing between itself and the model then.
    """
    wanted = targets.config.adapter_dtype
    found = {t.key: t._replace(dtype=wanted or t.dtype) for t in virtual if t.saved}
    copies = _copies(_wrapped(targets, (), ()), "base_model") if targets.saved else ()
    return found | {_without_adapters_name(key): tensor for key, tensor in copies}


def _precise(dtype: str, tensor: Tensor) -> Tensor:
    """Return an adapter's tensor in the type that it is saved in; what is no float32, as an index, stays what it is."""
    return tensor._replace(dtype=dtype) if tensor.dtype == "F32" != dtype else tensor


def adapter_dtype(targets: Targets) -> str:
    """Return the type that an adapter is saved in: what is asked for, or PEFT's, the base's but no half precision."""
    return targets.config.adapter_dtype or ("F64" if targets.model.dtype == "F64" else "F32")


def _wrapped(targets: Targets, added: Added, shared: Sequence[Tensor]) -> Branch:
    """Return the model's modules after PEFT has been through them, in its order.

    What is `shared` hangs on each adapter too, and so comes into copies of it.
    """
    model, root = targets.model, grown(targets.model)
    shared = [tensor._replace(saved=False) for tensor in shared]
    for place, tensors in added:
        adapt(root, place.owner, (*shared, *tensors))
    embeddings = model.embeddings or ""
    for step in targets.copied.steps:
        if step.deed != "train":
            keep_copy(root, step.name, root.inner(embeddings).copy if step.deed == "freeze" else None)
    dtype = adapter_dtype(targets)
    for rows in targets.rows:
        for path in rows.paths:
            train_rows(root, path, (len(rows.tokens), rows.width), dtype)
    for leading in (rows for rows in targets.rows if rows.module.name == embeddings):
        for name in targets.following:
            train_rows(root, name, (len(leading.tokens), leading.width), dtype, follows=True)
    return root


def _adapters(root: Branch) -> Entries:
    """Yield what is beside the adapted modules, but for those inside copies, which are saved with them."""
    for path, branch, inside in root.walk(ROOT):
        if branch.role == ADAPTED and not inside:
            yield from ((f"{path}.{tensor.key}", tensor) for tensor in branch.leaves.values() if tensor.saved)


def _biases(root: Branch, bias: str) -> Entries:
    """Yield the base model's biases that are trained, and with `all` whatever else is called so."""
    if bias == "all":
        yield from ((key, tensor) for key, tensor in root.state(ROOT) if key.endswith(".bias"))
    elif bias != "none":
        for path, branch, _ in root.walk(ROOT):
            base = branch.children["base_layer"] if branch.role == ADAPTED else Branch()
            yield from ((f"{path}.base_layer.bias", leaf) for name, leaf in base.leaves.items() if name == "bias")


def _copies(root: Branch, top: str) -> Entries:
    """Yield all that the full copies hold, under the names of what they are copies of."""
    for path, branch, _ in root.walk(top):
        if branch.role == COPIED and branch.copy is not None:
            yield from branch.copy.state(path)


def _rows(root: Branch) -> Entries:
    """Yield the rows that are trained, but not what they were."""
    for path, branch, _ in root.walk(ROOT):
        if branch.role == ROWS:
            yield f"{path}.token_adapter.{DELTA}", branch.children["token_adapter"].leaves[DELTA]


def _embeddings(root: Branch, model: Model) -> Entries:
    """Yield the weights of the input and the output embeddings, as far as they are adapted."""
    for name in filter(None, (model.embeddings, model.output)):
        base = root.inner(name).children.get("base_layer")
        if base is not None and base.kind in {"Embedding", "Linear"}:
            yield from base.state(next(path for path, branch, _ in root.walk(ROOT) if branch is base))


def _saves_embeddings(targets: Targets) -> bool:
    """Whether a target is called as the embeddings mostly are, so that PEFT saves those whole."""
    config, model = targets.config, targets.model
    wanted = config.target_modules
    if config.trainable_token_indices is not None or config.method == "trainable_tokens" or not wanted:
        return False
    if isinstance(wanted, str):
        names = (name for name in model.module_names if name.rpartition(".")[2] in EMBEDDING_LAYERS)
        return wanted.lower() != ALL_LINEAR and any(compiled(wanted).fullmatch(name) for name in names)
    # (IA)³ keeps its targets as they are.
    kept = wanted if config.method == "ia3" else condensed(wanted, model.module_names)
    return not set(kept).isdisjoint(EMBEDDING_LAYERS)


def _without_adapters_name(key: str) -> str:
    """Return a key without `default`, which PEFT calls an adapter, where it is the last part or the one before it.

    >>> _without_adapters_name("score.modules_to_save.default.bias")
    'score.modules_to_save.bias'
    """
    around, _, leaf = key.rpartition(".")
    return around if leaf == "default" else f"{around.removesuffix('.default')}.{leaf}"
