"""The names that subjects have in a lock: what is adapted, and how, so that each config has a record of its own."""

from __future__ import annotations

import json
import os
from hashlib import sha256

from lora_cli.analysis.result import Record
from lora_cli.analysis.revisions import ADAPTER_REVISION
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.arguments import target_modules
from lora_cli.models.peft_names import ADAPTER_CONFIG
from lora_cli.models.sources.hub_name import MARK

# Stands between what is adapted and how.
SEPARATOR = " | "
# A longer description is cut, and ends with a digest of all of it.
DESCRIBED_CHARACTERS = 120
DIGEST_CHARACTERS = 12
ON_HUB = "hf://"


def path_key(path: str, lock: str) -> str:
    """Return the key of a file or a folder: its path from the lock's folder.

    It is the same from any working directory. It has a slash, which the name of a preset does not have, and which in the
    key of a Hub name is behind `hf://`.
    """
    key = os.path.relpath(_real(path), os.path.dirname(_real(lock))).replace(os.sep, "/")
    return key if "/" in key else f"./{key}"


def name_key(name: str) -> str:
    """Return the key of a preset's name or a Hub name, without its revision, which is recorded beside it.

    >>> name_key("GPT2"), name_key("Qwen/Qwen3-8B@v1")
    ('gpt2', 'hf://qwen/qwen3-8b')
    """
    repository = name.partition(MARK)[0].lower()
    return f"{ON_HUB}{repository}" if "/" in repository else name.lower()


def subject_of_key(key: str) -> str:
    """Return what is adapted, without how.

    >>> subject_of_key("gpt2 | lora r=8")
    'gpt2'
    """
    return key.partition(SEPARATOR)[0]


def path_of_key(key: str, lock: str) -> str | None:
    """Return the path that a key begins with, or None for the key of a matrix or of a name."""
    subject = subject_of_key(key)
    is_path = "/" in subject and not subject.startswith(ON_HUB)
    return os.path.join(os.path.dirname(_real(lock)), subject) if is_path else None


def count_key(record: Record, how: Adaptation, lock: str) -> str:
    """Return the key of a count: its model's path or name, or the matrix, e.g. `4096 x 14336`, and how it is adapted."""
    model = record.get("model")
    subject = model_key(model, lock) if isinstance(model, str) else f"{record['d']} x {record['h']}"
    if how.adapter is None:
        return f"{subject}{SEPARATOR}{_described(record, how)}"
    path = os.fspath(how.adapter)
    if ADAPTER_REVISION in record:
        return f"{name_key(path)}{SEPARATOR}{subject}"
    folder, name = os.path.split(path)
    own = (folder or ".") if name == ADAPTER_CONFIG else path
    return f"{path_key(own, lock)}{SEPARATOR}{subject}"


def recipe_key(recipe: str, model: str | None, how: Adaptation, lock: str) -> str:
    """Return the key of a trainer's recipe: its path, and what replaces its own model and its own words.

    A change of what it says itself is a change of figures under the same key.
    """
    parts = (path_key(recipe, lock), None if model is None else model_key(model, lock), _replacing(how))
    return SEPARATOR.join(filter(None, parts))


def recipe_name(recipe: str, how: Adaptation) -> str:
    """Return the name of a trainer's recipe beside other subjects: its path, and what replaces its own words.

    >>> recipe_name("sft.json", Adaptation()), recipe_name("sft.json", Adaptation(r=8, target="q_proj"))
    ('sft.json', 'sft.json | r=8 target=q_proj')
    """
    return SEPARATOR.join(filter(None, (recipe, _replacing(how))))


def _replacing(how: Adaptation) -> str:
    """Return what an adaptation says itself, in few words; nothing of one that says nothing."""
    return _shortened(" ".join([*filter(None, [how.method]), *_chosen(how.r, how)]))


def model_key(model: str, lock: str) -> str:
    """Return the key of a model, by its path or its name."""
    return path_key(model, lock) if os.path.lexists(model) else name_key(model)


def _described(record: Record, how: Adaptation) -> str:
    """Return what decides the figures, as the caller gave it: `lora r=8 target=q_proj,v_proj`."""
    return _shortened(" ".join([str(record["method"]), *_chosen(record.get("r"), how)]))


def _chosen(r: object, how: Adaptation) -> list[str]:
    target = None if how.target is None else target_modules(how.target)
    chosen = {
        "r": r,
        "target": target if target is None or isinstance(target, str) else ",".join(target),
        **{name: json.dumps(value, sort_keys=True, default=str) for name, value in sorted(how.settings.items())},
        "dtype": how.adapter_dtype,
    }
    return [f"{name}={value}" for name, value in chosen.items() if value is not None]


def _shortened(text: str) -> str:
    if len(text) <= DESCRIBED_CHARACTERS:
        return text
    return f"{text[:DESCRIBED_CHARACTERS]}... {sha256(text.encode(errors='replace')).hexdigest()[:DIGEST_CHARACTERS]}"


def _real(path: str) -> str:
    """Return the absolute path with links in its folder resolved; a link at its end has a name of its own."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)
