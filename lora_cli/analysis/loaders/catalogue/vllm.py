"""vLLM: what its server refuses in a PEFT adapter, from the source of 0.33.0.

`WorkerLoRAManager._load_adapter` in `vllm/lora/worker_manager.py` reads the config (`PEFTHelper` in
`vllm/lora/peft_helper.py`), then the file (`LoRAModel.from_local_checkpoint` in `vllm/lora/lora_model.py`). rsLoRA and
the patterns of ranks and alphas are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, NOTE, WARNING, Kind, counted_with, finding
from lora_cli.analysis.loaders.declaration import Loader, Loading
from lora_cli.analysis.memory.serving.families import FAMILIES, WITHOUT_LORA
from lora_cli.analysis.memory.serving.refusals import (
    MERGE,
    REFUSALS,
    Refusal,
    classifiers,
    highest_rank,
    is_other_method,
)
from lora_cli.analysis.memory.serving.serving import DEFAULT_RANK, RANKS
from lora_cli.errors import counted, first_few, quote_long
from lora_cli.methods.registry import method_named
from lora_cli.models.peft_names import BASE_MODEL

# The keys that `parse_fine_tuned_lora_name` in `vllm/lora/utils.py` takes, and those that it never sees
# (`is_base_embedding_weights`).
SERVED = re.compile(
    r"(?:.*\.)?(?:lora_[AB]\.weight|lora_embedding_[AB]|(?:score|classifier)\.(?:weight|bias))"
    r"|.*\.(?:embed_tokens|lm_head)\.base_layer\.weight",
    re.DOTALL,
)
# The families whose classes have another prefix for some modules (`hf_to_vllm_mapper`).
RENAMING = frozenset({"opt"})
FACTOR = re.compile(r"\.lora_(?:[AB]\.weight|embedding_[AB])$")


def _refusal(refusal: Refusal) -> Kind[Loading]:
    """Return the rule for what vLLM refuses by the config alone."""

    def look(loading: Loading) -> Iterator[tuple[str, str]]:
        if refusal.has(loading.config):
            values = refusal.values(loading.config)
            of = f" ({first_few(list(map(str, values)))})" if values else ""
            is_absent = refusal.if_absent is not None and not any(key.endswith(refusal.endings) for key in loading.keys)
            yield (
                f'vLLM refuses {refusal.what}{of}: "{refusal.said}"',
                refusal.if_absent or refusal.remedy if is_absent else refusal.remedy,
            )

    return Kind(f"vllm-{refusal.code}", ERROR, refusal.remedy, look)


@finding("vllm-method", ERROR, MERGE)
def other_method(loading: Loading) -> Iterator[str | tuple[str, str]]:
    """Find another method than LoRA: `parse_fine_tuned_lora_name` raises for its tensors, "... is unsupported LoRA weight".

    Nothing of a prompt can be merged.
    """
    if is_other_method(loading.config):
        message = f"vLLM serves LoRA only, and the method is {loading.config.label}"
        is_prompt = method_named(loading.config.method).prompt_tensors is not None
        yield (message, "run it with PEFT, as a prompt cannot be merged into the base model") if is_prompt else message


@finding("vllm-format", ERROR, "write them into adapter_config.json, as PEFT's save_pretrained does")
def missing_field(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find a config without fields that have no default in vLLM (`PEFTHelper.from_dict`), but one in PEFT."""
    config, rank = loading.config, loading.adapter.max_rank
    values = {
        "r": f'"r": {config.r if rank is None else rank}',
        "lora_alpha": f'"lora_alpha": {config.lora.lora_alpha:g}, which PEFT takes without it,',
        "target_modules": "target_modules with the names of the adapted modules",
    }
    missing = [name for name in values if name not in loading.adapter.trained.fields]
    if missing:
        yield (
            f'{counted_with(missing, "field", "is", "are")} not in the config: "Missing required configuration fields"',
            f"add {' and '.join(values[name] for name in missing)} to adapter_config.json",
        )


@finding("vllm-rank", ERROR, MERGE)
def high_rank(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find a rank that no server takes, or not the one whose highest is given.

    `validate_legal`: "LoRA rank ... is greater than max_lora_rank"; `MaxLoRARanks` in `vllm/config/lora.py` lists the
    sizes that a server can have.
    """
    rank, most = highest_rank(loading.config), _most(loading)
    if rank > most:
        larger = next((size for size in RANKS if size >= rank), None)
        remedy = MERGE if larger is None else f"start vLLM with max_lora_rank {larger}"
        largest = ", the largest that vLLM can have" if most == RANKS[-1] else ""
        yield f"its rank {rank:,} is over the server's max_lora_rank of {most}{largest}", remedy


@finding("vllm-default-rank", WARNING, "start vLLM with a larger max_lora_rank")
def rank_over_default(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find a rank that a server has to be started for: `max_lora_rank` is 16 by default."""
    rank = highest_rank(loading.config)
    if loading.max_rank is None and DEFAULT_RANK < rank <= RANKS[-1]:
        size = min(size for size in RANKS if size >= rank)
        message = f"its rank {rank} is over {DEFAULT_RANK}, vLLM's default max_lora_rank"
        yield message, f"start vLLM with max_lora_rank {size}"


@finding("vllm-head", WARNING, "serve it with the class that it was trained on, or leave the head out")
def trained_head(loading: Loading) -> Iterator[str]:
    """Find a trained head of a classifier, which `_validate_classification_head_lora` refuses in a model that generates.

    "Cannot load full module ...: the model does not expose a unique classification head."
    """
    heads = classifiers(loading.config)
    if heads:
        yield f"vLLM loads {first_few(heads)} of modules_to_save only into a model that classifies"


@finding(
    "vllm-experts", WARNING, "start vLLM with enable_mixed_moe_lora_format, and set is_3d_lora_weight on the request"
)
def fused_experts(loading: Loading) -> Iterator[str]:
    """Find fused experts, which `_validate_moe_lora_format` in `vllm/lora/model_manager.py` refuses in some classes.

    "LoRA adapter ... contains fused 3D MoE weights ..., but the model uses a 2D MoE LoRA wrapper."
    """
    if loading.config.target_parameters:
        yield "vLLM loads target_parameters only where the model's class has fused experts, too"


@finding("vllm-key", ERROR, "save the adapter with PEFT's save_pretrained")
def unserved_key(loading: Loading) -> Iterator[str | tuple[str, str]]:
    """Find keys for which `parse_fine_tuned_lora_name` raises ValueError: "... is unsupported LoRA weight".

    Whole embeddings are among them, which PEFT saves where the vocabulary was resized: vLLM serves no other vocabulary
    than the base model's.
    """
    adapter = loading.adapter
    explained = tuple(ending for refusal in REFUSALS if refusal.has(loading.config) for ending in refusal.endings)
    refused = [
        key
        for key in loading.keys
        if not (SERVED.fullmatch(key) or key.endswith(explained) or adapter.is_full_copy(key))
    ]
    embeddings = [key for key in refused if adapter.is_frozen(key)]
    others = [key for key in refused if not adapter.is_frozen(key)]
    if embeddings:
        message = f"vLLM refuses {counted(embeddings, 'whole embedding')} in the file"
        yield message, "save it with save_embedding_layers=False, and serve a base model that has the added tokens"
    if others:
        yield f"{counted_with(others, 'key', 'is', 'are')} refused by vLLM"


@finding("vllm-module", ERROR, "save the adapter with PEFT's save_pretrained")
def other_prefix(loading: Loading) -> Iterator[tuple[str, str]]:
    """Find modules that vLLM would look for in vain by their names, where it serves the base model without a word.

    `parse_fine_tuned_lora_name` cuts PEFT's root out of the names, however often it is there, and does without; then
    `activate_adapter` in `vllm/lora/model_manager.py` takes what has the name of a module: "No LoRA weights found for
    module ..., skipping". Classes that rename modules as they load are left out.
    """
    model = loading.adapter.model
    if model is not None and model.model_type not in FAMILIES.keys() - RENAMING:
        return
    wrong = {
        key: right
        for key, right in loading.adapter.renamed_keys.items()
        if FACTOR.search(key) and SERVED.fullmatch(key) and _served_name(key) != _served_name(right)
    }
    if wrong:
        right = quote_long(next(iter(wrong.values())))
        yield (
            f"vLLM finds no module for {counted([*wrong], 'key')}, and serves the base model there instead",
            f"rename them as PEFT writes them, e.g. {right}, or save the adapter with PEFT's save_pretrained",
        )


@finding("vllm-model", ERROR, MERGE)
def model_without_lora(loading: Loading) -> Iterator[str]:
    """Find a base model whose class does not have `SupportsLoRA`: "LoRA is not supported for ..." (`vllm/config/lora.py`)."""
    model = loading.adapter.model
    if model is not None and model.model_type in WITHOUT_LORA:
        yield f"vLLM has no LoRA for {model.model_type}"


@finding("vllm-module", ERROR, "leave these modules out of the targets, or merge the adapter into the base model")
def unwrapped_module(loading: Loading) -> Iterator[str]:
    """Find modules for which vLLM's class has no layer with LoRA.

    `check_unexpected_modules` in `from_local_checkpoint`: "expected target modules in ... but received ...". It looks
    at the last part of a module's name, and at experts in another way.
    """
    model = loading.adapter.model
    known = None if model is None else FAMILIES.get(model.model_type)
    if model is None or known is None:
        return
    names = {name.rpartition(".")[2] for name in known}
    modules = dict.fromkeys(
        FACTOR.sub("", key).removeprefix(BASE_MODEL)
        for key in loading.keys
        if FACTOR.search(key) and "base_layer" not in key and ".experts" not in key
    )
    unknown = [module for module in modules if module.rpartition(".")[2] not in names]
    if unknown:
        yield f"{counted_with(unknown, 'module', 'has', 'have')} no LoRA in vLLM's {model.model_type}"


@finding("vllm-unknown-model", NOTE, "try it there")
def unknown_model(loading: Loading) -> Iterator[str]:
    """Say where the modules were not compared with vLLM's class."""
    model = loading.adapter.model
    if model is not None and model.model_type not in WITHOUT_LORA and model.model_type not in FAMILIES:
        yield f"which modules of {quote_long(model.model_type or model.name)} vLLM adapts is not known here"


def _served_name(key: str) -> str:
    """Return the name by which vLLM knows a tensor."""
    return key.replace(BASE_MODEL, "") if key.startswith(BASE_MODEL) else key


def _most(loading: Loading) -> int:
    """Return the `max_lora_rank` of a server that takes ranks up to a limit, or the largest there is."""
    asked = RANKS[-1] if loading.max_rank is None else loading.max_rank
    return next((size for size in RANKS if size >= asked), RANKS[-1])


LOADER = Loader(
    "vllm",
    "vLLM",
    "0.33.0",
    [*map(_refusal, REFUSALS), *(kind for kind in vars().values() if isinstance(kind, Kind))],
    [other_method],
    frozenset(
        {
            *("broken-file", "empty-tensor", "other-model", "missing-tensor", "vocabulary-mismatch"),
            *("shape-mismatch", "rank-mismatch"),
        }
    ),
    only_language=True,
)
