"""Models without a family here, built by an installed transformers on torch's meta device, which holds no values.

torch and transformers are imported only for such a model.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from lora_cli.errors import InvalidInput, near_miss, quote, quote_long
from lora_cli.models.config import MAX_LAYERS, MAX_SIZE, Config
from lora_cli.models.model import Model, read_dtype
from lora_cli.models.nodes import MULTIHEAD, Buffer, Hollow, Module, Parameter
from lora_cli.models.optional_package import loaded
from lora_cli.models.sources.hub import hub_forbidden
from lora_cli.time_limit import time_limit

PACKAGES = ("torch", "transformers")
MAX_SECONDS = 30.0
# A field is a number of modules if its name ends with one of these, or has one and begins as a number; block_ff_dim is not one.
REPEATED = ("layers", "depth", "depths", "blocks", "experts", "stages")
PARTS = ("layer", "depth", "block", "expert", "stage")
NUMBERS = ("num_", "n_")
MAX_LABELS = 100_000
# Fields that affect only how a model runs. They may need packages that a count does not.
RUNNING = ("auto_map", "attn_implementation", "_attn_implementation", "quantization_config")


def is_installed() -> bool:
    """Return whether transformers and torch are installed."""
    return all(find_spec(package) for package in PACKAGES)


def build(config: Config, name: str) -> Model:
    """Return the model that the installed transformers builds from a config.json, with a note that it did.

    Only classes of transformers itself are built. Code that comes with a model (`auto_map`) is not run.
    """
    _check_numbers(config)
    # No config can make transformers ask the Hub.
    with hub_forbidden():
        return _built(config, name)


def _built(config: Config, name: str) -> Model:
    torch, transformers = map(loaded, PACKAGES)
    loaded("transformers", "logging").set_verbosity_error()
    with (
        warnings.catch_warnings(action="ignore"),
        torch.device("meta"),
        time_limit(MAX_SECONDS, f"building {quote_long(name)} with transformers", "give its checkpoint instead"),
    ):
        try:
            built = _instance(config, transformers)
        except InvalidInput:
            raise
        # A hostile config can make transformers raise anything.
        except Exception as error:
            raise InvalidInput(
                f"{config.source}: transformers {transformers.__version__} cannot build it: {quote_long(' '.join(str(error).split()))}; "
                "give its checkpoint instead"
            ) from error
    note = f"{config.source}: built by the installed transformers {transformers.__version__}"
    return _described(built, config, name, note, torch.nn, transformers.pytorch_utils.Conv1D)


def _check_numbers(config: Config) -> None:
    """Refuse a number of modules, at any depth of the config, that would take too long to build."""
    pending: list[tuple[str, Any]] = [("", config.fields)]
    while pending:
        key, value = pending.pop()
        if isinstance(value, dict):
            pending += value.items()
        elif isinstance(value, list):
            pending += ((key, inner) for inner in value)
        elif type(value) is int and value > (most := _most(key)):
            raise InvalidInput(f"{config.source}: {quote(key)} is {quote(value)}; it must be at most {most}")


def _most(key: str) -> int:
    """Return the largest value of a field: a number of modules, a number of labels or channels, or a size."""
    is_number = key.startswith(NUMBERS)
    if key.endswith(REPEATED) or (is_number and any(part in key for part in PARTS) and "size" not in key):
        return MAX_LAYERS
    return MAX_LABELS if is_number else MAX_SIZE


def _instance(config: Config, transformers: Any) -> Any:
    model_type = config.text("model_type", default="")
    fields = {key: value for key, value in config.fields.items() if key not in {"model_type", *RUNNING}}
    read = transformers.AutoConfig.for_model(model_type, **fields)
    named = config.items("architectures")
    if not named:
        return transformers.AutoModel.from_config(read)
    model_class = getattr(transformers, named[0], None) if isinstance(named[0], str) else None
    if not (isinstance(model_class, type) and issubclass(model_class, transformers.PreTrainedModel)):
        hint = near_miss(named[0], dir(transformers), "name another")
        raise InvalidInput(
            f"{config.source}: {quote(named[0])} in architectures is not a model of transformers; {hint}"
        )
    return model_class(read)


def _described(built: Any, config: Config, name: str, note: str, nn: Any, transposed: Any) -> Model:
    modules = list(_modules(built, nn, transposed))
    in_modules = {parameter.name for module in modules for parameter in module.parameters()}
    first: dict[int, str] = {}
    parameters, tied = [], {}
    for key, value in built.named_parameters(remove_duplicate=False):
        parameters.append(Parameter(key, tuple(value.shape)))
        if first.setdefault(id(value), key) != key:
            tied[key] = first[id(value)]
    names = {id(module): key for key, module in built.named_modules()}
    return Model(
        name,
        config.text("model_type", default=""),
        (*modules, *(p for p in parameters if p.name not in in_modules), *_buffers(built), *_hollow(built, nn)),
        tied,
        names.get(id(built.get_output_embeddings())),
        names.get(id(_embeddings(built))),
        read_dtype(config),
        _whole(built.config, config),
        generates=hasattr(built, "prepare_inputs_for_generation"),
        notes=(note,),
    )


def _modules(built: Any, nn: Any, transposed: Any) -> Iterator[Module]:
    """Yield the modules of the kinds that PEFT adapts, by its order (`peft.tuners.lora.layer.dispatch_default`)."""
    for name, module in built.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if isinstance(module, nn.MultiheadAttention) and "in_proj_weight" in own:
            d = module.embed_dim
            yield Module(name, d, 3 * d, MULTIHEAD, "in_proj_bias" in own)
        # A computed weight (torch's parametrizations) is not a parameter of this module.
        if "weight" not in own:
            continue
        bias = "bias" in own
        if isinstance(module, nn.Embedding):
            yield Module(name, module.num_embeddings, module.embedding_dim, "Embedding")
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            kernel = tuple(module.kernel_size)
            sizes = module.in_channels, module.out_channels
            yield Module(name, *sizes, f"Conv{len(kernel)}d", bias, kernel, module.groups)
        elif isinstance(module, nn.Linear):
            yield Module(name, module.in_features, module.out_features, "Linear", bias)
        elif isinstance(module, transposed):
            d, h = module.weight.shape
            yield Module(name, d, h, "Conv1D", bias)


def _whole(read: Any, config: Config) -> Config:
    """Return the config with all fields of transformers' config class."""
    fields = {**read.to_dict(), "model_type": config.fields.get("model_type")}
    layers = getattr(read, "num_hidden_layers", None)
    return Config(fields if layers is None else {**fields, "num_hidden_layers": layers}, config.source)


def _buffers(built: Any) -> Iterator[Buffer]:
    """Yield the buffers that a checkpoint holds."""
    parameters = {key for key, _ in built.named_parameters(remove_duplicate=False)}
    for key, value in built.state_dict().items():
        if key not in parameters:
            kind = "BOOL" if "bool" in str(value.dtype) else f"I{8 * value.itemsize}"
            yield Buffer(key, tuple(value.shape), None if value.is_floating_point() else kind)


def _hollow(built: Any, nn: Any) -> Iterator[Hollow]:
    """Yield modules without parameters, and lists, which PEFT refuses to copy (`ModulesToSaveWrapper.check_module`)."""
    lists = nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict
    for name, module in built.named_modules():
        if name and (isinstance(module, lists) or next(module.parameters(), None) is None):
            yield Hollow(name, isinstance(module, lists))


def _embeddings(built: Any) -> Any:
    try:
        return built.get_input_embeddings()
    except NotImplementedError:
        return None
