"""FourierFT: trains values at a few random frequencies of the update's spectrum.

Gao et al., "Parameter-Efficient Fine-Tuning with Discrete Fourier Transform", arXiv:2405.03003;
`peft.tuners.fourierft`: `FourierFTLayer.update_layer`, `FourierFTModel._create_and_replace`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.adapter_config import TARGETING
from lora_cli.methods.config.settings import flag, real, size
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.parts.random_bases import check_frequencies, frequencies, seed, size_of, sizes_by_pattern
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """FourierFT's own fields."""

    n_frequency: Annotated[int, "Number of trained frequencies in each module"] = size(1000)
    scaling: Annotated[float, "Factor on the update"] = real(150.0)
    random_loc_seed: Annotated[int, "Seed of which frequencies are trained"] = seed(777)
    fan_in_fan_out: bool = flag(False)
    n_frequency_pattern: Annotated[
        Mapping[str, int], "Other values of n_frequency, by module name or regular expression"
    ] = sizes_by_pattern()
    init_weights: Annotated[bool, "Whether they start as zeros instead of random values"] = flag(False)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the spectrum: n_frequency parameters, whatever the module's size.

    >>> from lora_cli.models import matrix
    >>> own = Settings(n_frequency=10)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('fourierft_spectrum', (10,))]
    """
    n = size_of(place, own.n_frequency_pattern, own.n_frequency)
    check_frequencies(place, n)
    yield parameter("fourierft_spectrum", n)


METHOD = Method(
    name="fourierft",
    title="FourierFT: Parameter-Efficient Fine-Tuning with Discrete Fourier Transform",
    arxiv="2405.03003",
    formula="n_frequency",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob="n_frequency",
    module_kinds=LINEARS,
    shared_fields=TARGETING | {"bias"},
    default_targets={"gpt2": ("mlp.c_proj",), "gpt_bigcode": ("mlp.c_proj",)},
    knob_values=frequencies,
)
