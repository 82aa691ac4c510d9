"""Findings about the keys in the file: those that PEFT would write, and only those, should be there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.analysis.inspect.findings.declaration import ERROR, counted_with, finding, shape_text
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.analysis.inspect.lora_names import OTHER_FACTOR
from lora_cli.analysis.subject import other_base_name
from lora_cli.errors import argument, quote_long
from lora_cli.methods.adapter_file.adapter_keys import spellings
from lora_cli.methods.adapter_file.moved_keys import different_parts
from lora_cli.models.peft_names import BASE_MODEL

# The parts of an adapted module that PEFT also saves, and rows of embeddings.
BESIDE_ADAPTERS = (".base_layer.weight", ".base_layer.bias", ".trainable_tokens_delta")
MAGNITUDE = "lora_magnitude_vector"


@finding("wrong-prefix", ERROR, "rename the keys, or save with PEFT's save_pretrained: loaders skip them silently")
def wrong_prefix(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    """Find keys that PEFT would look for under another name."""
    wrong = adapter.renamed_keys
    if wrong and not adapter.is_of_other_model:
        key, right = next(iter(wrong.items()))
        old, new = map(quote_long, different_parts(key, right))
        causes = {spelling.key: spelling.cause for spelling in spellings(key, adapter.own_tensors)}
        cause = causes.get(right, f"these modules have another prefix on {quote_long(adapter.model_name)}")
        message = (
            f"{counted_with(list(wrong), 'key', 'does', 'do')} not use PEFT's names{': ' if cause else ''}{cause}; "
            f"PEFT would write {quote_long(right)}"
        )
        yield (
            message,
            f"rename {old} to {new} in the keys, or save with PEFT's save_pretrained: loaders skip them silently",
        )


@finding("other-model", ERROR, "give the base model that it was trained with")
def other_model(adapter: InspectedAdapter) -> Iterator[str | tuple[str, str]]:
    """Find a file that has nothing of what the config has on the model, or no module of the size that it has there."""
    if not adapter.is_of_other_model or _of_other_method(adapter):
        return
    given = quote_long(adapter.model_name)
    message = f"PEFT would load no tensor of the file with this config on {given}"
    if adapter.other_size is not None:
        key, ours, theirs = adapter.other_size
        message = (
            f"no module of the file fits {given}: e.g. {quote_long(key)} is {shape_text(ours)} in the file, "
            f"and {shape_text(theirs)} there"
        )
    base = other_base_name(adapter.trained.fields, adapter.model_name)
    if base is None:
        yield message
    else:
        yield f"{message}; its config names the base model {quote_long(base)}", f"give that as {argument('model')}"


@finding("unknown-tensor", ERROR, "check that config and file belong together: loaders skip these silently")
def unknown_tensor(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tensors that PEFT would not write."""
    if adapter.comparable is not None:
        unknown = [key for key in adapter.loaded if key not in adapter.shapes_on_model]
        if unknown:
            yield (
                f"{counted_with(unknown, 'tensor', 'does', 'do')} not belong to this config "
                f"on {quote_long(adapter.model_name)}"
            )
    elif adapter.stands_alone:
        unknown = unknown_to_method(adapter)
        if unknown:
            yield f"{counted_with(unknown, 'tensor', 'is', 'are')} neither LoRA's nor named by modules_to_save"
    elif unknown := _of_other_method(adapter):
        name = next(name for name, tensor in adapter.own_tensors.items() if tensor.in_file)
        yield (
            f"{counted_with(unknown, 'tensor', 'does', 'do')} not belong to {adapter.trained.config.method.upper()}, "
            f"the method in the config, whose tensors are e.g. {name}: the file has none of them"
        )
    elif adapter.strays:
        yield f"{counted_with(adapter.strays, 'tensor', 'belongs', 'belong')} to no module's update"


def _of_other_method(adapter: InspectedAdapter) -> list[str]:
    """Return the keys of a file that has none of the method's tensors, if it is known which these are."""
    is_known = any(tensor.in_file for tensor in adapter.own_tensors.values())
    return unknown_to_method(adapter) if is_known and not adapter.by_module else []


def unknown_to_method(adapter: InspectedAdapter) -> list[str]:
    """Return the keys of tensors that are neither the method's nor those of what the config trains beside it.

    Embeddings are known by their names, as PEFT saves those that were resized.
    """
    beside = (*BESIDE_ADAPTERS, ".bias") if adapter.trained.config.bias != "none" else BESIDE_ADAPTERS
    return [
        key
        for key in adapter.tensors
        if not (adapter.split(key) or key.endswith(beside) or adapter.is_full_copy(key) or adapter.is_frozen(key))
    ]


@finding("missing-tensor", ERROR, "save the adapter again: loaders leave missing tensors at their initial values")
def missing_tensor(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tensors that PEFT would write and that the file does not have."""
    expected = adapter.comparable
    if expected is not None:
        missing = [key for key in expected if key not in adapter.loaded and not adapter.is_frozen(key)]
        if missing:
            yield (
                f"{counted_with(missing, 'tensor', 'is', 'are')} missing, which this config has "
                f"on {quote_long(adapter.model_name)}"
            )
    elif adapter.stands_alone:
        missing = missing_beside_others(adapter)
        if missing:
            yield _missing_text(missing)
    else:
        spelled = adapter.trained.declared.spelled_tensor
        updates = adapter.described.items()
        missing = [f"{module}: {spelled(name)}" for module, update in updates for name in update.missing]
        if missing:
            yield _missing_text(missing)


def _missing_text(missing: Sequence[str]) -> str:
    return f"{counted_with(missing, 'tensor', 'is', 'are')} missing beside other tensors of the same module"


def missing_beside_others(adapter: InspectedAdapter) -> list[str]:
    """Return the keys of the A or B that a module lacks, or of its magnitude with DoRA."""
    magnitude = (MAGNITUDE,) if adapter.trained.config.lora.use_dora else ()
    return [
        f"{BASE_MODEL}{module}.{name}"
        for module, tensors in adapter.by_module.items()
        for name in (*(OTHER_FACTOR[name] for name in tensors if name in OTHER_FACTOR), *magnitude)
        if name not in tensors
    ]
