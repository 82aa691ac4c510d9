"""WaveFT: trains values at a few random positions of the update's wavelet transform.

Bilican et al., "Exploring Sparsity for Parameter Efficient Fine Tuning Using Wavelets", arXiv:2505.12532;
`peft.tuners.waveft`: `WaveFTLayer.update_layer`, `WaveFTModel._calculate_proportional_parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from lora_cli.methods.config.adapter_config import TARGETING, AdapterConfig
from lora_cli.methods.config.settings import flag, real, size, text
from lora_cli.methods.method import LINEARS, Adapted, Method
from lora_cli.methods.parts.random_bases import check_frequencies, frequencies, seed, sizes_by_pattern
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.patterns import key_pattern
from lora_cli.methods.tensor import Tensor, parameter

FAMILIES = (
    *(f"db{order}" for order in range(1, 39)),
    *(f"sym{order}" for order in range(2, 21)),
    *(f"coif{order}" for order in range(1, 18)),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """WaveFT's own fields."""

    n_frequency: Annotated[int, "Number of trained wavelet coefficients in each module"] = size(2592)
    scaling: Annotated[float, "Factor on the update"] = real(25.0)
    wavelet_family: Annotated[str, "Wavelet, such as db1, sym2 or coif1"] = text("db1", *FAMILIES)
    use_idwt: Annotated[
        bool, "Whether the update is the inverse transform of the coefficients, or these themselves"
    ] = flag(True)
    random_loc_seed: Annotated[int, "Seed of which coefficients are trained"] = seed(777)
    fan_in_fan_out: bool = flag(False)
    n_frequency_pattern: Annotated[
        Mapping[str, int], "Other values of n_frequency, by module name or regular expression"
    ] = sizes_by_pattern()
    proportional_parameters: Annotated[bool, "Whether a larger module trains more coefficients"] = flag(False)
    init_weights: Annotated[bool, "Whether they start as zeros instead of random values"] = flag(True)
    # Of all adapted modules together.
    places: int = 0
    values: int = 0


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the spectrum: n_frequency parameters, or in proportion to the module's size, n_frequency on average.

    >>> from lora_cli.models import matrix
    >>> own = Settings(n_frequency=10, proportional_parameters=True, places=2, values=6 * 8 + 6 * 16)
    >>> places = [Place(matrix(6, 8), 0), Place(matrix(6, 16), 0)]
    >>> [t.shape for place in places for t in tensors(place, own)]
    [(7,), (13,)]
    """
    n = _frequencies(place, own)
    check_frequencies(place, n)
    yield parameter("waveft_spectrum", n)


def with_all_values(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add what decides a module's share: the number of modules, and of values in all their weights."""
    return replace(own, places=len(targets.places), values=sum(place.full_params for place in targets.places))


def _frequencies(place: Place, own: Settings) -> int:
    if own.proportional_parameters:
        return max(1, round(place.full_params / own.values * (own.n_frequency * own.places)))
    patterns, name = own.n_frequency_pattern, place.module.name
    return next((n for key, n in patterns.items() if key_pattern(key).match(name)), own.n_frequency)


METHOD = Method(
    name="waveft",
    title="WaveFT: Wavelet Fine-Tuning",
    arxiv="2505.12532",
    formula="n_frequency",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob="n_frequency",
    module_kinds=LINEARS,
    shared_fields=TARGETING | {"bias"},
    default_targets={
        "gpt2": ("mlp.c_proj",),
        "gpt_bigcode": ("mlp.c_proj",),
        "btlm": None,
        "rwkv": None,
        "rwkv7": None,
    },
    resolved=with_all_values,
    config_tells_trained=False,
    knob_values=frequencies,
)
