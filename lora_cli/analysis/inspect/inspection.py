"""What trained adapters on disk hold, next to what their configs promise."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.count.matrix_count import Record
from lora_cli.analysis.inspect.adapter_keys import beside_a_matrix, canonical
from lora_cli.analysis.inspect.values import Seen, look
from lora_cli.errors import InvalidInput
from lora_cli.methods.adapter_file.trained_adapter import ROOT, Factors, Trained, read_promise
from lora_cli.methods.method import as_read, nothing
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.name_matching import patient_with, ranker
from lora_cli.methods.tensor import DTYPES, Tensor, written_bytes
from lora_cli.models.checkpoints.safetensors_header import BrokenFile, Stored, read_header
from lora_cli.models.model import Model
from lora_cli.time_limit import OutOfPatience

if TYPE_CHECKING:
    from lora_cli.analysis.count.model_count import ModelCount
    from lora_cli.analysis.inspect.spectrum import Spectrum

FIELDS = (
    "adapter",
    "method",
    "base_model",
    "r",
    "alpha",
    "adapted_modules",
    "trainable_params",
    "file_params",
    "expected_params",
    "adapter_bytes",
    "expected_bytes",
    "dtype",
)
# With a spectrum.
SPECTRUM_FIELDS = ("rank_needed", "saved_params", "saved_bytes")
MODULE_SPECTRUM_FIELDS = ("norm", "rank_90", "rank_95", "rank_99")
MODULE_FIELDS = ("adapter", "name", "d", "h", "r", "alpha", "scaling", "params", "dtype")
GROUP_FIELDS = ("module", "count", "d", "h", "r", "scaling", "params", "percent")
# As torch calls the types that adapters are saved in.
TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
# Above this the values of a file are read when they are asked for alone.
READ_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Inspection:
    """One adapter: what was read of it, the model that it is held against, and what its values are.

    `broken` says why the file could not be read; then nothing is known of its tensors. `seen` is None
    where the values were not looked at; `refused` says why PEFT would not put the config on the model.
    """

    trained: Trained
    model: Model | None = None
    broken: str | None = None
    seen: Mapping[str, Seen] | None = None
    refused: str | None = None
    spectrum: Spectrum | None = None

    @property
    def adapter(self) -> str:
        """The path, as it was asked for."""
        return self.trained.name

    @property
    def method(self) -> str:
        """The method's name, or that of its variant."""
        return self.trained.config.label

    @property
    def base_model(self) -> str | None:
        """The base model that the config names."""
        name = self.trained.fields.get("base_model_name_or_path")
        return name if isinstance(name, str) else None

    @property
    def r(self) -> int | None:
        """The config's rank, where no pattern says otherwise."""
        return self.trained.config.r or None

    @property
    def alpha(self) -> float | None:
        """LoRA's alpha."""
        return self.trained.alpha

    @cached_property
    def tensors(self) -> Mapping[str, Stored]:
        """The file's tensors by the key that PEFT gives them, as far as it is known."""
        return {self._key(key): stored for key, stored in self.trained.tensors.items()}

    def _key(self, key: str) -> str:
        right = canonical(key)
        if self.expected is None:
            return right if self.own else key
        return right if right in self.expected and key not in self.expected else key

    @cached_property
    def cost(self) -> ModelCount | None:
        """What the config trains on the model."""
        if self.model is None or self.refused is not None:
            return None
        from lora_cli.analysis.count.model_count import count_model

        return count_model(self.model, self.trained.config)

    @cached_property
    def expected(self) -> Mapping[str, Tensor] | None:
        """The tensors that PEFT saves of the config on the model; None where data decide or they are not known."""
        saved = None if self.cost is None else self.cost.saved_tensors
        return None if saved is None or any(tensor.stored is None for tensor in saved.values()) else saved

    @cached_property
    def own(self) -> Mapping[str, Tensor]:
        """What the method calls the tensors beside a module; empty where that depends on the module."""
        return beside_a_matrix(self.trained)

    @cached_property
    def parts(self) -> Mapping[str, tuple[str, str]]:
        """The keys that name a tensor of the method's own, with its module and its name there."""
        endings = [f".{ending}" for ending in self.own]
        found = {key: next(filter(key.endswith, endings), "") for key in self.tensors}
        return {
            key: (key.removesuffix(ending).removeprefix(ROOT), ending[1:]) for key, ending in found.items() if ending
        }

    def split(self, key: str) -> tuple[str, str] | None:
        """Return the module and the tensor of the method's that a key names; None for a key of another kind."""
        return self.parts.get(key)

    @cached_property
    def beside(self) -> Mapping[str, Mapping[str, Stored]]:
        """The tensors of the method's own, by module."""
        found: dict[str, dict[str, Stored]] = {}
        for key, (module, ending) in self.parts.items():
            found.setdefault(module, {})[ending] = self.tensors[key]
        return found

    @cached_property
    def factors(self) -> Mapping[str, Factors]:
        """LoRA's pairs, by module."""
        return {pair.module: pair for pair in self.named.factors()} if self.trained.config.method == "lora" else {}

    @property
    def named(self) -> Trained:
        """The adapter with the keys that PEFT gives its tensors."""
        return replace(self.trained, tensors=self.tensors)

    @property
    def adapted_modules(self) -> int | None:
        """How many modules the file has an adapter for."""
        return len(self.beside) if self.own and not self.broken else None

    @property
    def trainable_params(self) -> int | None:
        """What the method trains: on the model, or else in the file, where that holds what is trained and no more."""
        if self.cost is not None:
            return self.cost.trainable_params
        method = method_named(self.trained.config.method)
        config = self.trained.config
        apart = method.shared_tensors is not nothing or method.resolved is not as_read or config.bias != "none"
        if self.broken or not self.own or apart or config.ensure_weight_tying:
            return None
        return sum(stored.values for key, stored in self.tensors.items() if self._is_trained(key))

    def _is_trained(self, key: str) -> bool:
        part = self.split(key)
        # The embeddings that PEFT saves by itself are frozen.
        return self.own[part[1]].trained if part else not key.endswith(".base_layer.weight")

    @property
    def all_params(self) -> int | None:
        """Base and adapter together."""
        return None if self.cost is None else self.cost.all_params

    @property
    def full_params(self) -> int | None:
        """The base model's parameters."""
        return None if self.cost is None else self.cost.full_params

    @property
    def percent_of_full(self) -> float | None:
        """100 · trainable_params / full_params."""
        return None if self.cost is None else self.cost.percent_of_full

    @property
    def percent_saved(self) -> float | None:
        """100 − percent_of_full."""
        return None if self.cost is None else self.cost.percent_saved

    @cached_property
    def file_params(self) -> int | None:
        """How many values the file holds."""
        return None if self.broken else sum(stored.values for stored in self.tensors.values())

    @property
    def expected_params(self) -> int | None:
        """How many values the file of this config on this model holds; without one, of LoRA's in the file's modules."""
        if self.expected is not None:
            return sum(tensor.params for tensor in self.expected.values())
        if self.model is not None or self.file_params is None or not self.factors or self.stacks:
            return None
        return self.file_params + sum(
            (self.ranks[module] - pair.r) * (pair.a.values + pair.b.values) // pair.r
            for module, pair in self.factors.items()
        )

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """The ranks that the config gives the modules of LoRA's pairs."""
        rank = ranker(self.trained.config)
        with patient_with(len(self.factors)):
            return {module: rank(module) for module in self.factors}

    @property
    def stacks(self) -> bool:
        """Whether some of LoRA's A and B are those of experts, one behind the other, or of blocks."""
        return bool(self.trained.config.target_parameters or self.trained.config.use_bdlora)

    @property
    def adapter_bytes(self) -> int:
        """The size of the file."""
        return os.path.getsize(self.trained.weights)

    @property
    def expected_bytes(self) -> int | None:
        """The size of the file that PEFT writes of this config on this model, in the types that this file has."""
        types = {key: stored.dtype for key, stored in self.tensors.items()}
        if self.expected is None or not DTYPES.keys() >= set(types.values()):
            return None
        return written_bytes(
            (key, tensor._replace(dtype=types.get(key, tensor.dtype))) for key, tensor in self.expected.items()
        )

    @property
    def dtype(self) -> str | None:
        """The types of the values, the one with most of them first."""
        amounts: dict[str, int] = {}
        for stored in self.tensors.values():
            amounts[stored.dtype] = amounts.get(stored.dtype, 0) + stored.values
        names = (TYPES.get(name, name) for name in sorted(amounts, key=lambda name: -amounts[name]))
        return ",".join(names) or None

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`, and of `SPECTRUM_FIELDS` where there is one."""
        found = {field: getattr(self, field) for field in FIELDS}
        if self.spectrum is None:
            return found
        return found | {field: getattr(self.spectrum, field) for field in SPECTRUM_FIELDS}

    def modules(self) -> Iterator[Record]:
        """Yield a record per module that the file has an adapter for, in the order of `MODULE_FIELDS` and so on."""
        spectra = {} if self.spectrum is None else {module.module: module for module in self.spectrum.modules}
        for name, tensors in self.beside.items():
            pair = self.factors.get(name)
            sizes: tuple[Any, ...] = (None,) * 5
            if pair is not None:
                sizes = (pair.a.shape[1], pair.b.shape[0], pair.r, pair.alpha, pair.scaling)
            types = dict.fromkeys(TYPES.get(stored.dtype, stored.dtype) for stored in tensors.values())
            params = sum(stored.values for stored in tensors.values())
            figures = (self.adapter, name, *sizes, params, ",".join(types))
            record = dict(zip(MODULE_FIELDS, figures, strict=True))
            if self.spectrum is not None:
                record |= {field: getattr(spectra.get(name), field, None) for field in MODULE_SPECTRUM_FIELDS}
            yield record

    def groups(self) -> list[Record]:
        """Return the modules by name, shape and rank, with how many there are and their share of the file.

        The ranks that a spectrum asks for are the largest of a group.
        """
        found: dict[tuple[Any, ...], list[Record]] = {}
        for record in self.modules():
            leaf = str(record["name"]).rpartition(".")[2]
            key = (leaf, record["d"], record["h"], record["r"], record["scaling"])
            found.setdefault(key, []).append(record)
        rest = sum(s.values for key, s in self.tensors.items() if self.split(key) is None)
        ranks = MODULE_SPECTRUM_FIELDS[1:] if self.spectrum is not None else ()
        rows: list[Record] = [
            self._group(name, len(records), *sizes, sum(int(record["params"] or 0) for record in records))
            | {field: max((record[field] or 0 for record in records), default=0) for field in ranks}
            for (name, *sizes), records in found.items()
        ]
        return rows + [self._group("other tensors", "", "", "", "", "", rest) | dict.fromkeys(ranks, "")] * bool(rest)

    def _group(self, *figures: Any) -> dict[str, Any]:
        # The ranks of a spectrum take the room of the share.
        share = (100 * figures[-1] / (self.file_params or 1),) if self.spectrum is None else ()
        return dict(zip(GROUP_FIELDS, (*figures, *share), strict=False))


def inspect(path: str, model: Model | None = None, *, values: bool | None = None) -> Inspection:
    """Read the adapter in the folder `path`, by its header, and hold it against `model` if there is one.

    `values` are looked at if it is true, or if it is None and the file is small (64 MiB). A path that leads to no
    adapter raises `InvalidInput`; a file that is broken is a finding.
    """
    promise = read_promise(path)
    refused = None
    if model is not None:
        from lora_cli.analysis.count.model_count import count_model

        try:
            count_model(model, promise.config)
        except OutOfPatience:
            raise
        except InvalidInput as error:
            refused = str(error)
    try:
        trained = replace(promise, tensors=read_header(promise.weights))
    except BrokenFile as error:
        return Inspection(promise, model, broken=str(error), refused=refused)
    found = Inspection(trained, model, refused=refused)
    if values or (values is None and found.adapter_bytes <= READ_BYTES):
        found = replace(found, seen={key: look(stored) for key, stored in found.tensors.items()})
    return found
