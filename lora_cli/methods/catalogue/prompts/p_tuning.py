"""P-tuning: virtual tokens that a small network computes while it trains, and only they are saved.

Liu et al., "GPT Understands, Too", arXiv:2103.10385, section 3.2; `peft.tuners.p_tuning.PromptEncoder`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method, Settings, real, size, text
from lora_cli.methods.parts.virtual_tokens import COMMON, FIELDS, prompt
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.config import Config
from lora_cli.models.model import Model

LAYERS = 2


def virtual(model: Model, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the embedded tokens, the network behind them, and what comes out of it, which is saved.

    >>> from lora_cli.methods.config.adapter_config import read_adapter_config
    >>> from lora_cli.models.config import Config
    >>> from lora_cli.models.sources.read_model import read_model
    >>> fields = {"peft_type": "P_TUNING", "num_virtual_tokens": 20, "encoder_hidden_size": 128}
    >>> gpt2, config = read_model("gpt2"), read_adapter_config(Config(fields))[0]
    >>> sum(t.params for t in virtual(gpt2, config) if t.trained)
    229376
    >>> 20 * 768 + (768 + 1) * 128 + (128 + 1) * 128 + (128 + 1) * 768
    229376
    """
    sizes, own = prompt(model, config), config.settings
    width = sizes.width
    inner = width if own.encoder_hidden_size is None else own.encoder_hidden_size
    yield sizes.saved()
    yield parameter("embedding.weight", sizes.all_tokens, width, saved=False)
    if own.encoder_reparameterization_type == "MLP":
        yield from linear("mlp_head.0", width, inner)
        yield from linear("mlp_head.2", inner, inner)
        yield from linear("mlp_head.4", inner, width)
        return
    if not sizes.all_tokens * width * inner:
        raise InvalidInput(
            "an LSTM takes no prompt without values; "
            "give num_virtual_tokens, token_dim and encoder_hidden_size of 1 or more"
        )
    for layer in range(own.encoder_num_layers):
        # An LSTM's layer has four gates in each of two directions, and gives both to the next.
        for side in (f"l{layer}", f"l{layer}_reverse"):
            yield parameter(f"lstm_head.weight_ih_{side}", 4 * inner, 2 * inner if layer else width, saved=False)
            yield parameter(f"lstm_head.weight_hh_{side}", 4 * inner, inner, saved=False)
            yield parameter(f"lstm_head.bias_ih_{side}", 4 * inner, saved=False)
            yield parameter(f"lstm_head.bias_hh_{side}", 4 * inner, saved=False)
    yield from linear("mlp_head.0", 2 * inner, 2 * inner)
    yield from linear("mlp_head.2", 2 * inner, width)


def linear(name: str, d: int, h: int) -> Iterator[Tensor]:
    """Yield a Linear that is trained and not saved."""
    yield parameter(f"{name}.weight", h, d, saved=False)
    yield parameter(f"{name}.bias", h, saved=False)


def _layers(config: Config, name: str) -> int:
    """Read the layers of an LSTM; PEFT's MLP has as many as it has."""
    layers = config.size(name, default=LAYERS)
    # PEFT means to warn here, and breaks where the type is a name, as in any adapter_config.json; for inference it
    # makes no encoder.
    trains = not config.fields.get("inference_mode")
    if layers != LAYERS and trains and config.fields.get("encoder_reparameterization_type") == "MLP":
        raise InvalidInput(f"{config.source}: {name} is {layers}; an MLP has {LAYERS}, so leave it out")
    return layers


def check(own: Settings) -> None:
    """Refuse what torch's LSTM refuses."""
    if own.encoder_reparameterization_type == "LSTM" and not 0 <= own.encoder_dropout <= 1:
        raise InvalidInput(f"encoder_dropout is {own.encoder_dropout}; a probability is from 0 to 1")


METHOD = Method(
    name="p_tuning",
    title="GPT Understands, Too",
    arxiv="2103.10385",
    formula="num_virtual_tokens * hidden_size + its encoder",
    prompt_tensors=virtual,
    fields=FIELDS
    | {
        "encoder_reparameterization_type": text("MLP", "MLP", "LSTM"),
        "encoder_hidden_size": size(None, least=0),
        "encoder_num_layers": _layers,
        "encoder_dropout": real(0.0),
    },
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    check_settings=check,
    knob_values=numbers,
)
