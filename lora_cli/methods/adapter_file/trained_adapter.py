"""A trained adapter on disk: the config and the header of what PEFT's `save_pretrained` wrote."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig, read_adapter_config
from lora_cli.methods.targeting.name_matching import by_pattern, patient_with, ranker
from lora_cli.models.checkpoints.safetensors_header import Stored, read_header
from lora_cli.models.config import Config
from lora_cli.models.files import read_object

CONFIG, WEIGHTS, PICKLED = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
# What PEFT puts before the name that a module has in the base model.
ROOT = "base_model.model."
# A key's last parts for A and for B, of a Linear or a convolution and of an Embedding.
PAIRS = ((".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B"))


class Factors(NamedTuple):
    """LoRA's pair of one module as it is stored: A as r × d, B as h × r, a convolution's with its kernel behind.

    The weight's update is `scaling` · B·A, of h × d.
    """

    module: str
    a: Stored
    b: Stored
    alpha: float
    scaling: float

    @property
    def r(self) -> int:
        """The rank, by the shape of A."""
        return self.a.shape[0]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a folder holds: the fields of its config, what they mean, and the tensors of its file by key.

    `folder` is where it is and `name` how it was asked for. `unknown` are the config's fields that nobody knows.
    """

    name: str
    folder: str
    fields: Mapping[str, Any]
    config: AdapterConfig
    unknown: tuple[str, ...]
    tensors: Mapping[str, Stored] = field(default_factory=dict)

    @property
    def weights(self) -> str:
        """The path of the file."""
        return os.path.join(self.folder, WEIGHTS)

    @property
    def alpha(self) -> float | None:
        """LoRA's alpha, where PEFT's default is 8; None for another method."""
        alpha = self.fields.get("lora_alpha")
        return float(8 if alpha is None else alpha) if self.config.method == "lora" else None

    def factors(self) -> Iterator[Factors]:
        """Yield LoRA's pairs of matrices in the file, in its order, whose shapes fit each other.

        The scaling is α / r, or α / √r with `use_rslora`, with a module's own α by `alpha_pattern`, and r by the
        config: some starts store fewer rows than that.
        """
        pairs = list(self._pairs())
        rank_of = ranker(self.config)
        alpha_of = by_pattern(self.fields.get("alpha_pattern") or {}, self.alpha or 0.0)
        divisor = math.sqrt if self.fields.get("use_rslora") else float
        with patient_with(len(pairs)):
            scales = [(float(alpha_of(module)), divisor(rank_of(module))) for module, _, _ in pairs]
        for (module, a, b), (alpha, divided) in zip(pairs, scales, strict=True):
            yield Factors(module, a, b, alpha, alpha / divided)

    def _pairs(self) -> Iterator[tuple[str, Stored, Stored]]:
        for key, a in self.tensors.items():
            ending, other = next((pair for pair in PAIRS if key.endswith(pair[0])), ("", ""))
            b = self.tensors.get(f"{key.removesuffix(ending)}{other}") if ending else None
            if b is not None and len(a.shape) == len(b.shape) > 1 and a.shape[0] == b.shape[1] > 0:
                yield key.removesuffix(ending).removeprefix(ROOT), a, b


def adapter_folder(path: str) -> str | None:
    """Return the folder of the trained adapter that a path leads to: itself, or the one its file is in; else None."""
    if os.path.basename(path) in {CONFIG, WEIGHTS, PICKLED}:
        return os.path.dirname(path)
    if not os.path.isdir(path):
        return None
    return path if any(os.path.lexists(os.path.join(path, name)) for name in (CONFIG, WEIGHTS, PICKLED)) else None


def has_weights(folder: str) -> bool:
    """Whether a folder has an adapter's weights, in whichever format."""
    return any(os.path.lexists(os.path.join(folder, name)) for name in (WEIGHTS, PICKLED))


def read_trained(path: str) -> Trained:
    """Return the adapter in a folder, or the one that a path to its weights names.

    `InvalidInput` is raised for a folder without a config or without weights, for weights that would have to be
    unpickled, and for a config or a file that is broken.
    """
    found = read_promise(path)
    return replace(found, tensors=read_header(found.weights))


def read_promise(path: str) -> Trained:
    """Return the same as far as the config tells: without the tensors, whose file is there and may be broken."""
    folder = adapter_folder(path)
    if folder is None:
        raise InvalidInput(
            f"{quote_long(path)} is no trained adapter; give a folder with {CONFIG} and {WEIGHTS}, as PEFT saves it"
        )
    config = os.path.join(folder, CONFIG)
    if not os.path.lexists(config):
        raise InvalidInput(
            f"{quote_long(path)} has no {CONFIG}, which says what its tensors mean; copy it from where the adapter was trained"
        )
    _check_weights(folder, path)
    fields = read_object(config)
    read, unknown = read_adapter_config(Config(fields, quote_long(config)))
    return Trained(path, folder, fields, read, tuple(unknown))


def _check_weights(folder: str, path: str) -> None:
    if os.path.lexists(os.path.join(folder, WEIGHTS)):
        return
    if os.path.lexists(os.path.join(folder, PICKLED)):
        raise InvalidInput(
            f"{quote_long(path)} has {PICKLED} alone, which would have to be unpickled and can run any program; "
            "load it with PEFT where you trust it, and save_pretrained writes safetensors"
        )
    raise InvalidInput(f"{quote_long(path)} has no {WEIGHTS}; a config alone is counted by count --adapter")
