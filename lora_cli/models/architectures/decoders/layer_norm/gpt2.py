"""GPT-2: `transformers.models.gpt2`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import transformer_classes
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Norm, Words, plain, pre_norm
from lora_cli.models.parts.heads import sequence_summary
from lora_cli.models.parts.kin.gpt2 import fused_decoder, heads, hidden, layers, vocabulary, width
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, transposed, under


def body(config: Config) -> Nodes:
    """Build `GPT2Model`; q, k and v are one Conv1D."""
    return fused_decoder(config, transposed, heads(config), hollow("attn_dropout", "resid_dropout"))


def double_heads(config: Config) -> Skeleton:
    """Build `GPT2DoubleHeadsModel`, which sets num_labels to 1 itself."""
    causal = CLASSES["GPT2ForCausalLM"](config)
    d = hidden(config)
    labels = 1 if config.flag("summary_proj_to_labels", default=True) else d
    projects = config.flag("summary_use_proj", default=True)
    head = sequence_summary(linear("summary", d, labels, bias=True) if projects else hollow("summary"))
    return causal._replace(nodes=[*causal.nodes, *under("multiple_choice_head", head)])


def forward(config: Config) -> Body:
    """Describe the pass through `GPT2Model`."""
    attention = Attention(
        heads(config),
        heads(config),
        width(config),
        "attn",
        ("c_attn",),
        "c_proj",
        dropout=config.real("attn_pdrop", default=0.1),
        float_softmax=False,
    )
    activation = config.text("activation_function", "hidden_act", default="gelu_new")
    block = pre_norm(
        attention,
        plain("mlp", "c_fc", "c_proj", activation),
        "layer",
        config.real("resid_pdrop", default=0.1),
        names=("ln_1", "ln_2"),
    )
    block = Block(tuple(branch._replace(keeps="layer", keeps_given=True) for branch in block.branches))
    embeddings = Words("wte", each_position=("wpe",), dropout=config.real("embd_pdrop", default=0.1))
    return Body([block] * layers(config), Norm("ln_f", "layer"), embeddings, "h")


CLASSES = transformer_classes("GPT2", body, hidden=hidden, vocabulary=vocabulary)

FAMILY = Family(
    "gpt2",
    {
        "GPT2LMHeadModel": CLASSES["GPT2ForCausalLM"],
        "GPT2DoubleHeadsModel": double_heads,
        **{name: build for name, build in CLASSES.items() if name != "GPT2ForCausalLM"},
    },
    PromptSizes(hidden=768, layers=12, heads=12),
    feed_forward="n_inner",
    forward=forward,
)
