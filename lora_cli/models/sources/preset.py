"""Well-known models by name, bundled so that they need no download.

`presets.json` has one line for each model: the fields of its config.json that decide sizes. They must give the
published number of parameters; tests/reference/presets.csv has the sources. `hub_names` are the repositories on the
Hub that the model stands for: its own, and others whose modules are known to have the same sizes, e.g. of its instruct
variant. Of a pipeline of diffusers it is the transformer or UNet. `nf4_names` and `mixed_names` are repositories that
hold the same modules in 4 bits. tests/reference/hub_names.csv and quantised_names.csv say what confirms each; a name
alone does not.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lora_cli.errors import InvalidInput, argument, near_miss, question, quote
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.registry import find_family

DATA = Path(__file__).with_name("presets.json")
# What names a preset has on the Hub, by its field for them, and what the config.json of these says of quantisation.
NAMES: dict[str, dict[str, Any]] = {
    "hub_names": {},
    # As loading unsloth/mistral-7b-instruct-v0.3-bnb-4bit prints it: unslothai/notebooks, nb/Mistral_v0.3_(7B)-GRPO.ipynb.
    "nf4_names": {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": "bfloat16",
    },
    # Some modules stay in 16 bits, others in each repository; which is not bundled, and no count depends on it.
    "mixed_names": {"quant_method": "bitsandbytes in some modules only"},
}


class Known(NamedTuple):
    """What a name stands for: a preset, and how the weights of that repository are quantised."""

    preset: str
    quantisation: dict[str, Any]


@cache
def _all() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))
    return content


@cache
def _known() -> dict[str, Known]:
    """Return what names stand for, presets' own and those on the Hub, in lower case: the Hub, too, takes any case."""
    others = {
        name.lower(): Known(preset, quantisation)
        for preset, fields in _all().items()
        for field, quantisation in NAMES.items()
        for name in fields.get(field, ())
    }
    return others | {preset: Known(preset, {}) for preset in _all()}


def names() -> tuple[str, ...]:
    """Return the names of all presets, by family and then by size.

    >>> "llama-3.1-8b" in names()
    True
    """
    return tuple(_all())


def hub_names() -> tuple[str, ...]:
    """Return the Hub names that presets stand for.

    >>> "meta-llama/Llama-3.1-8B" in hub_names()
    True
    """
    return tuple(name for preset in names() for name in hub_names_of(preset))


def hub_names_of(preset: str) -> tuple[str, ...]:
    """Return the Hub names that a preset stands for, by its own name.

    >>> hub_names_of("gpt2"), hub_names_of("vit-base")
    (('openai-community/gpt2',), ())
    """
    fields = _all()[preset]
    return tuple(name for field in NAMES for name in fields.get(field, ()))


def family_of(preset: str) -> str:
    """Return a preset's family: its model type, or the name of its class of diffusers.

    >>> family_of("gpt2"), family_of("sana-0.6b")
    ('gpt2', 'SanaTransformer2DModel')
    """
    fields = _all()[preset]
    family: str = fields.get("model_type") or fields["_class_name"]
    return family


def preset_named(name: str) -> str | None:
    """Return the preset of a name in any case, its own or a Hub name that it stands for, or None if there is none.

    >>> preset_named("OpenAI-Community/GPT2"), preset_named("gpt")
    ('gpt2', None)
    """
    known = _known().get(name.lower())
    return None if known is None else known.preset


def is_preset(name: str) -> bool:
    """Whether a name is that of a preset, or a Hub name that it stands for.

    >>> is_preset("GPT2"), is_preset("openai-community/gpt2"), is_preset("openai-community/gpt2@main")
    (True, True, False)
    """
    return name.lower() in _known()


def preset(name: str) -> dict[str, Any]:
    """Return the config.json fields of the preset called `name`, in any case.

    >>> preset("gpt2")["n_embd"], preset("openai-community/gpt2") == preset("gpt2")
    (768, True)
    >>> preset("unsloth/llama-3-8b-bnb-4bit")["quantization_config"]["bnb_4bit_quant_type"]
    'nf4'
    >>> preset("lama-3.1-8b")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: model 'lama-3.1-8b' is neither a file nor a preset; did you mean llama-3.1-8b, llama-3-8b or llama-3.1-70b?
    """
    known = _known().get(name.lower())
    if known is None:
        raise InvalidInput(f"model {quote(name)} is neither a file nor a preset; {_hint(name)}")
    fields = {field: value for field, value in _all()[known.preset].items() if field not in NAMES}
    if known.quantisation:
        fields["quantization_config"] = known.quantisation
    # A copy, so that a caller's change does not affect other answers.
    copied: dict[str, Any] = json.loads(json.dumps(fields))
    return copied


def _hint(name: str) -> str:
    """Return what to do instead of giving a name that no preset has."""
    if "," in name and all(map(is_preset, name.split(","))):
        return f"commas join no models; {question('sweep')} takes several, each by itself"
    lower = name.lower()
    whole = [each for each in hub_names() if each.lower().endswith(f"/{lower}")]
    if whole and not any(each.startswith(f"{lower}-") for each in names()):
        return f"did you mean {whole[0]}?"
    kind = lower.partition("-")[0]
    if find_family(kind) is not None and kind not in map(family_of, names()):
        return f"models of type {kind} are counted by their config.json, or by a name on the Hub, org/name"
    other = "`lora-cli models` lists the presets"
    if name.isdecimal():
        other = f"commas join the values of one option, e.g. {argument('r')} 8,16"
    return near_miss(lower, names(), other)


def read_preset(name: str) -> Model:
    """Return the bundled model called `name`."""
    return read_config(Config(preset(name), f"preset {name}"), name)
