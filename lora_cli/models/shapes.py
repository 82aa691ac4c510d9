"""A checkpoint without a config.json: modules by the names and shapes of its parameters.

What names and shapes do not say is not guessed: experts that are stored one by one stay so, a
convolution has one group, and nothing is tied, since safetensors stores what is tied once, and modules
without parameters are not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lora_cli.models.model import Model
from lora_cli.models.module import Module, Parameter

Shape = tuple[int, ...]

# How transformers calls what takes the vocabulary and positions, where the word embedding is not in it.
EMBEDDINGS = ("wte", "wpe", "shared", "relative_attention_bias")
OUTPUTS = ("lm_head", "embed_out", "proj_out", "lm_head.decoder", "predictions.decoder")


def model_of_shapes(parameters: Sequence[Parameter], name: str, warnings: tuple[str, ...]) -> Model:
    """Return the model whose modules are the weights among `parameters`, and whose other parameters are the rest."""
    shapes = {parameter.name: parameter.shape for parameter in parameters}
    # A mixture's router stands beside its experts, and is no Linear in transformers.
    mixtures = {key.partition(".experts.")[0] for key in shapes if ".experts." in key}
    weights = {
        key.removesuffix(".weight"): shape
        for key, shape in shapes.items()
        if key.endswith(".weight") and all(shape)
        if "norm" not in key.lower().split(".")[-2] and key.rsplit(".", 2)[0] not in mixtures
    }
    transposed = _transposed(weights, shapes)
    modules = {}
    for owner, shape in weights.items():
        bias = shapes.get(f"{owner}.bias")
        module = _module(owner, shape, bias, transposed)
        if module and bias in {None, (module.h,)}:
            modules[owner] = module._replace(bias=bias is not None)
    held = {parameter.name for module in modules.values() for parameter in module.parameters()}
    embeddings = [module for module in modules.values() if module.kind == "Embedding"]
    return Model(
        name,
        "",
        (*modules.values(), *(parameter for parameter in parameters if parameter.name not in held)),
        {},
        next((owner for owner in modules if owner.endswith(OUTPUTS)), None),
        max(embeddings, key=lambda module: module.d).name if embeddings else None,
        warnings,
    )


def _transposed(weights: Mapping[str, Shape], shapes: Mapping[str, Shape]) -> set[str]:
    """Return names and places of GPT-2's Conv1D, inputs before outputs: a bias says so where the sides differ.

    A square one is told by others of its last name, or in its block.
    """
    found = set()
    for owner, shape in weights.items():
        if len(shape) == 2 and shape[0] != shape[1] and shapes.get(f"{owner}.bias") == shape[1:]:
            block, _, leaf = owner.rpartition(".")
            found |= {block, leaf}
    return found


def _module(owner: str, shape: Shape, bias: Shape | None, transposed: set[str]) -> Module | None:
    block, _, leaf = owner.rpartition(".")
    if len(shape) == 2:
        rows, columns = shape
        named = "embed" in leaf and "proj" not in leaf and not owner.endswith(OUTPUTS)
        if bias is None and (named or leaf in EMBEDDINGS):
            return Module(owner, rows, columns, "Embedding")
        if bias == (columns,) and not transposed.isdisjoint({block, leaf}):
            return Module(owner, rows, columns, "Conv1D")
        return Module(owner, columns, rows)
    if len(shape) == 4:
        return Module(owner, shape[1], shape[0], "Conv2d", kernel=shape[2:])
    if len(shape) == 3 and "conv" in leaf:
        return Module(owner, shape[1], shape[0], "Conv1d", kernel=shape[2:])
    return None
