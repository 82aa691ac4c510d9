"""PEFT: what a release of it refuses in an adapter's folder, and what of the config it leaves out.

The file itself is compared by what `inspect` finds: `peft/utils/save_and_load.py`: `set_peft_model_state_dict` raises
on another shape, skips unexpected keys and leaves missing ones as they start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lora_cli.analysis.inspect.findings.declaration import ERROR, NOTE, Kind, counted_with, finding
from lora_cli.analysis.loaders.declaration import Loader, Loading
from lora_cli.errors import quote
from lora_cli.methods.adapter_file.weight_update import subtracting_start
from lora_cli.methods.config.peft_releases import REFUSED, WARNED

# Fields that a release does not have, with the release that they came with.
Unknown = Mapping[str, str | None]
NEWER = "use a newer release of PEFT"


@finding("peft-method", ERROR, NEWER)
def unknown_method(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find a method that the release does not have: `PEFT_TYPE_TO_CONFIG_MAPPING[peft_type]` raises KeyError."""
    name = loading.config.method.upper()
    first = loading.release.lacks_method(name)
    if first is not None:
        yield f"PEFT {loading.release.version} does not have the method {name}", f"use PEFT {first} or newer"


@finding("peft-safetensors", ERROR, NEWER)
def unread_file(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find a safetensors file for a release that looks only for adapter_model.bin (`peft/peft_model.py`)."""
    first = loading.release.lacks_safetensors
    if first is not None:
        yield f"PEFT {loading.release.version} does not read safetensors files", f"use PEFT {first} or newer"


@finding("peft-start", ERROR, NEWER)
def unknown_start(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find an `init_lora_weights` that the release does not have: `reset_lora_parameters` raises ValueError for it.

    `peft/tuners/lora/layer.py`: "Unknown initialization init_lora_weights=".
    """
    start, release = loading.config.lora.init_lora_weights, loading.release
    # With a model, `inspect` tells what every release refuses.
    if not isinstance(start, str) or loading.adapter.refusal is not None or not release.refuses_start(start):
        return
    first = release.first_with_start(start)
    newer = [] if first is None else [f"use PEFT {first} or newer"]
    # Some starts change the base weights each time an adapter is loaded.
    plain = (
        [] if subtracting_start(loading.config) else ['set "init_lora_weights": true, as the weights are in the file']
    )
    message = f"PEFT {release.version} refuses init_lora_weights {quote(start)}, which it does not know"
    yield message, ", or ".join(newer + plain) or NEWER


@finding("peft-field", ERROR, NEWER)
def unknown_field(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find fields without which the release refuses the config, or loads another one than was trained.

    `peft/config.py`: up to 0.5 `from_pretrained` sets only the attributes that a config has; from 0.7 on
    `config_cls(**kwargs)` raises TypeError; from 0.14 on `from_peft_type` catches that, removes the field and warns.
    """
    release, unknown = loading.release, _unknown(loading)
    if not unknown:
        return
    idle = _idle(loading, unknown)
    if release.other_fields == REFUSED:
        message = f"{counted_with([*unknown], 'field', 'is', 'are')} unknown to PEFT {release.version}, which refuses the config"
        yield message, _remedy(loading, unknown, idle)
        return
    # Of a field that no release has, it is not known what it changes; `inspect` tells those.
    method = loading.config.method.upper()
    lost = {name: since for name, since in unknown.items() if name not in idle and release.is_known(method, name)}
    if lost:
        message = f"{counted_with([*lost], 'field', 'is', 'are')} unknown to PEFT {release.version}, which loads the adapter without"
        yield message, _remedy(loading, lost, {})


@finding("peft-spare-field", NOTE, "drop them to be rid of its warning")
def spare_field(loading: Loading) -> Iterator[str]:
    """Find fields that the release ignores without harm, because their values are the defaults."""
    # `inspect` tells what the newest release does not have.
    if loading.release.is_newest or loading.release.other_fields != WARNED:
        return
    idle = [*_idle(loading, _unknown(loading))]
    if idle:
        yield f"{counted_with(idle, 'field', 'is', 'are')} ignored by PEFT {loading.release.version}, where the value changes nothing"


def _unknown(loading: Loading) -> Unknown:
    """Return the fields that the release does not have."""
    return loading.release.unknown_fields(loading.config.method.upper(), loading.adapter.trained.fields)


def _idle(loading: Loading, unknown: Unknown) -> Unknown:
    """Return those of some fields whose value changes nothing."""
    method, fields = loading.config.method.upper(), loading.adapter.trained.fields
    return {
        name: since for name, since in unknown.items() if loading.release.changes_nothing(method, name, fields[name])
    }


def _remedy(loading: Loading, unknown: Unknown, idle: Unknown) -> str:
    """Return the release that has these fields, and what to do without those that change nothing."""
    drop = f"drop {'it' if len(idle) == 1 else 'them'} from adapter_config.json, where {'it changes' if len(idle) == 1 else 'they change'} nothing"
    newest = loading.release.newest(unknown)
    use = "use the release that wrote it" if newest is None else f"use PEFT {newest} or newer"
    if idle.keys() == unknown.keys():
        return f"{drop}, or {use}"
    needed = loading.release.newest({name: since for name, since in unknown.items() if name not in idle})
    return use if needed in (None, newest) else f"{use}, or PEFT {needed} without {', '.join(idle)}"


LOADER = Loader(
    "peft",
    "PEFT",
    "0.21.2",
    [kind for kind in vars().values() if isinstance(kind, Kind)],
    [unknown_method],
    frozenset(
        {
            *("broken-file", "empty-tensor", "refused-config", "wrong-prefix", "other-model", "unknown-tensor"),
            *("missing-tensor", "vocabulary-mismatch", "shape-mismatch", "rank-mismatch"),
        }
    ),
    has_releases=True,
)
