"""Cartridges: a trained cache of keys and values, whose first tokens are kept as they are.

Eyuboglu et al., "Cartridges: Lightweight and general-purpose long context representations via self-study",
arXiv:2506.06266, section 3; `peft.tuners.cartridge.CartridgeEncoder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import Method, Settings, size
from lora_cli.methods.parts.virtual_tokens import COMMON, FIELDS, KEY, prompt
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE
from lora_cli.models.model import Model


def virtual(model: Model, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the frozen tokens and the trained ones, which are saved as one."""
    sizes, frozen = prompt(model, config, cached=True), config.settings.num_frozen_tokens
    yield buffer(KEY, sizes.tokens, sizes.cached)
    if frozen:
        yield parameter("frozen_embedding", frozen, sizes.cached, trained=False, saved=False)
    yield parameter("trainable_embedding", sizes.tokens - frozen, sizes.cached, saved=False)


def check(own: Settings) -> None:
    """Refuse more frozen tokens than there are."""
    if own.num_virtual_tokens is not None and own.num_frozen_tokens > own.num_virtual_tokens:
        raise InvalidInput(
            f"num_frozen_tokens is {own.num_frozen_tokens}; of {own.num_virtual_tokens} num_virtual_tokens, at most so many "
            "are frozen"
        )


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the numbers of tokens that leave one to train."""
    return (range(own.num_frozen_tokens + 1, MAX_SIZE + 1),)


METHOD = Method(
    name="cartridge",
    title="Cartridges: Lightweight and general-purpose long context representations via self-study",
    arxiv="2506.06266",
    formula="(num_virtual_tokens - num_frozen_tokens) * 2 * num_layers * key_width",
    prompt_tensors=virtual,
    fields=FIELDS | {"num_frozen_tokens": size(1, least=0)},
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    check_settings=check,
    knob_values=sizes,
)
