"""P-tuning: a small network computes the virtual tokens during training, and only the tokens are saved.

Liu et al., "GPT Understands, Too", arXiv:2103.10385, section 3.2; `peft.tuners.p_tuning.PromptEncoder`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import real, setting, size, text
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method
from lora_cli.methods.parts.virtual_tokens import COMMON, PromptSettings, linear, prompt
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.config import Config
from lora_cli.models.model import Model

LAYERS = 2


def _layers(config: Config, name: str) -> int:
    """Return the number of layers of an LSTM; PEFT's MLP has a fixed number."""
    layers = config.size(name, default=LAYERS)
    # PEFT means to warn here, but fails where the type is a text, as in every adapter_config.json. For inference it
    # makes no encoder.
    trains = not config.fields.get("inference_mode")
    if layers != LAYERS and trains and config.fields.get("encoder_reparameterization_type") == "MLP":
        raise InvalidInput(f"{config.source}: {name} is {layers}; an MLP always has {LAYERS}, so leave it out")
    return layers


@dataclass(frozen=True, slots=True)
class Settings(PromptSettings):
    """P-tuning's own fields."""

    encoder_reparameterization_type: Annotated[str, "Network that computes the prompt"] = text("MLP", "MLP", "LSTM")
    encoder_hidden_size: Annotated[int | None, "Width of the network; null for that of a token"] = size(None, least=0)
    encoder_num_layers: Annotated[int, "Number of layers of an LSTM"] = setting(_layers, LAYERS)
    encoder_dropout: Annotated[float, "Probability of dropout in an LSTM"] = real(0.0)

    def __post_init__(self) -> None:
        """Refuse what torch's LSTM refuses."""
        if self.encoder_reparameterization_type == "LSTM" and not 0 <= self.encoder_dropout <= 1:
            raise InvalidInput(f"encoder_dropout is {self.encoder_dropout}; a probability is from 0 to 1")


def virtual(model: Model, own: Settings, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the embedded tokens, the network behind them, and its output, which is saved.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> own = Settings(num_virtual_tokens=20, encoder_hidden_size=128)
    >>> sum(t.params for t in virtual(read_model("gpt2"), own, AdapterConfig(method="p_tuning")) if t.trained)
    229376
    >>> 20 * 768 + (768 + 1) * 128 + (128 + 1) * 128 + (128 + 1) * 768
    229376
    """
    sizes = prompt(model, own, config)
    width = sizes.width
    inner = width if own.encoder_hidden_size is None else own.encoder_hidden_size
    yield sizes.file_tensor()
    yield parameter("embedding.weight", sizes.all_tokens, width, in_file=False)
    if own.encoder_reparameterization_type == "MLP":
        yield from linear("mlp_head.0", width, inner)
        yield from linear("mlp_head.2", inner, inner)
        yield from linear("mlp_head.4", inner, width)
        return
    if not sizes.all_tokens * width * inner:
        raise InvalidInput(
            "an LSTM does not accept an empty prompt; "
            "give num_virtual_tokens, token_dim and encoder_hidden_size of 1 or more"
        )
    for layer in range(own.encoder_num_layers):
        # Each layer of the LSTM has four gates in each of two directions, and passes both directions on.
        for side in (f"l{layer}", f"l{layer}_reverse"):
            yield parameter(f"lstm_head.weight_ih_{side}", 4 * inner, 2 * inner if layer else width, in_file=False)
            yield parameter(f"lstm_head.weight_hh_{side}", 4 * inner, inner, in_file=False)
            yield parameter(f"lstm_head.bias_ih_{side}", 4 * inner, in_file=False)
            yield parameter(f"lstm_head.bias_hh_{side}", 4 * inner, in_file=False)
    yield from linear("mlp_head.0", 2 * inner, 2 * inner)
    yield from linear("mlp_head.2", 2 * inner, width)


METHOD = Method(
    name="p_tuning",
    title="GPT Understands, Too",
    arxiv="2103.10385",
    formula="num_virtual_tokens * hidden_size + its encoder",
    settings=Settings,
    prompt_tensors=virtual,
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    knob_values=numbers,
)
