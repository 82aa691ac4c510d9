"""The weight that an adapter's module adapts, found in the files of its base model.

A module may be a copy of a layer (`layer_replication`), tied with the embeddings, whose weight is stored once, or hold
bare parameters (`target_parameters`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import NamedTuple

from lora_cli.dtypes import BY_TORCH_NAME, VALUE_TYPES
from lora_cli.errors import InvalidInput, argument, first_few, quote_long
from lora_cli.methods.adapter_file.format import Format
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter, parameter_owner
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.targeting.layer_replication import LISTS, original_name
from lora_cli.models.checkpoints.by_shape import OUTPUTS
from lora_cli.models.checkpoints.packings import PACKED_NAMES, helped
from lora_cli.models.checkpoints.safetensors_header import Stored, read_header
from lora_cli.models.checkpoints.shards import INDEX, NUMBERED, checkpoint_in, is_checkpoint, read_checkpoint
from lora_cli.models.files import existing_start
from lora_cli.models.peft_names import BASE_MODEL
from lora_cli.models.sources.local_files import CONFIG, read_files

FLOATS = tuple(BY_TORCH_NAME[name].name for name in VALUE_TYPES)
LAYER = re.compile(rf"(?:^|\.)(?:{'|'.join(map(re.escape, LISTS))})\.([0-9]{{1,5}})\.")
SHOWN_NAMES = 3
# Looking for a near name among more than these takes longer than it helps.
COMPARED_NAMES = 20_000


class Weight(NamedTuple):
    """A weight's name in its file, and where it is."""

    name: str
    stored: Stored


def split_weights(text: str) -> tuple[str, str | None]:
    """Return the path and the tensor of FILE[:TENSOR]; a path that exists is one, whatever is in its name.

    >>> split_weights("missing.safetensors:wte.weight")
    ('missing.safetensors', 'wte.weight')
    """
    if (path := existing_start(text)) is not None:
        return path, text[len(path) + 1 :] or None
    path, colon, name = text.rpartition(":")
    return (path, name) if colon and is_checkpoint(path) else (text, None)


def find_weight(text: str, module: str, trained: TrainedAdapter) -> Weight:
    """Return the tensor that FILE[:TENSOR] names: by default that of the module, wherever the model begins.

    Embeddings that the adapter's own file holds replace those of the model when PEFT loads it. A file that is not a
    safetensors checkpoint, a name that is not in it, and packed values raise `InvalidInput`.
    """
    path, name = split_weights(text)
    tensors = _tensors(path)
    own = f"{BASE_MODEL}{module}.base_layer.weight"
    if name is None and own in trained.tensors:
        tensors, name = trained.tensors, own
    elif name is None:
        name = _of_module(tensors, _base_name(tensors, module, trained.declared), trained.config, path)
    elif name not in tensors:
        raise InvalidInput(f"{quote_long(path)} has no tensor {quote_long(name)}{_instead(name, tensors)}")
    stored = tensors[name]
    scaled = next((other for other in tensors if _unpacks(other, name)), None)
    if stored.dtype not in FLOATS or scaled is not None:
        beside = "" if scaled is None else f", with {quote_long(scaled)} beside it"
        raise InvalidInput(
            f"{quote_long(name)} is packed as {stored.dtype}{beside}, so its values are not the weight's; "
            f"give the model before it was quantised, in {', '.join(FLOATS)}"
        )
    return Weight(name, stored)


def _unpacks(other: str, name: str) -> bool:
    """Whether a tensor's name says that it is a scale or a state of another's."""
    return helped(other) == name or (name.endswith(".weight") and other.startswith(f"{name}."))


def _tensors(path: str) -> Mapping[str, Stored]:
    if os.path.isdir(path):
        files = checkpoint_in(path)
        if not files:
            raise InvalidInput(
                f"{quote_long(path)} does not hold a safetensors checkpoint; give a folder or a file that does"
            )
        return read_checkpoint(files)
    if path.lower().endswith(INDEX):
        return read_checkpoint([path])
    if os.path.lexists(path) and not is_checkpoint(path):
        raise InvalidInput(
            f"{quote_long(path)} is not a safetensors file, and weights are read from no other; "
            "give one, its folder or its index"
        )
    # One shard is enough where it has the weight.
    return read_header(path)


def _of_module(tensors: Mapping[str, Stored], module: str, config: AdapterConfig, path: str) -> str:
    """Return the name of the weight of a module, or else of its adapted parameter, or of what it is tied with."""
    owner = original_name(parameter_owner(module), config.layer_replication, lambda: _layer_count(tensors, path))
    wanted = f"{owner}.weight"
    parameters = (f"{owner}.{name.rpartition('.')[2]}" for name in config.target_parameters or ())
    named = next(filter(None, (_ending(tensors, name, path) for name in (wanted, *parameters))), None)
    found = named or _ending(tensors, _tied(path).get(wanted, ""), path)
    if found is not None:
        return found
    packed = next((name for leaf in PACKED_NAMES for name in tensors if name.endswith(f"{owner}.{leaf}")), None)
    if packed is not None:
        raise InvalidInput(
            f"{quote_long(path)} has {quote_long(packed)}, which is packed; give the model before it was quantised"
        )
    head = " (a head that is tied to the embeddings has their weight)" if owner.endswith(OUTPUTS) else ""
    raise InvalidInput(
        f"{quote_long(path)} has no tensor {quote_long(wanted)}{_instead(wanted, tensors)}; name it as FILE:TENSOR{head}"
    )


def _base_name(tensors: Iterable[str], module: str, declared: Format) -> str:
    """Return the name in a checkpoint of a module that the adapter's format spells in its own way.

    The checkpoint may begin further up in the model.
    """
    wanted = declared.base_part(module)
    if wanted == module:
        return module
    dot = declared.spelled(".")
    owners = declared.names_in_files([name.removesuffix(".weight") for name in tensors])
    found = [owner for spelled, owner in owners.items() if f"{dot}{spelled}".endswith(f"{dot}{wanted}")]
    own = owners.get(wanted) or (found[0] if len(found) == 1 else (module,))
    if len(own) > 1:
        raise InvalidInput(
            f"{argument('weights')}: {quote_long(module)} is {first_few(own)} joined, which this checkpoint "
            "stores apart; give one that stores them joined, e.g. ComfyUI's"
        )
    return own[0]


def _layer_count(tensors: Iterable[str], path: str) -> int:
    """Return the number of layers in a whole checkpoint."""
    numbers = {int(found[1]) for name in tensors if (found := LAYER.search(name))}
    if NUMBERED.fullmatch(os.path.basename(path)) or numbers != {*range(len(numbers))}:
        raise InvalidInput(
            f"layer_replication counts layers from the end, and {quote_long(path)} does not have all of them; "
            "give the whole checkpoint, or name the weight as FILE:TENSOR"
        )
    return len(numbers)


def _tied(path: str) -> Mapping[str, str]:
    """Return the parameters that share their values with another, by the config.json of a checkpoint."""
    config = os.path.join(path if os.path.isdir(path) else os.path.dirname(path), CONFIG)
    with suppress(InvalidInput):
        return read_files(config).tied
    return {}


def _ending(tensors: Mapping[str, Stored], wanted: str, path: str) -> str | None:
    """Return the one name that equals the wanted one, ends with it or is its ending: prefixes differ between files."""
    if wanted in tensors:
        return wanted
    found = [name for name in tensors if wanted.endswith(f".{name}") or name.endswith(f".{wanted}")]
    # An ending as short as `weight` could be any module's.
    found = [name for name in found if name.count(".") > 1 or wanted.count(".") == 1]
    if len(found) > 1:
        raise InvalidInput(
            f"{quote_long(wanted)} could be {' or '.join(map(quote_long, found[:2]))} in {quote_long(path)}; name it as FILE:TENSOR"
        )
    return found[0] if found else None


def find_module(wanted: str, names: Sequence[str], adapter: TrainedAdapter) -> str:
    """Return the one module of an adapter that has that name or ending, as the base model or as the file spells it."""
    wanted = wanted.removeprefix(BASE_MODEL)
    if wanted in names:
        return wanted
    spelled = adapter.declared.spelled
    ending = spelled(f".{wanted}")
    found = [name for name in names if wanted and f"{spelled('.')}{name}".endswith(ending)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInput(
            f"{argument('module')}: {len(found)} modules end with {quote_long(wanted)}: {first_few(found)}; "
            "give more of the name"
        )
    raise InvalidInput(
        f"{argument('module')}: {quote_long(adapter.name)} has no module {quote_long(wanted)}{_instead(wanted, names)}"
    )


def _instead(wanted: str, names: Iterable[str]) -> str:
    """Return the names to suggest instead of an unknown one: those with a similar ending, or the first few."""
    known = list(names)[:COMPARED_NAMES]
    parts = wanted.count(".") + 1
    by_ending = {".".join(name.rsplit(".", parts)[-parts:]): name for name in reversed(known)}
    near = get_close_matches(wanted, by_ending, SHOWN_NAMES, 0.6)
    shown = [by_ending[ending] for ending in near] or known[:SHOWN_NAMES]
    if not shown:
        return "; it has none"
    nearest = "the nearest name is" if len(shown) == 1 else "the nearest names are"
    return f"; {nearest if near else 'it has'} {', '.join(map(quote_long, shown))}"
