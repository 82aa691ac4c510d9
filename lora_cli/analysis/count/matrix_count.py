"""What one matrix costs to adapt: the counts that every other question builds on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lora_cli.analysis.percentages import Figures
from lora_cli.methods import Tensor, check_name, file_bytes
from lora_cli.models import Module, matrix
from lora_cli.models.matrix import dimension
from lora_cli.quantities import Value, count_text, number_text

if TYPE_CHECKING:
    from lora_cli.analysis.count.adapted_matrix import AdaptedMatrix

Record = Mapping[str, Value]

FIELDS = (
    "method",
    "d",
    "h",
    "r",
    "full_params",
    "trainable_params",
    "all_params",
    "percent_of_full",
    "percent_saved",
    "reduction_factor",
    "trainable_percent",
    "break_even_rank",
    "adapter_bytes",
)


# A named tuple, as all that one count needs is: dataclasses would be a fifth of its own start-up time.
class _Counted(NamedTuple):
    method: str
    module: Module
    r: int
    tensors: tuple[Tensor, ...]


class MatrixCount(Figures, _Counted):
    """The cost of one method on one matrix; every figure follows from the tensors that it adds."""

    __slots__ = ()

    @property
    def d(self) -> int:
        """Inputs of W."""
        return self.module.d

    @property
    def h(self) -> int:
        """Outputs of W."""
        return self.module.h

    @property
    def full_params(self) -> int:
        """What full fine-tuning would train: d·h."""
        return self.module.weight_params

    @property
    def trainable_params(self) -> int:
        """What the method trains, PEFT's `get_nb_trainable_parameters()[0]`."""
        return sum(tensor.params for tensor in self.tensors)

    @property
    def all_params(self) -> int:
        """W and the adapter together, PEFT's `get_nb_trainable_parameters()[1]`."""
        return self.full_params + self.trainable_params

    @property
    def break_even_rank(self) -> float:
        """d·h / (d + h), the rank from which LoRA trains as much as W holds."""
        return self.full_params / (self.d + self.h)

    @property
    def adapter_bytes(self) -> int:
        """Size of the file that PEFT's `save_pretrained` writes for a model whose one module is W."""
        return file_bytes((self.module.name, tensor) for tensor in self.tensors)

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`."""
        return {field: getattr(self, field) for field in FIELDS}

    def warnings(self) -> list[str]:
        """Say what makes this rank pointless, if anything does.

        >>> count(6, 8, 4).warnings()
        ['rank 4 is above the break-even rank 3.42857: A and B hold 56 parameters, W itself 48']
        """
        found = []
        if self.trainable_params > self.full_params:
            found.append(
                f"rank {self.r} is above the break-even rank {number_text(self.break_even_rank)}: "
                f"A and B hold {count_text(self.trainable_params)} parameters, W itself {count_text(self.full_params)}"
            )
        if self.r > min(self.d, self.h):
            found.append(
                f"rank {self.r} is above min(d, h) = {min(self.d, self.h)}: "
                "W has no higher rank than that, so the rest of A and B adds parameters and nothing else"
            )
        return found


def count(
    d: int, h: int, r: int | None = None, method: str = "lora", settings: Mapping[str, Any] | None = None
) -> MatrixCount | AdaptedMatrix:
    """Count what `method` at rank `r` trains on one matrix of `d` inputs by `h` outputs.

    Dimensions and rank are whole numbers from 1 to 2³¹−1; anything else raises `InvalidInput`. A method
    without a rank takes no `r`. `settings` are fields of the method's PEFT config.

    >>> cost = count(1024, 1024, 32)
    >>> cost.full_params, cost.trainable_params, cost.percent_of_full
    (1048576, 65536, 6.25)

    The notebook's toy matrix, and a rank at which nothing is saved:

    >>> count(6, 8, 2).trainable_params, count(6, 8, 2).percent_of_full
    (28, 58.333333333333336)
    >>> count(6, 8, 4).percent_saved < 0
    True

    VeRA trains h + r:

    >>> count(3072, 3072, 256, "vera").trainable_params
    3328
    """
    if check_name(method) != "lora" or settings or r is None:
        from lora_cli.analysis.count.adapted_matrix import count_matrix, matrix_config

        return count_matrix(d, h, matrix_config(method, r, settings or {}))
    return plain_count(d, h, r)


def plain_count(d: int, h: int, r: int) -> MatrixCount:
    """Count LoRA without any variant, which needs neither a config nor a model."""
    from lora_cli.methods.catalogue.lora.lora import plain

    module = matrix(d, h)
    return MatrixCount("lora", module, r, plain(module, dimension("r", r)))
