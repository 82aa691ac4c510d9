"""Which models are bundled, and what is known of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from lora_cli.analysis.listings.patterns import is_wild
from lora_cli.analysis.memory.replay.setup import has_replay
from lora_cli.analysis.result import Record
from lora_cli.errors import InvalidInput, near_miss, quote
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.targeting.model_types import EXPERTS
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module, short_name, telling_names
from lora_cli.models.parts.layers import LANGUAGE_MODEL, parameters_of
from lora_cli.models.registry import find_family
from lora_cli.models.sources.preset import family_of, hub_names_of, names, read_preset

FIELDS = ("model", "family", "full_params", "default_targets", "memory_known")
MODULE_FIELDS = ("module", "kind", "count", "d", "h", "params", "share")
TOWER_FIELDS = ("module", "kind")
# What has no row of its own: norms, positions and the like.
OTHERS = "norms and others"
# The number of dimensions of experts that are fused into one parameter.
FUSED = 3

Row = tuple[str, str | None, int | None, int | None]


def bundled(*patterns: str) -> list[Record]:
    """Return a record per preset whose names each word of the patterns is in, or matches: `*`, `?` and `[...]` are wild.

    A pattern that begins with a digit is in no longer number: `7b` is not in `27b`. A name on the Hub that a preset stands for is a name of it, too, and so is its family.
    Where nothing is found, a name and its number may have a dash between them or none.

    >>> [record["model"] for record in bundled("QWEN3-1*b")], [record["model"] for record in bundled("zai-org/*air")]
    (['qwen3-1.7b', 'qwen3-14b'], ['glm-4.5-air'])
    >>> {record["family"] for record in bundled("Gemma2")}
    {'gemma2'}
    >>> [record["model"] for record in bundled("large", "gpt2")], [record["model"] for record in bundled("llama3.1", "8b")]
    (['gpt2-large'], ['llama-3.1-8b'])
    """
    words = _words(patterns)
    dashed, bare = [re.sub(r"(?<=[a-z])(?=\d)", "-", word) for word in words], [word.replace("-", "") for word in words]
    spelt = (
        [name for name in names() if all(_is_meant(name, word) for word in each)] for each in (words, dashed, bare)
    )
    wanted = next(filter(None, spelt), [])
    if not wanted:
        asked, hint = " ".join(patterns), "`lora-cli models` lists all presets"
        if find_family(asked.lower()) is None:
            hint = near_miss(asked.lower(), names(), hint)
        else:
            hint = f"models of this type are counted all the same, by a config.json or a name on the Hub; {hint}"
        raise InvalidInput(f"no bundled model matches {quote(asked)}; {hint}")
    return [record(read_preset(name)) for name in wanted]


def hub_name_meant(preset: str, *patterns: str) -> str | None:
    """Return the first name on the Hub by which alone the patterns fit a preset, or None where its own names do.

    >>> hub_name_meant("deepseek-v3", "deepseek", "r1"), hub_name_meant("llama-3.1-8b", "8b")
    ('deepseek-ai/DeepSeek-R1', None)
    """
    own = (preset, family_of(preset))
    others = [word for word in _words(patterns) if not any(matches(name.lower(), word) for name in own)]
    named = (name for name in hub_names_of(preset) if all(matches(name.lower(), word) for word in others))
    return next(named, None) if others else None


def _words(patterns: Sequence[str]) -> list[str]:
    return " ".join(patterns).lower().split()


def _is_meant(preset: str, pattern: str) -> bool:
    return any(matches(each.lower(), pattern) for each in (preset, *hub_names_of(preset), family_of(preset)))


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern is a part of a name that begins within no number or, with `*`, `?` or `[...]`, matches all of it.

    >>> [name for name in ("gemma-7b", "gemma-2-27b", "qwen3-1.7b", "qwen3.5-397b-a17b") if matches(name, "7b")]
    ['gemma-7b']
    """
    if is_wild(pattern):
        return fnmatchcase(name, pattern)
    outside_numbers = r"(?<!\d)(?<!\d\.)" if pattern[:1].isdecimal() else ""
    return re.search(outside_numbers + re.escape(pattern), name) is not None


def record(model: Model) -> Record:
    """Return what is known of a model; a type that PEFT has no default targets for has none here."""
    # Of a mixture whose experts it converts, PEFT targets nothing by default.
    targets = None if model.model_type in EXPERTS else TARGETS.get(model.model_type)
    listed = targets if isinstance(targets, str) or targets is None else ",".join(targets)
    figures = (model.name, model.model_type, model.full_params, listed, has_replay(model))
    return dict(zip(FIELDS, figures, strict=True))


def towers(model: Model) -> list[Record]:
    """Return a record per part beside a model's language model: towers that see or hear, projectors, voices.

    >>> towers(read_preset("llava-1.5-7b"))[0]
    {'module': 'model.multi_modal_projector', 'kind': 'vision projector'}
    """
    return [dict(zip(TOWER_FIELDS, part, strict=True)) for part in model.parts.items() if part[1] != LANGUAGE_MODEL]


def modules_by_shape(model: Model) -> list[Record]:
    """Return a record per name and shape of a model's modules; their `params` add up to `full_params`.

    What is tied with something else counts there. Fused experts are rows too, by the inputs and outputs of one.
    """
    rows: list[Record] = []
    for (name, kind, d, h), group in _rows(model).items():
        figures = (name, kind, len(group.names), d, h, group.params, group.params / model.full_params)
        rows.append(dict(zip(MODULE_FIELDS, figures, strict=True)))
    return rows


def row_names(model: Model) -> list[str]:
    """Return what to call each of these rows: its name, and what tells it from another of that name."""
    return telling_names([(name, group.names) for (name, *_), group in _rows(model).items()])


class _Group:
    """The modules of a row, those of others by the nodes that hold something, and their parameters."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.params = 0


def _rows(model: Model) -> dict[Row, _Group]:
    groups: dict[Row, _Group] = {}
    for node in model.nodes:
        own = [parameter for parameter in parameters_of(node) if parameter.name not in model.tied]
        if isinstance(node, Module):
            row: Row = (short_name(node.name), node.kind, node.d, node.h)
        elif own and len(own[0].shape) == FUSED:
            number, *sides = own[0].shape
            row = (short_name(node.name), f"{number} experts", sides[1], sides[0])
        elif own:
            row = (OTHERS, None, None, None)
        else:
            continue
        group = groups.setdefault(row, _Group())
        group.names.append(node.name)
        group.params += sum(parameter.params for parameter in own)
    held = {row: group for row, group in groups.items() if group.params}
    return dict(sorted(held.items(), key=lambda item: item[0][0] == OTHERS))
