"""How a model is trained, as far as it decides what memory that takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lora_cli.errors import InvalidInput, argument, question, quote
from lora_cli.quantities import Value

# The bytes of a value, by torch's name of its type.
WIDTHS = {"bfloat16": 2, "float16": 2, "float32": 4}
# The type of a base model whose config.json names none.
DEFAULT_DTYPE = "bfloat16"
# What PEFT trains an adapter in.
ADAPTER_DTYPE = "float32"
ATTENTIONS = ("sdpa", "eager")
# The package flash-attn, which is refused by its name and by those that transformers gives it.
FLASH = ("flash", "flash_attention_2", "flash_attention_3")
OPTIMIZERS = ("adamw", "adamw-foreach", "adamw-8bit", "paged-adamw-8bit", "sgd", "adafactor")
UNQUANTISED = "none"
QUANTISATIONS = (UNQUANTISED, "nf4", "nf4-double", "int8")
LOSSES = ("full", "chunked")


class Training(NamedTuple):
    """The settings of one training step. `dtype` is that of the base model; types have torch's names.

    `has_flash` says whether the card runs flash attention, `prefers_cudnn` whether it takes cuDNN's first. `kbit_prepare` is `prepare_model_for_kbit_training`, `autocast` the type that operations run in, if any, and with
    `logits_kept` the loop keeps the outputs of a step until the next one has run. The gradients of `accumulate` batches are summed before the optimizer runs.
    """

    batch: int
    seq: int
    dtype: str = "bfloat16"
    quantize: str = UNQUANTISED
    kbit_prepare: bool = True
    checkpointing: bool = True
    attention: str = "sdpa"
    padded: bool = False
    optimizer: str = "adamw"
    autocast: str | None = None
    adapter_dtype: str = ADAPTER_DTYPE
    loss: str = "full"
    logits_kept: bool = False
    accumulate: int = 1
    has_flash: bool = True
    prefers_cudnn: bool = False

    def arguments(self, gpu: str | None) -> dict[str, Value]:
        """Return the settings as `memory` takes them, with the name of a card if there is one.

        Whether a base is prepared is asked only where it is quantised.
        """
        spare = {"has_flash", "prefers_cudnn"} | (set() if self.is_quantised else {"kbit_prepare"})
        settings = {name: value for name, value in self._asdict().items() if name not in spare}
        return settings | {"autocast": self.autocast is not None} | ({} if gpu is None else {"gpu": gpu})

    @property
    def tokens(self) -> int:
        """The tokens of a batch."""
        return self.batch * self.seq

    @property
    def width(self) -> int:
        """The bytes of a value of the base, and of what a quantised weight is turned into."""
        return WIDTHS[self.dtype]

    @property
    def product_dtype(self) -> str:
        """The type that weights are multiplied in, quantised ones too."""
        return self.autocast or self.dtype

    @property
    def is_quantised(self) -> bool:
        """Whether the base is stored in 4 or 8 bits."""
        return self.quantize != UNQUANTISED

    @property
    def adapter_width(self) -> int:
        """The bytes of a value of the adapter: PEFT cannot give it the type of weights in int8, and leaves float32."""
        return WIDTHS["float32" if self.quantize == "int8" else self.adapter_dtype]

    @property
    def plain_width(self) -> int:
        """The bytes of a value of what is not quantised."""
        return WIDTHS["float32"] if self.is_quantised and self.kbit_prepare else self.width


def several(name: str, value: object, noun: str) -> InvalidInput:
    """Return the error for several settings where one is needed, and a sweep has an axis of them."""
    sweep = question("sweep", "memory")
    return InvalidInput(
        f"{argument(name)}: {quote(value)} is not one {noun}; give one, or compare several with {sweep}"
    )


def unusual(settings: Mapping[str, Value]) -> dict[str, Value]:
    """Return which settings of a training, as `memory` takes them, are not the default; sizes and cards have none.

    >>> unusual({"seq": 64, "padded": False, "optimizer": "sgd", "autocast": False, "gpu": "t4"})
    {'seq': 64, 'optimizer': 'sgd', 'gpu': 't4'}
    """
    usual = Training._field_defaults | {"autocast": False}
    return {name: value for name, value in settings.items() if name not in usual or value != usual[name]}


def cast_type(dtype: str) -> str:
    """Return the type that autocast runs operations in, for a base of a type.

    >>> cast_type("float32"), cast_type("float16")
    ('bfloat16', 'float16')
    """
    return DEFAULT_DTYPE if dtype == "float32" else dtype
