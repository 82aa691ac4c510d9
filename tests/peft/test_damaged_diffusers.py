"""Damaged files of diffusers: what it refuses, passes over and loads otherwise is what the findings say."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lora_cli.analysis.inspect.inspect import inspect
from lora_cli.methods.adapter_file.read_adapter import read_adapter

sys.path.insert(0, str(Path(__file__).parent))
from seed import SEED

pytest.importorskip("diffusers", reason="diffusers is not installed; it is in the extra peft")
import diffusers_files


class Content(NamedTuple):
    """The tensors of a file, the fields of its metadata, whose names begin with those of the models, and what draws."""

    tensors: dict[str, torch.Tensor]
    fields: dict[str, Any]
    source: random.Random


Damage = Callable[[Content], None]
ENTRY = "lora_adapter_metadata"
FILES = 10
REFUSING = {"refused-file", "rank-mismatch"}
IN_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj")


def _forget(content: Content) -> None:
    """Leave the metadata out."""
    content.fields.clear()


def _forget_one(content: Content) -> None:
    """Leave out what the metadata says of one model."""
    models = sorted({name.partition(".")[0] for name in content.fields})
    lost = content.source.choice(models) if models else ""
    for name in [name for name in content.fields if name.startswith(f"{lost}.")]:
        del content.fields[name]


def _set(name: str, change: Callable[[Any], Any]) -> Damage:
    def damage(content: Content) -> None:
        found = [each for each in sorted(content.fields) if each.rpartition(".")[2] == name]
        if found:
            chosen = content.source.choice(found)
            content.fields[chosen] = change(content.fields[chosen])

    return damage


def _unknown_field(content: Content) -> None:
    for name in [name for name in content.fields if name.rpartition(".")[2] == "r"]:
        content.fields[f"{name.removesuffix('r')}spline_order"] = 1


def _some_modules(content: Content) -> list[str]:
    """Return some modules of the image model."""
    named = {key.rpartition(".lora_A.")[0] for key in content.tensors if ".lora_A." in key and "text" not in key}
    return content.source.sample(sorted(named), content.source.randint(0, len(named)))


def _respell(content: Content) -> None:
    """Give some modules of the image model the names of older releases, or of newer ones."""
    for module in _some_modules(content):
        for new, old in (("lora_A", "lora.down"), ("lora_B", "lora.up")):
            content.tensors[f"{module}.{old}.weight"] = content.tensors.pop(f"{module}.{new}.weight")


def _alphas(content: Content) -> None:
    """Give some modules of the image model an alpha."""
    for module in _some_modules(content):
        content.tensors[f"{module}.alpha"] = torch.tensor(content.source.choice([1.0, 3.0, 16.0]))


def _no_attention(content: Content) -> None:
    """Leave out the attention of text encoders."""
    for key in [
        key for key in content.tensors if key.startswith("text_encoder") and any(f".{n}." in key for n in IN_TEXT)
    ]:
        del content.tensors[key]


DAMAGES: dict[str, Damage] = {
    "no metadata": _forget,
    "no metadata of a model": _forget_one,
    "another rank": _set("r", lambda r: r + 1),
    "another alpha": _set("lora_alpha", lambda alpha: alpha * 2 + 0.5),
    "no alpha": _set("lora_alpha", lambda _: None),
    "no targets": _set("target_modules", lambda _: None),
    "rsLoRA": _set("use_rslora", lambda flag: not flag),
    "a pattern for everything": _set("alpha_pattern", lambda _: {".*": 7}),
    "a pattern that is broken": _set("alpha_pattern", lambda _: {"(": 7}),
    "an unknown field": _unknown_field,
    "two spellings": _respell,
    "alphas": _alphas,
    "text encoders without attention": _no_attention,
}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("turn", range(FILES))
def test_a_damaged_file_is_loaded_as_we_say(name: str, turn: int, tmp_path: Path) -> None:
    """It is refused by both, or else the same modules are loaded with the same ranks and scalings."""
    diffusers_files.quiet()
    source = random.Random(f"{SEED}/damaged diffusers/{name}/{turn}")
    file = diffusers_files.drawn(tmp_path, source)
    with safe_open(file.path, "pt") as opened:
        fields = json.loads(opened.metadata().get(ENTRY, "{}"))
    tensors = load_file(file.path)
    DAMAGES[name](Content(tensors, fields, source))
    save_file(tensors, file.path, {"format": "pt", **({ENTRY: json.dumps(fields)} if fields else {})})
    found = inspect(str(file.path), values=False)
    told = f"seed {SEED}: {file} {found.findings}"
    if not fields and file.spelling == diffusers_files.ONE_MODEL:
        # Nothing tells such keys from PEFT's without its root, unless they have no dot.
        assert found.format in {"peft", "diffusers"}, told
        return
    codes = {each.code for each in found.findings}
    refusal: Exception | None = None
    theirs: dict[str, diffusers_files.Loaded] = {}
    try:
        theirs = diffusers_files.loaded(file.path, file.pipeline)
    except Exception as error:  # noqa: BLE001 - PEFT, transformers and diffusers refuse with errors of any kind
        refusal = error
    assert bool(codes & REFUSING) == (refusal is not None), f"{told} {refusal!r}"
    skipped = {name for name, update in read_adapter(file.path).updates.items() if update.skipped}
    ours = {str(each["name"]): each for each in found.modules}
    sums = diffusers_files.sums(tensors)
    for key, module in theirs.items():
        # With metadata a module that is passed over gets an adapter, but of other values.
        assert (sums.get(key) == pytest.approx(module.total, abs=1e-4)) == (key not in skipped), f"{told} {key}"
        assert (ours[key]["r"], ours[key]["scaling"]) == (module.r, pytest.approx(module.scaling)), f"{told} {key}"
    assert refusal is not None or ours.keys() - theirs.keys() <= skipped, told
