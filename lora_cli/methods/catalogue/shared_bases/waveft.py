"""WaveFT: trained values at a few random places of the update's wavelet transform.

Bilican et al., "Exploring Sparsity for Parameter Efficient Fine Tuning Using Wavelets", arXiv:2505.12532;
`peft.tuners.waveft`: `WaveFTLayer.update_layer`, `WaveFTModel._calculate_proportional_parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lora_cli.methods.method import LINEARS, TARGETING, Method, Settings, flag, real, size, text
from lora_cli.methods.parts.random_bases import check_frequencies, frequencies, seed, sizes
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.methods.tensor import Tensor, parameter

FAMILIES = (
    *(f"db{order}" for order in range(1, 39)),
    *(f"sym{order}" for order in range(2, 21)),
    *(f"coif{order}" for order in range(1, 18)),
)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the spectrum: n_frequency parameters, or the module's share of as many times the modules.

    >>> from lora_cli.models import matrix
    >>> fields = {"n_frequency": 10, "n_frequency_pattern": {}, "proportional_parameters": True}
    >>> own = Settings({**fields, "places": 2, "values": 6 * 8 + 6 * 16})
    >>> places = [Place(matrix(6, 8), 0), Place(matrix(6, 16), 0)]
    >>> [t.shape for place in places for t in tensors(place, own)]
    [(7,), (13,)]
    """
    n = _frequencies(place, own)
    check_frequencies(place, n)
    yield parameter("waveft_spectrum", n)


def settled(targets: Any, config: Any) -> Settings:
    """Add what decides a module's share: how many modules there are, and how many values their weights have."""
    own: Settings = config.settings
    return own.replaced(places=len(targets.places), values=sum(place.full_params for place in targets.places))


def _frequencies(place: Place, own: Settings) -> int:
    wanted: int = own.n_frequency
    patterns: Mapping[str, int] = own.n_frequency_pattern
    if own.proportional_parameters:
        share: float = place.full_params / own.values
        budget: int = wanted * own.places
        return max(1, round(share * budget))
    return next((n for key, n in patterns.items() if compiled(rf"(.*\.)?({key})$").match(place.module.name)), wanted)


METHOD = Method(
    name="waveft",
    title="WaveFT: Wavelet Fine-Tuning",
    arxiv="2505.12532",
    formula="n_frequency",
    tensors=tensors,
    fields={
        "n_frequency": size(2592),
        "scaling": real(25.0),
        "wavelet_family": text("db1", *FAMILIES),
        "use_idwt": flag(True),
        "random_loc_seed": seed(777),
        "fan_in_fan_out": flag(False),
        "n_frequency_pattern": sizes,
        "proportional_parameters": flag(False),
        "init_weights": flag(True),
    },
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
    resolved=settled,
    knob_values=frequencies,
)
