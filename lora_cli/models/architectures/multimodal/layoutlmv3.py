"""LayoutLMv3: `transformers.models.layoutlmv3`, an encoder of text with its places on a page, and of the page's image."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, bare, layers, sizes, words
from lora_cli.models.parts.layers import Nodes, convolution, embedding, hollow, linear, norm, parameter, under
from lora_cli.models.parts.passes.encoder_heads import TOKENS, EncoderHead, sequence_head, task_classes

MOST_PLAIN_LABELS = 9


def _places(config: Config) -> Nodes:
    """Build the embeddings of places, whose widths together should be the hidden size."""
    rows = config.size("max_2d_position_embeddings", default=1024)
    widths = {"xy": config.size("coordinate_size", default=128), "hw": config.size("shape_size", default=128)}
    return [
        node
        for axes, width in widths.items()
        for axis in axes
        for node in embedding(f"embeddings.{axis}_position_embeddings", rows, width)
    ]


def _image(config: Config, d: int) -> Nodes:
    """Build the embedding of patches, and the norms after it."""
    patch = config.size("patch_size", default=16)
    side = config.size("input_size", default=224) // patch
    return [
        *convolution("patch_embed.proj", config.size("num_channels", default=3), d, patch, patch),
        *parameter("cls_token", 1, 1, d),
        *parameter("pos_embed", 1, side * side + 1, d),
        *norm("LayerNorm", d, bias=True),
        *norm("norm", d, bias=True),
        *hollow("pos_drop", "dropout"),
    ]


def _biases(config: Config) -> Nodes:
    """Build the Linears from buckets of distances, in the text and on the page, to the heads."""
    heads = config.size("num_attention_heads", default=12)
    bins, bins_2d = config.size("rel_pos_bins", default=32), config.size("rel_2d_pos_bins", default=64)
    return [
        *(linear("rel_pos_bias", bins, heads) if config.flag("has_relative_attention_bias", default=True) else ()),
        *(
            node
            for axis in "xy"
            if config.flag("has_spatial_attention_bias", default=True)
            for node in linear(f"rel_pos_{axis}_bias", bins_2d, heads)
        ),
    ]


def _sizes(config: Config) -> Sizes:
    return sizes(config, vocabulary=50265)


def _body(config: Config) -> Nodes:
    size = _sizes(config)
    return [
        *((*words(size), *_places(config)) if config.flag("text_embed", default=True) else ()),
        *(_image(config, size.d) if config.flag("visual_embed", default=True) else ()),
        *layers(size),
        *under("encoder", _biases(config)),
    ]


def _two_layers(name: str) -> EncoderHead:
    return sequence_head(f"{name}.dense", f"{name}.out_proj", "tanh", hollows=(f"{name}.dropout",))


LABELS = _two_layers("classifier")


def _tokens(config: Config, size: Sizes) -> Nodes:
    """Build the classifier of tokens, which has two layers where there are many labels."""
    if config.labels() <= MOST_PLAIN_LABELS:
        return TOKENS.nodes(config, size)
    return [*hollow("dropout"), *LABELS.nodes(config, size)]


HEADS = {
    "ForSequenceClassification": LABELS,
    "ForTokenClassification": EncoderHead(_tokens),
    "ForQuestionAnswering": _two_layers("qa_outputs"),
}

FAMILY = Family(
    "layoutlmv3",
    {"LayoutLMv3Model": bare(_body), **task_classes("LayoutLMv3", "layoutlmv3", _body, _sizes, HEADS)},
    PromptSizes(hidden=768, layers=12, heads=12),
)
