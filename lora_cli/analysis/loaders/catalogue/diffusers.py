"""diffusers: what `load_lora_weights` refuses in a file, skips, or loads at another scale; from the source of 0.42.1.

`diffusers/loaders/lora_pipeline.py`: `lora_state_dict` and `load_lora_weights` of a pipeline's class, of which
`StableDiffusionLoraLoaderMixin` is the one for a UNet; `diffusers/loaders/lora_base.py` for text encoders. The keys alone
say which part of a pipeline a tensor is for. How single transformers rename the keys of other trainers differs from
class to class, and is not followed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lora_cli.analysis.inspect.findings.declaration import ERROR, NOTE, Kind, counted_with, finding
from lora_cli.analysis.loaders.declaration import Loader, Loading
from lora_cli.analysis.loaders.pipeline_keys import (
    BETWEEN,
    PARTS,
    TEXT_ENCODERS,
    TRANSFORMERS,
    UNETS,
    has_any,
    is_kohya,
    is_kohya_unet,
    is_kohya_without_lora,
    renamed_keys,
)
from lora_cli.errors import counted, first_few
from lora_cli.methods.adapter_file.foreign_adapter import most_common
from lora_cli.methods.adapter_file.pipeline_metadata import ENTRY

# The prefixes of each text encoder in kohya's files.
KOHYA_TEXT = (("lora_te_", "lora_te1_"), ("lora_te2_",))
DOWN, UP, ALPHA, DORA = ".lora_down.weight", ".lora_up.weight", ".alpha", "dora_scale"
MAGNITUDE = ".lora_magnitude_vector"
# A key that is neither LoRA's nor left out before that is looked at.
NAMELESS = re.compile(r"(?!.*(?:lora|dora_scale)).*", re.DOTALL)
# How an A and a B are called, and the other of each.
FACTOR = re.compile(r"(.*[._]lora(?:_linear_layer)?[._])(A|B|down|up)\.weight", re.DOTALL)
# The spellings of an A and a B that `convert_unet_state_dict_to_peft` and `convert_state_dict_to_peft` in
# `diffusers/utils/state_dict_utils.py` know of a denoiser's and of a text encoder's, and one that Flux's pipelines rename.
OLD_NAMES = r"\.to_(?:[qkv]|out)_lora\.(?:down|up)"
KNOWN = re.compile(rf".*(?:\.lora_[AB]|\.lora\.(?:down|up)|{OLD_NAMES})\.weight", re.DOTALL)
KNOWN_TEXT = re.compile(
    rf".*(?:\.lora_[AB]|\.lora_linear_layer\.(?:down|up)|{OLD_NAMES}|text_projection\.lora\.(?:down|up))\.weight",
    re.DOTALL,
)
ONLY_FLUX = (DOWN, ".lora_up.weight")
OTHER_SIDE = {"A": "B", "B": "A", "down": "up", "up": "down"}
# The names by which text encoders' tensors are known: those of CLIP's attention, and its feed-forward's old ones.
CLIP = re.compile(r"\.(?:(?:q_proj|k_proj|v_proj|out_proj)\.|to_(?:[qkv]|out)_lora\.|fc[12]\.lora_linear_layer\.)")
LANGUAGE = "load it with PEFT, or with the program that it was made for: it is for a language model, not for a pipeline"
SAVE = "save it with the pipeline's save_lora_weights"


PREFIX = "diffusers-prefix"
BEGIN = "begin the keys with unet., transformer. or text_encoder., as save_lora_weights does"


@finding(PREFIX, ERROR, BEGIN)
def no_part(loading: Loading) -> Iterator[str | tuple[str, str]]:
    """Find a file without keys of a part of a pipeline: `load_lora_adapter` warns if there are none with its prefix."""
    skipped = _skipped(loading.keys)
    if skipped and len(skipped) == len(loading.keys):
        message = (
            f"diffusers loads nothing of the file: none of its keys ({first_few(skipped)}) names a part of a pipeline"
        )
        yield (message, LANGUAGE) if loading.is_of_language else message


@finding(PREFIX, ERROR, BEGIN)
def some_of_no_part(loading: Loading) -> Iterator[str]:
    """Find keys of no part of a pipeline beside others: `load_lora_adapter` takes those with its prefix."""
    if skipped := _skipped(loading.keys):
        yield f"{counted_with(skipped, 'key', 'names', 'name')} no part of a pipeline, so diffusers skips them"


@finding("diffusers-key", ERROR, SAVE)
def invalid_key(loading: Loading) -> Iterator[str]:
    """Find keys that make a pipeline with a UNet refuse the file.

    `load_lora_weights`: "Make sure all LoRA param names contain `'lora'` substring."
    """
    parts = (*UNETS, *TEXT_ENCODERS, *BETWEEN)
    invalid = [key for key in loading.keys if key.startswith(parts) and NAMELESS.fullmatch(key)]
    if invalid and not has_any(loading.keys, TRANSFORMERS):
        yield f"{counted_with(invalid, 'key', 'has', 'have')} no lora in the name, so diffusers refuses the file"


@finding("diffusers-key", ERROR, "rename what comes before .weight to lora_A and lora_B")
def misspelled_factor(loading: Loading) -> Iterator[str]:
    """Find an A or a B in a spelling that its part's loader does not know, which then sees no rank.

    `get_peft_kwargs` raises IndexError for a denoiser, and `convert_state_dict_to_diffusers` ValueError for a text
    encoder: "Could not automatically infer state dict type".
    """
    unknown = [
        key
        for key in loading.keys
        if key.startswith(PARTS)
        and FACTOR.fullmatch(key)
        and not (KNOWN_TEXT if key.startswith(TEXT_ENCODERS) else KNOWN).fullmatch(key)
        and not _is_of_flux(key)
    ]
    if unknown:
        yield f"{counted_with(unknown, 'key', 'has', 'have')} a spelling of lora_A or lora_B that diffusers does not know there"


@finding("diffusers-pair", ERROR, SAVE)
def unpaired(loading: Loading) -> Iterator[str]:
    """Find an A or a B without the other, which stays as it starts, or on the meta device.

    `_maybe_warn_for_unhandled_keys`: "led to missing keys in the model".
    """
    factors = {key: found for key in loading.keys if key.startswith(PARTS) and (found := FACTOR.fullmatch(key))}
    alone = [key for key, found in factors.items() if f"{found[1]}{OTHER_SIDE[found[2]]}.weight" not in factors]
    if alone:
        yield f"{counted_with(alone, 'A or B', 'has', 'have')} no other beside it, so the update is not the trained one"


@finding("diffusers-unconverted", ERROR, "convert it to a LoRA, or load it with the program that it was made for")
def unconverted(loading: Loading) -> Iterator[str]:
    """Find keys of kohya's that are left when a UNet's LoRA has been renamed.

    `_convert_non_diffusers_lora_to_diffusers`: "The following keys have not been correctly renamed". So it is with LoHa,
    LoKr, full diffs, and an alpha or an A and a B without each other. Pipelines with a transformer take a part of these
    beside LoRA, and nothing without it: what they know of LoKr has names of modules with dots, or of LyCORIS's own.
    """
    keys = loading.keys
    if not is_kohya_unet(keys):
        if is_kohya_without_lora(keys):
            yield (
                f"no pipeline loads {counted([*keys], 'key')}, as none of them is part of a pair of {DOWN[1:]} and {UP[1:]}"
            )
        return
    down = {key.removesuffix(DOWN) for key in keys if key.endswith(DOWN)}
    left = [
        key
        for key in keys
        if key.endswith((UP, ALPHA))
        and key.rpartition(".lora_up")[0] not in down
        and key.removesuffix(ALPHA) not in down
    ]
    left += [key for key in keys if not key.endswith((DOWN, UP, ALPHA)) and DORA not in key]
    left += [f"{module}{UP}" for module in down if f"{module}{UP}" not in keys]
    if left:
        yield f"{counted_with(left, 'key', 'is', 'are')} not part of a pair of {DOWN[1:]} and {UP[1:]}, so diffusers refuses the file"


@finding("diffusers-dora", ERROR, "merge it into the base model with the program that trained it")
def dropped_magnitudes(loading: Loading) -> Iterator[str]:
    """Find DoRA's magnitudes that are left out.

    Under kohya's name every `lora_state_dict` removes them: "we are going to filter out". Those of a text encoder are not
    among the names by which `convert_state_dict_to_peft` knows tensors, so its DoRA has magnitudes as before training.
    """
    dropped = [key for key in loading.keys if DORA in key]
    if dropped:
        yield f"{counted_with(dropped, 'DoRA magnitude', 'is', 'are')} left out by diffusers, which loads the rest as plain LoRA"
    anew = [key for key in loading.keys if key.startswith(TEXT_ENCODERS) and MAGNITUDE in key]
    if anew:
        yield (
            f"{counted_with(anew, 'DoRA magnitude', 'is', 'are')} left out by diffusers, which computes "
            f"{'that' if len(anew) == 1 else 'those'} of a text encoder anew from its weights"
        )


@finding("diffusers-alpha", ERROR, "write the alpha of every module into the file; without one, it is the rank")
def some_alphas(loading: Loading) -> Iterator[str]:
    """Find modules without an alpha beside others: `get_peft_kwargs` gives them the one that most modules have.

    For kohya, the alpha of a module that has none is its rank.
    """
    updates = loading.adapter.described.values() if is_kohya_unet(loading.keys) else ()
    usual = most_common(update.alpha for update in updates)
    if usual is None:
        return
    other = [update.module for update in updates if update.alpha is None and update.r not in (None, usual)]
    if other:
        yield f"{counted_with(other, 'module', 'has', 'have')} no alpha, and diffusers takes {usual:.6g}, that of other modules"


@finding("diffusers-alpha", ERROR, f"remove {ENTRY} from the file's metadata")
def alphas_beside_configs(loading: Loading) -> Iterator[str]:
    """Find alphas of kohya's beside a config in the metadata, which `load_lora_adapter` refuses together."""
    alphas = [key for key in loading.keys if key.endswith(ALPHA)]
    if alphas and is_kohya_unet(loading.keys) and loading.metadata.get(ENTRY):
        yield (
            f"diffusers refuses {counted(alphas, 'alpha')} beside {ENTRY}, which has alphas, too: "
            '"Both `network_alphas` and `metadata` cannot be specified."'
        )


@finding("diffusers-scale", ERROR, "write lora_adapter_metadata with save_lora_weights, or merge alpha / r into B")
def unread_config(loading: Loading) -> Iterator[str]:
    """Find an adapter_config.json whose scaling diffusers does not see: it reads the file alone, and takes alpha = r."""
    scalings = Counter(pair.scaling for pair in loading.adapter.factors.values())
    other = [scaling for scaling in scalings if scaling != 1]
    if other and loading.is_peft and not is_kohya(loading.keys):
        yield f"diffusers does not read adapter_config.json, and loads updates at a scaling of 1 instead of {other[0]:.6g}"


@finding("diffusers-text-encoder", ERROR, "leave the text encoder out, or load its adapter with PEFT")
def other_text_encoder(loading: Loading) -> Iterator[str]:
    """Find adapters of a text encoder whose names diffusers does not know.

    `_load_lora_into_text_encoder` renames the tensors by the names of CLIP's attention, where
    `convert_state_dict_to_peft` raises ValueError if there are none, and looks for ranks by CLIP's names, where
    `get_peft_kwargs` raises IndexError. In kohya's files `convert_state_dict_to_diffusers` tells the names by that of
    `out_proj`: without one it raises ValueError or, beside the feed-forward's, leaves the attention out.
    """
    for part in TEXT_ENCODERS:
        keys = [key for key in loading.keys if key.startswith(part)]
        if keys and not any(map(CLIP.search, keys)):
            yield f"{counted_with(keys, 'key', 'is', 'are')} not of CLIP's attention, by which diffusers knows a text encoder"
    for prefixes in KOHYA_TEXT if is_kohya_unet(loading.keys) else ():
        modules = [module for module in _modules(loading.keys) if module.startswith(prefixes)]
        attention = [module for module in modules if module.endswith(("_q_proj", "_k_proj", "_v_proj"))]
        if attention and not any(module.endswith("_out_proj") for module in modules):
            yield f"without an out_proj beside them, diffusers does not know {counted(attention, 'module')} of the text encoder"


@finding("diffusers-unchecked", NOTE, "load it once to be sure")
def unchecked(loading: Loading) -> Iterator[str]:
    """Say where a pipeline's class renames keys by its own rules, or takes what most refuse: "Invalid LoRA checkpoint"."""
    keys = loading.keys
    if renamed := renamed_keys(keys):
        yield (
            f"{counted_with(renamed, 'key', 'was', 'were')} not checked, as each pipeline with a transformer renames such "
            "keys by rules of its own"
        )
    if of_flux := [key for key in keys if _is_of_flux(key)]:
        yield f"{counted_with(of_flux, 'key', 'has', 'have')} kohya's lora_down or lora_up, which only pipelines of Flux take there"
    other = [key for key in keys if key.startswith(PARTS) and NAMELESS.fullmatch(key)]
    if other and has_any(keys, TRANSFORMERS):
        yield (
            f"{counted_with(other, 'key', 'has', 'have')} no lora in the name, as an alpha or LoKr's factors, "
            "and few pipelines with a transformer take such keys"
        )


def _is_of_flux(key: str) -> bool:
    """Whether a key of a transformer has a spelling that only Flux's pipelines know."""
    return key.startswith(TRANSFORMERS) and key.endswith(ONLY_FLUX)


def _skipped(keys: Mapping[str, object]) -> list[str]:
    """Return the keys of no part of a pipeline, unless they are another trainer's, which are renamed."""
    if is_kohya(keys):
        return []
    renamed = {*renamed_keys(keys)}
    return [key for key in keys if not key.startswith(PARTS) and key not in renamed]


def _modules(keys: Mapping[str, object]) -> Sequence[str]:
    """Return the modules that have an A under kohya's name."""
    return [key.removesuffix(DOWN) for key in keys if key.endswith(DOWN)]


LOADER = Loader(
    "diffusers",
    "diffusers",
    "0.42.1",
    [kind for kind in vars().values() if isinstance(kind, Kind)],
    [no_part],
    unchecked=frozenset({unchecked.code}),
    only_peft=False,
)
