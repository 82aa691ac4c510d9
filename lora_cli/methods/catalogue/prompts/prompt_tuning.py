"""Prompt tuning: trained vectors before the embedded input.

Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning", arXiv:2104.08691, section 2;
`peft.tuners.prompt_tuning.PromptEmbedding`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method, Settings, ignored, text
from lora_cli.methods.parts.virtual_tokens import COMMON, FIELDS, KEY, prompt, word_width
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model

FROM_WORDS = ("TEXT", "SAMPLE_VOCAB")
START_FIELDS = {
    "prompt_tuning_init": text("RANDOM"),
    "prompt_tuning_init_text": text(None),
    "tokenizer_name_or_path": text(None),
    "tokenizer_kwargs": ignored,
}


def virtual(model: Model, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the tokens, as wide as the hidden size, or as the words that they start from.

    >>> from lora_cli.methods.config.adapter_config import read_adapter_config
    >>> from lora_cli.models.config import Config
    >>> from lora_cli.models.sources.read_model import read_model
    >>> fields = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 20}
    >>> [(t.key, t.shape) for t in virtual(read_model("gpt2"), read_adapter_config(Config(fields))[0])]
    [('prompt_embeddings', (20, 768))]
    """
    sizes, start = prompt(model, config), config.settings.prompt_tuning_init
    yield parameter(KEY, sizes.all_tokens, word_width(model, start)[1] if start in FROM_WORDS else sizes.width)


def check(own: Settings) -> None:
    """Refuse what `PromptTuningConfig` refuses."""
    is_text = own.prompt_tuning_init == "TEXT"
    if is_text and (not own.tokenizer_name_or_path or own.prompt_tuning_init_text is None):
        raise InvalidInput(
            "prompt_tuning_init 'TEXT' needs a prompt_tuning_init_text and a tokenizer_name_or_path; give both"
        )
    if own.tokenizer_kwargs and not is_text:
        raise InvalidInput("tokenizer_kwargs goes with prompt_tuning_init 'TEXT' alone; leave it out")


METHOD = Method(
    name="prompt_tuning",
    title="The Power of Scale for Parameter-Efficient Prompt Tuning",
    arxiv="2104.08691",
    formula="num_virtual_tokens * hidden_size",
    prompt_tensors=virtual,
    fields=FIELDS | START_FIELDS,
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    check_settings=check,
    knob_values=numbers,
)
