"""A checkpoint without a config.json: modules by the names and shapes of its parameters.

Facts that names and shapes do not tell are not guessed. Experts that are stored one by one stay separate, a
convolution has one group, modules without parameters are unknown, and nothing is tied, since safetensors stores
tied parameters once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.model import Model
from lora_cli.models.nodes import DIRECTIONS, LENGTHS, MULTIHEAD, Module, Parameter

Shape = tuple[int, ...]

MAX_DOTS = 32
MAX_NAME_CHARACTERS = 500
IN_PROJECTION = ".in_proj_weight"
# The parameters of a module: its weight, the two that a weight norm makes it of or that of torch's attention, and its bias.
WEIGHTS = (".weight", f".{DIRECTIONS}", IN_PROJECTION)
ENDINGS = (*WEIGHTS, f".{LENGTHS}", ".bias", ".in_proj_bias")
# The names that torch gave a weight norm's parameters before, and that transformers still reads.
OLDER_NAMES = {"weight_g": LENGTHS, "weight_v": DIRECTIONS}
# Linears that stand beside experts: the gate of shared ones, and what Gemma 4's layers add to their words.
LINEARS_BESIDE = ("shared", "per_layer")

# transformers' names of embeddings that do not contain the word embedding.
EMBEDDINGS = (
    "wte",
    "wpe",
    "shared",
    "relative_attention_bias",
    "global_relative_attention_bias",
    "audio_bos_eos_token",
)
# Parts of the names of what takes no indices, although it makes embeddings.
NOT_LOOKED_UP = ("proj", "norm", "patch")
OUTPUTS = ("lm_head", "embed_out", "proj_out", "lm_head.decoder", "predictions.decoder")


def model_of_shapes(parameters: Sequence[Parameter], name: str, warnings: tuple[str, ...]) -> Model:
    """Return the model with a module for each weight among `parameters`."""
    parameters = [_renamed(parameter) for parameter in parameters]
    shapes = {parameter.name: parameter.shape for parameter in parameters}
    _check_names(shapes)
    # The router beside one shared expert is a Linear too, as Llama 4 has it.
    shared = {key.partition(".shared_expert.")[0] for key in shapes if ".shared_expert." in key}
    mixtures = {key.partition(".experts.")[0] for key in shapes if ".experts." in key}
    mixtures -= {block for block in shared if f"{block}.router.weight" in shapes}
    weights = {
        _owner(key): shape
        for key, shape in shapes.items()
        if key.endswith(WEIGHTS) and all(shape) and not _is_not_a_layer(_owner(key), mixtures)
    }
    transposed = _transposed(weights, shapes)
    modules = {}
    for owner, shape in weights.items():
        bias = shapes.get(f"{owner}.bias") or shapes.get(f"{owner}.in_proj_bias")
        module = _module(owner, shape, bias, transposed)
        if module and bias in {None, (module.h,)}:
            normed = f"{owner}.{DIRECTIONS}" in shapes
            kind = MULTIHEAD if f"{owner}{IN_PROJECTION}" in shapes else module.kind
            modules[owner] = module._replace(kind=kind, bias=bias is not None, weight_norm=normed)
    others = (parameter for parameter in parameters if _owner(parameter.name) not in modules)
    embeddings = [module for module in modules.values() if module.kind == "Embedding"]
    return Model(
        name,
        "",
        (*modules.values(), *others),
        {},
        next((owner for owner in modules if owner.endswith(OUTPUTS)), None),
        max(embeddings, key=lambda module: module.d).name if embeddings else None,
        warnings=warnings,
    )


def _renamed(parameter: Parameter) -> Parameter:
    """Return a parameter under the name that it has in the model, where torch changed the name."""
    owner, _, leaf = parameter.name.rpartition(".")
    return parameter._replace(name=f"{owner}.{OLDER_NAMES[leaf]}") if leaf in OLDER_NAMES else parameter


def _owner(name: str) -> str:
    """Return the module that a parameter is the weight or the bias of, or else the parameter's own name.

    >>> _owner("q_proj.weight"), _owner("conv.parametrizations.weight.original1"), _owner("cls_token")
    ('q_proj', 'conv', 'cls_token')
    """
    ending = next((ending for ending in ENDINGS if name.endswith(ending)), "")
    return name.removesuffix(ending)


def _check_names(names: Iterable[str]) -> None:
    """Refuse names that are nested deeper than in any model: each of their parts becomes a name too."""
    for name in names:
        if name.count(".") > MAX_DOTS or len(name) > MAX_NAME_CHARACTERS:
            raise InvalidInput(
                f"{quote_long(name)} is not the name of a parameter, which has at most {MAX_DOTS} dots and "
                f"{MAX_NAME_CHARACTERS} characters; give another checkpoint"
            )


def _is_not_a_layer(owner: str, mixtures: set[str]) -> bool:
    """Return whether a weight is that of a norm, of a loss, or of a router, which stands beside its experts."""
    block, _, leaf = owner.rpartition(".")
    is_router = block in mixtures and not any(part in leaf for part in LINEARS_BESIDE)
    return "norm" in leaf.lower() or leaf == "objective" or is_router


def _transposed(weights: Mapping[str, Shape], shapes: Mapping[str, Shape]) -> set[str]:
    """Return the last names and the blocks of GPT-2's Conv1D, whose weight has inputs before outputs.

    The bias shows that where the sides differ. A square weight is recognised by others of its name or block.
    """
    names = set()
    for owner, shape in weights.items():
        if len(shape) == 2 and shape[0] != shape[1] and shapes.get(f"{owner}.bias") == shape[1:]:
            block, _, leaf = owner.rpartition(".")
            names |= {block, leaf}
    return names


def is_embedding_name(owner: str) -> bool:
    """Whether a module, or the list that it is in, has a usual name of embeddings, or of the output embeddings.

    >>> is_embedding_name("model.decoder.embed_tokens"), is_embedding_name("proj_out"), is_embedding_name("q_proj")
    (True, True, False)
    >>> is_embedding_name("talker.codec_embedding.0")
    True
    """
    leaf = next((part for part in reversed(owner.split(".")) if not part.isdigit()), "")
    named = "embed" in leaf and not any(part in leaf for part in NOT_LOOKED_UP)
    return named or owner.endswith(OUTPUTS) or leaf in EMBEDDINGS


def _module(owner: str, shape: Shape, bias: Shape | None, transposed: set[str]) -> Module | None:
    block, _, leaf = owner.rpartition(".")
    if len(shape) == 2:
        rows, columns = shape
        if bias is None and not owner.endswith(OUTPUTS) and is_embedding_name(owner):
            return Module(owner, rows, columns, "Embedding")
        if bias == (columns,) and not transposed.isdisjoint({block, leaf}):
            return Module(owner, rows, columns, "Conv1D")
        return Module(owner, columns, rows)
    if len(shape) in {4, 5}:
        return Module(owner, shape[1], shape[0], f"Conv{len(shape) - 2}d", kernel=shape[2:])
    if len(shape) == 3 and "conv" in leaf:
        return Module(owner, shape[1], shape[0], "Conv1d", kernel=shape[2:])
    return None
