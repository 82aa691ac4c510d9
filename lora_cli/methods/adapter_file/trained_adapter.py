"""A trained adapter on disk: the config and the tensors that PEFT's `save_pretrained` wrote."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.reading import no_peft_type, read_adapter_config
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.name_matching import by_pattern, ranker
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.models.checkpoints.safetensors_header import Stored, read_header
from lora_cli.models.config import Config
from lora_cli.models.files import path_text, read_object
from lora_cli.models.peft_names import ADAPTER_CONFIG, ADAPTER_FILES, ADAPTER_WEIGHTS, BASE_MODEL, PICKLED_WEIGHTS
from lora_cli.models.sources.adapter_source import adapter_on_hub, name_on_hub, pickled_weights

if TYPE_CHECKING:
    from lora_cli.models.sources.hub_files import RemoteHeader

# How the keys of A and B end: for a Linear or a convolution, and for an Embedding.
FACTOR_ENDINGS = ((".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B"))
# PEFT's default of `lora_alpha`.
DEFAULT_ALPHA = 8


class Factors(NamedTuple):
    """LoRA's A and B of one module as the file stores them: A as r × d, B as h × r.

    For a convolution the size of its kernel follows, and B is h × r / groups. The weight's update is `scaling` · B·A,
    of h × d.
    """

    module: str
    a: Stored
    b: Stored
    alpha: float
    scaling: float

    @property
    def r(self) -> int:
        """The rank, from the shape of A."""
        return self.a.shape[0]

    @property
    def groups(self) -> int:
        """How many groups a convolution has; 1 for any other module."""
        return self.a.shape[0] // self.b.shape[1]


@dataclass(frozen=True, slots=True, repr=False)
class TrainedAdapter:
    """The adapter in a folder: the fields of its config, the config they make, and the file's tensors by key.

    `name` is the path as the caller wrote it, and `folder` the folder it leads to. `unknown` lists the config's
    fields that its method does not have. Of an adapter on the Hub, `revision` is its commit, `notes` say what was
    fetched, and `header` is that of its file unless the file is in the cache.
    """

    name: str
    folder: str
    fields: Mapping[str, Any]
    config: AdapterConfig
    unknown: tuple[str, ...]
    tensors: Mapping[str, Stored] = field(default_factory=dict)
    header: RemoteHeader | None = None
    revision: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def file_bytes(self) -> int:
        """The size of the file that holds the tensors."""
        return os.path.getsize(self.weights) if self.header is None else self.header.size

    def stored(self) -> dict[str, Stored]:
        """Return the tensors of that file by key; a file that is broken raises `BrokenFile`."""
        return read_header(self.weights) if self.header is None else self.header.tensors()

    def check_values(self) -> None:
        """Refuse an adapter whose values stay on the Hub."""
        if self.header is not None:
            raise InvalidInput(
                f"{quote_long(self.name)}: its values are on the Hub, and only headers are fetched; download it with "
                f"`hf download {self.name.partition('@')[0]}`, and ask again"
            )

    def content(self, stored: Stored) -> bytes:
        """Return the bytes of the values of one tensor, which are fetched if the file is on the Hub."""
        return stored.read() if self.header is None else self.header.part(stored.start, stored.end)

    def __repr__(self) -> str:
        return f"TrainedAdapter({self.name!r}, {self.config.label}, {len(self.tensors):,} tensors)"

    @property
    def weights(self) -> str:
        """The path of the file that holds the tensors."""
        return os.path.join(self.folder, ADAPTER_WEIGHTS)

    @property
    def has_lora_factors(self) -> bool:
        """Whether the method's update is scaling · B·A, of LoRA's A and B."""
        return method_named(self.config.method).has_lora_factors

    @property
    def alpha(self) -> float | None:
        """LoRA's alpha; None for another method."""
        if not self.has_lora_factors:
            return None
        alpha = self.fields.get("lora_alpha")
        return float(DEFAULT_ALPHA if alpha is None else alpha)

    def patterns(self, name: str) -> Mapping[str, Any]:
        """Return `rank_pattern` or `alpha_pattern`, which a method that ignores it may have as anything."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}

    def factors(self) -> list[Factors]:
        """Return the pairs of A and B whose shapes fit each other, in the file's order.

        The scaling is α / r, or α / √r with `use_rslora`. α follows `alpha_pattern`. r is the config's rank and not
        the rows of A, because some starts store fewer rows.
        """
        rank_of = ranker(self.config)
        alpha_of = by_pattern(self.config.alpha_pattern, self.alpha or 0.0)
        divisor = math.sqrt if self.fields.get("use_rslora") else float
        with matching_time_limit(len(self.tensors)):
            scaled = ((module, a, b, float(alpha_of(module))) for module, a, b in self._pairs())
            return [Factors(*pair, pair[-1] / divisor(rank_of(pair[0]))) for pair in scaled]

    def _pairs(self) -> Iterator[tuple[str, Stored, Stored]]:
        for key, a in self.tensors.items():
            ending, other = next((pair for pair in FACTOR_ENDINGS if key.endswith(pair[0])), ("", ""))
            b = self.tensors.get(f"{key.removesuffix(ending)}{other}") if ending else None
            if b is not None and _fit(a.shape, b.shape):
                yield intern(key.removesuffix(ending).removeprefix(BASE_MODEL)), a, b

    def may_hold_experts(self, module: str) -> bool:
        """Whether one of `target_parameters` belongs to a module: PEFT names its factors after that module."""
        owner = parameter_owner(module)
        return any(is_owner(owner, parameter) for parameter in self.config.target_parameters or ())


def is_owner(module: str, parameter: str) -> bool:
    """Whether an entry of `target_parameters` may name a parameter of a module.

    >>> is_owner("mlp.experts", "down_proj"), is_owner("mlp.experts", "gate.weight")
    (True, False)
    """
    wanted = parameter.rpartition(".")[0]
    return not wanted or f".{module}".endswith(f".{wanted}")


def parameter_owner(module: str) -> str:
    """Return the module whose bare parameter is adapted; PEFT wraps it once for each of its parameters.

    >>> parameter_owner("mlp.experts.base_layer")
    'mlp.experts'
    """
    while module.endswith(".base_layer"):
        module = module.removesuffix(".base_layer")
    return module


def _fit(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether A and B are of one rank, of which each group of a convolution has its part in B."""
    if not (len(a) == len(b) > 1 and a[0] and b[1]):
        return False
    groups, rest = divmod(a[0], b[1])
    return rest == 0 and (groups == 1 or (len(a) > 2 and b[0] % groups == 0))


def adapter_folder(path: str) -> str | None:
    """Return the folder of the adapter that a path leads to, or None where there is no adapter.

    The path is that folder or one of PEFT's files in it.
    """
    if os.path.basename(path) in ADAPTER_FILES:
        return os.path.dirname(path)
    if not os.path.isdir(path):
        return None
    return path if any(os.path.lexists(os.path.join(path, name)) for name in ADAPTER_FILES) else None


def has_weights(folder: str) -> bool:
    """Whether a folder has an adapter's weights, in safetensors or pickled."""
    return any(os.path.lexists(os.path.join(folder, name)) for name in (ADAPTER_WEIGHTS, PICKLED_WEIGHTS))


def read_adapter(path: str | os.PathLike[str]) -> TrainedAdapter:
    """Return the adapter in a folder, the one that a path to one of its files names, or the one of a Hub name.

    Raise `InvalidInput` for a folder without a config or weights, for pickled weights, and for a broken config or
    file.
    """
    found = adapter_without_tensors(path_text("path", path))
    return replace(found, tensors=found.stored())


def adapter_without_tensors(path: str) -> TrainedAdapter:
    """Return the adapter as its config describes it, without the tensors; their file exists but may be broken."""
    name = name_on_hub(path)
    if name is not None:
        file, header = adapter_on_hub(name)
        read = _read(path, os.path.dirname(file.path), file.path, file.name)
        return replace(read, header=header, revision=file.revision, notes=file.notes)
    folder = adapter_folder(path)
    if folder is None:
        raise InvalidInput(
            f"{quote_long(path)} is not a trained adapter; give a folder with {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}, "
            "as PEFT saves it, or a name on the Hub"
        )
    config = os.path.join(folder, ADAPTER_CONFIG)
    if not os.path.lexists(config):
        raise InvalidInput(
            f"{quote_long(path)} has no {ADAPTER_CONFIG}, which says what its tensors mean; "
            "copy it from where the adapter was trained"
        )
    _check_weights(folder, path)
    return _read(path, folder, config, quote_long(config))


def _read(path: str, folder: str, config: str, source: str) -> TrainedAdapter:
    fields = read_object(config)
    own = Config(fields, source)
    if fields.get("peft_type") is None:
        raise no_peft_type(own)
    read, unknown = read_adapter_config(own)
    return TrainedAdapter(path, folder, fields, read, tuple(unknown))


def _check_weights(folder: str, path: str) -> None:
    if os.path.lexists(os.path.join(folder, ADAPTER_WEIGHTS)):
        return
    if os.path.lexists(os.path.join(folder, PICKLED_WEIGHTS)):
        raise pickled_weights(path)
    raise InvalidInput(
        f"{quote_long(path)} has no {ADAPTER_WEIGHTS}; to count only its config, give it to count as {argument('adapter')}"
    )
