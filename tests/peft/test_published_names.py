"""The published names of image and video models are those that diffusers converts to its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from diffusers.loaders import lora_conversion_utils, single_file_utils  # noqa: E402

from lora_cli.methods.adapter_file.formats.comfyui import base_part, other_names  # noqa: E402
from lora_cli.methods.adapter_file.formats.comfyui import part as xlabs_part  # noqa: E402
from lora_cli.methods.adapter_file.published_names import PUBLICATIONS, published_names  # noqa: E402

Tensors = dict[str, Any]
Names = Mapping[str, tuple[str, ...]]


class Case(NamedTuple):
    """A small model, diffusers' function that converts a file, and how the file calls the factors of a published name.

    The widths are real where the function counts on them. `checkpoint` says that it converts weights and biases.
    """

    model: str
    config: Mapping[str, Any]
    convert: Callable[[Tensors], Tensors]
    spelled: Callable[[str], str] = "diffusion_model.{}".format
    factors: tuple[str, str] = (".lora_A.weight", ".lora_B.weight")
    checkpoint: bool = False
    rank: int = 1


FLUX = {"num_layers": 1, "num_single_layers": 1, "guidance_embeds": True}
CASES = {
    "flux": Case(
        "FluxTransformer2DModel",
        FLUX,
        lora_conversion_utils._convert_kohya_flux_lora_to_diffusers,
        lambda name: f"lora_unet_{name.replace('.', '_')}",
        (".lora_down.weight", ".lora_up.weight"),
    ),
    "flux2": Case(
        "Flux2Transformer2DModel",
        {"num_layers": 1, "num_single_layers": 1, "num_attention_heads": 2},
        lora_conversion_utils._convert_non_diffusers_flux2_lora_to_diffusers,
    ),
    "hunyuan video": Case(
        "HunyuanVideoTransformer3DModel",
        {"num_layers": 1, "num_single_layers": 1, "num_refiner_layers": 1},
        lora_conversion_utils._convert_hunyuan_video_lora_to_diffusers,
        # It cuts the A of the refiner's attention in three, too.
        rank=3,
    ),
    "wan": Case(
        "WanTransformer3DModel",
        {"num_layers": 2, "num_attention_heads": 2, "ffn_dim": 48, "image_dim": 32, "added_kv_proj_dim": 256},
        lora_conversion_utils._convert_non_diffusers_wan_lora_to_diffusers,
    ),
    "sd3": Case(
        "SD3Transformer2DModel",
        {"num_layers": 2, "num_attention_heads": 2, "caption_projection_dim": 128, "dual_attention_layers": (0,)},
        single_file_utils.convert_sd3_transformer_checkpoint_to_diffusers,
        checkpoint=True,
    ),
    "z-image": Case(
        "ZImageTransformer2DModel",
        {"dim": 96, "n_heads": 1, "n_layers": 1, "n_refiner_layers": 1, "axes_dims": [32, 32, 32]},
        single_file_utils.convert_z_image_transformer_checkpoint_to_diffusers,
        checkpoint=True,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_diffusers_makes_the_same_modules_of_the_published_names(case: Case) -> None:
    """Each of its modules by one published name, in the order in which their weights are put together."""
    with torch.device("meta"):
        model = getattr(diffusers, case.model)(**case.config)
    modules = {name: module for name, module in model.named_modules() if hasattr(module, "weight")}
    named = published_names(modules)
    (publication,) = [each for each in PUBLICATIONS if each.marks <= modules.keys()]
    assert len(named) >= len(publication.modules)
    values = {name: float(at) for at, name in enumerate(modules)}
    theirs = case.convert((_checkpoint if case.checkpoint else _adapter)(case, modules, named, values))
    found = {key.removeprefix("transformer."): tensor for key, tensor in theirs.items()}
    for own in (each for owns in named.values() for each in owns):
        tensor = found[own + (".weight" if case.checkpoint else ".lora_B.weight")]
        assert tensor.shape[0] == modules[own].weight.shape[0]
        assert set(tensor.flatten().tolist()) == {values[own]}


def test_diffusers_makes_the_same_modules_of_xlabs_names() -> None:
    """Each with the rows of its B."""
    with torch.device("meta"):
        model = diffusers.FluxTransformer2DModel(**FLUX, num_attention_heads=2, attention_head_dim=8)
    modules = {name: module for name, module in model.named_modules() if hasattr(module, "weight")}
    named, tensors, expected = other_names(modules), {}, {}
    names = {"double": ("qkv_lora1", "proj_lora1", "qkv_lora2", "proj_lora2"), "single": ("qkv_lora", "proj_lora")}
    for at, key in enumerate(f"{kind}_blocks.0.processor.{name}" for kind, own in names.items() for name in own):
        part = xlabs_part(f"{key}.up.weight")
        assert part is not None
        own_names = named[base_part(part.module)]
        rows = [modules[own].weight.shape[0] for own in own_names]
        tensors |= {f"{key}.down.weight": torch.ones(1, 4), f"{key}.up.weight": torch.full((sum(rows), 1), float(at))}
        expected |= dict(zip(own_names, ((count, {float(at)}) for count in rows), strict=True))
    theirs = lora_conversion_utils._convert_xlabs_flux_lora_to_diffusers(tensors)
    assert expected == {
        key.removeprefix("transformer.").removesuffix(".lora_B.weight"): (b.shape[0], set(b.flatten().tolist()))
        for key, b in theirs.items()
        if key.endswith(".lora_B.weight")
    }


def _adapter(case: Case, modules: Mapping[str, Any], named: Names, values: Mapping[str, float]) -> Tensors:
    """Return an adapter of rank 1 of every published name, whose B tells the modules apart."""
    a, b = case.factors
    found = {}
    for name, own in named.items():
        parts = [torch.full((modules[each].weight.shape[0], case.rank), values[each]) for each in own]
        found[case.spelled(name) + a] = torch.ones(case.rank, modules[own[0]].weight.shape[1])
        found[case.spelled(name) + b] = torch.cat(parts)
    return found


def _checkpoint(_: Case, modules: Mapping[str, Any], named: Names, values: Mapping[str, float]) -> Tensors:
    """Return a checkpoint under published names, whose values tell the modules apart."""
    renamed = {own for owns in named.values() for own in owns}
    found = {"pos_embed": torch.zeros(1)}
    for name, own in (*named.items(), *((name, (name,)) for name in modules if name not in renamed)):
        for leaf in ("weight", "bias"):
            parts = [(getattr(modules[each], leaf, None), values[each]) for each in own]
            if parts[0][0] is not None:
                found[f"{name}.{leaf}"] = torch.cat([torch.full(part.shape, value) for part, value in parts])
    return found
