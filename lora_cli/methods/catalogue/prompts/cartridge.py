"""Cartridges: a trained cache of keys and values, whose first tokens stay frozen.

Eyuboglu et al., "Cartridges: Lightweight and general-purpose long context representations via self-study",
arXiv:2506.06266, section 3; `peft.tuners.cartridge.CartridgeEncoder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import size
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import Method
from lora_cli.methods.parts.virtual_tokens import COMMON, KEY, PromptSettings, prompt
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE
from lora_cli.models.model import Model


@dataclass(frozen=True, slots=True)
class Settings(PromptSettings):
    """Cartridge's own fields."""

    num_frozen_tokens: Annotated[int, "Number of tokens at the start that stay frozen"] = size(1, least=0)

    def __post_init__(self) -> None:
        """Refuse more frozen tokens than there are tokens."""
        if self.num_virtual_tokens is not None and self.num_frozen_tokens > self.num_virtual_tokens:
            raise InvalidInput(
                f"num_frozen_tokens is {self.num_frozen_tokens}, more than the {self.num_virtual_tokens} "
                "num_virtual_tokens; give that many or less"
            )


def virtual(model: Model, own: Settings, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the frozen tokens and the trained ones, which are saved as one tensor."""
    sizes = prompt(model, own, config, cached=True)
    yield buffer(KEY, sizes.tokens, sizes.cached)
    if own.num_frozen_tokens:
        yield parameter("frozen_embedding", own.num_frozen_tokens, sizes.cached, trained=False, in_file=False)
    yield parameter("trainable_embedding", sizes.tokens - own.num_frozen_tokens, sizes.cached, in_file=False)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the numbers of tokens that leave at least one to train."""
    return (range(own.num_frozen_tokens + 1, MAX_SIZE + 1),)


METHOD = Method(
    name="cartridge",
    title="Cartridges: Lightweight and general-purpose long context representations via self-study",
    arxiv="2506.06266",
    formula="(num_virtual_tokens - num_frozen_tokens) * 2 * num_layers * key_width",
    settings=Settings,
    prompt_tensors=virtual,
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    knob_values=sizes,
)
