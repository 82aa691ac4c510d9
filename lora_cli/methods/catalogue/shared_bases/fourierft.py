"""FourierFT: trained values at a few random frequencies of the update's spectrum.

Gao et al., "Parameter-Efficient Fine-Tuning with Discrete Fourier Transform", arXiv:2405.03003;
`peft.tuners.fourierft`: `FourierFTLayer.update_layer`, `FourierFTModel._create_and_replace`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.methods.method import LINEARS, TARGETING, Method, Settings, flag, real, size
from lora_cli.methods.parts.random_bases import check_frequencies, frequencies, seed, sized, sizes
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the spectrum: n_frequency parameters, whatever the module's size.

    >>> from lora_cli.models import matrix
    >>> own = Settings({"n_frequency": 10, "n_frequency_pattern": {}})
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('fourierft_spectrum', (10,))]
    """
    n = sized(place, own.n_frequency_pattern, own.n_frequency)
    check_frequencies(place, n)
    yield parameter("fourierft_spectrum", n)


METHOD = Method(
    name="fourierft",
    title="FourierFT: Parameter-Efficient Fine-Tuning with Discrete Fourier Transform",
    arxiv="2405.03003",
    formula="n_frequency",
    tensors=tensors,
    fields={
        "n_frequency": size(1000),
        "scaling": real(150.0),
        "random_loc_seed": seed(777),
        "fan_in_fan_out": flag(False),
        "n_frequency_pattern": sizes,
        "init_weights": flag(False),
    },
    rank=None,
    knob="n_frequency",
    module_kinds=LINEARS,
    shared_fields=TARGETING | {"bias"},
    default_targets={"gpt2": ("mlp.c_proj",), "gpt_bigcode": ("mlp.c_proj",)},
    knob_values=frequencies,
)
