"""What diffusers refuses, skips or loads at another scale, by the keys of a file. tests/peft runs diffusers itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from adapter_files import Array, write_arrays, write_config

from lora_cli import check, inspect
from lora_cli.analysis.loaders.destination import read_destinations
from lora_cli.analysis.loaders.registry import loader_named

Q = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
CLIP = "text_model.encoder.layers.0.self_attn.q_proj"
KOHYA = f"lora_unet_{Q.replace('.', '_')}"
OTHER = KOHYA.replace("to_q", "to_k")
TEXT = f"lora_te_{CLIP.replace('.', '_')}"
OUT = TEXT.replace("q_proj", "out_proj")


def ones(*shape: int) -> Array:
    """Return an array that is not zero."""
    return np.ones(shape, "<f4")


def peft(*modules: str) -> dict[str, Array]:
    """Return LoRA as diffusers writes it."""
    return {f"{m}.lora_{side}.weight": ones(*size) for m in modules for side, size in (("A", (4, 8)), ("B", (8, 4)))}


def kohya(*modules: str, alpha: bool = True) -> dict[str, Array]:
    """Return LoRA as kohya writes it."""
    found = {f"{m}.lora_{side}.weight": ones(*s) for m in modules for side, s in (("down", (4, 8)), ("up", (8, 4)))}
    return found | ({f"{m}.alpha": np.float32(4).reshape(()) for m in modules} if alpha else {})


def named_default(module: str) -> dict[str, Array]:
    """Return LoRA with the adapter's name in its keys, as in the `state_dict()` of a model."""
    return {key.replace(".weight", ".default.weight"): array for key, array in peft(module).items()}


def codes(arrays: Mapping[str, Array], folder: Path, **fields: object) -> list[str]:
    """Return what is found in a file, read as the one of a PEFT folder."""
    folder.mkdir(exist_ok=True)
    write_config(folder, **{"lora_alpha": 4, **fields})
    write_arrays(folder / "adapter_model.safetensors", arrays)
    (destination,) = read_destinations(["diffusers"])
    return [each.code for each in destination.findings(inspect(folder))]


def spelled(module: str, a: str, b: str) -> dict[str, Array]:
    """Return LoRA with other names of A and B."""
    return {f"{module}.{a}.weight": ones(4, 8), f"{module}.{b}.weight": ones(8, 4)}


# Files that load, and what is wrong with others.
T5 = "text_encoder.encoder.block.0.layer.0.SelfAttention.q"
FLUX = "transformer_blocks.0.attn.to_q"
WHOLE = {
    "a UNet": peft(f"unet.{Q}"),
    "a UNet with old names": {f"unet.{Q}.lora.{side}.weight": ones(4, 4) for side in ("down", "up")},
    "a text encoder with other names": peft(f"unet.{Q}")
    | spelled(f"text_encoder.{CLIP}", "lora_linear_layer.down", "lora_linear_layer.up"),
    "a UNet with DoRA": peft(f"unet.{Q}") | {f"unet.{Q}.lora_magnitude_vector": ones(8)},
    "a UNet and its text encoder": peft(f"unet.{Q}", f"text_encoder.{CLIP}", f"text_encoder_2.{CLIP}"),
    "a transformer": peft("transformer.transformer_blocks.0.attn.to_q"),
    "kohya": kohya(KOHYA, OTHER, TEXT, OUT),
    "kohya without alphas": kohya(KOHYA, OTHER, alpha=False),
    "a prior": peft("prior.blocks.0.attn.to_q"),
    "connectors": peft("transformer.transformer_blocks.0.attn1.to_q", "connectors.text_proj_in"),
    "a text conditioner": peft("transformer.transformer_blocks.0.attn1.to_q", "text_conditioner.blocks.0.q"),
    "a second transformer": peft(
        "transformer.transformer_blocks.0.attn.to_q", "transformer_ref.transformer_blocks.0.attn.to_q"
    ),
}
DAMAGED = {
    "diffusers-prefix": (
        peft(f"base_model.model.{Q}"),
        peft(f"unet.{Q}", "conv_in"),
        kohya(KOHYA) | peft("unet.conv_in"),
        kohya(f"base_model.model.{KOHYA}"),
        kohya(KOHYA) | kohya(f"stray.{OTHER}"),
        # Only kohya's files are renamed for a UNet, and none of the keys of others.
        peft(f"unet.{Q}") | {"foo.bar.lora_down.weight": ones(4, 8)},
        peft(f"unet.{Q}", "diffusion_model.blocks.0.self_attn.q"),
        kohya(Q),
        kohya(KOHYA) | {"foo.bar.lora_down.weight": ones(4, 8)},
        # A language model, whose file is another's that a pipeline with a transformer renames but for the layers.
        named_default("model.layers.0.self_attn.q_proj"),
        # Flux leaves out what is not of its transformer, Flux 2 the transformer, and others know neither.
        peft(f"transformer.{FLUX}") | {"foo.bar.lora_down.weight": ones(4, 8)},
        kohya("lora_unet_double_blocks_0_img_attn_qkv") | peft(f"transformer.{FLUX}"),
    ),
    "diffusers-key": (
        peft(f"unet.{Q}") | {f"unet.{Q}.alpha": ones()},
        kohya(f"unet.{Q}", alpha=False),
        spelled(f"unet.{Q}", "lora_linear_layer.down", "lora_linear_layer.up"),
        spelled(f"transformer.{FLUX}", "lora_linear_layer.down", "lora_linear_layer.up"),
        peft(f"unet.{Q}") | spelled(f"text_encoder.{CLIP}", "lora.down", "lora.up"),
        peft(f"unet.{Q}") | kohya(f"text_encoder.{CLIP}", alpha=False),
    ),
    "diffusers-pair": (
        {key: array for key, array in peft(f"unet.{Q}", "unet.conv_in").items() if key != f"unet.{Q}.lora_B.weight"},
        {f"unet.{Q}.lora.up.weight": ones(8, 4)},
        {f"unet.{Q.replace('to_q', 'processor.to_q')}_lora.down.weight": ones(4, 8)},
        peft(f"text_encoder.{CLIP}") | {f"text_encoder.{CLIP}.lora_linear_layer.up.weight": ones(8, 4)},
    ),
    "diffusers-unconverted": (
        kohya(KOHYA) | {f"{OTHER}.hada_w1_a": ones(4, 4)},
        kohya(KOHYA) | {f"{OTHER}.diff": ones(8, 8)},
        kohya(KOHYA) | {f"{OTHER}.alpha": ones()},
        kohya(KOHYA) | {f"{OTHER}.lora_up.weight": ones(8, 4)},
        {key: array for key, array in kohya(KOHYA, OTHER).items() if key != f"{OTHER}.lora_up.weight"},
        {f"lora_unet_double_blocks_0_img_attn_qkv.{name}": ones(4, 4) for name in ("lokr_w1", "lokr_w2")},
    ),
    "diffusers-dora": (
        kohya(KOHYA) | {f"{KOHYA}.dora_scale": ones(8, 1)},
        peft(f"unet.{Q}") | {f"unet.{Q}.dora_scale": ones(8)},
        peft(f"unet.{Q}", f"text_encoder.{CLIP}") | {f"text_encoder.{CLIP}.lora_magnitude_vector": ones(8)},
    ),
    "diffusers-text-encoder": (
        peft(f"unet.{Q}", "text_encoder.encoder.block.0.layer.0.SelfAttention.q"),
        peft(f"unet.{Q}", f"text_encoder.{CLIP.replace('self_attn.q_proj', 'mlp.fc1')}"),
        kohya(KOHYA, TEXT),
        kohya(KOHYA, TEXT, TEXT.replace("self_attn_q_proj", "mlp_fc1")),
    ),
    "diffusers-unchecked": (
        kohya("lora_unet_double_blocks_0_img_attn_qkv"),
        kohya("diffusion_model.double_blocks.0.img_attn.qkv"),
        peft("diffusion_model.blocks.0.self_attn.q"),
        kohya("transformer_blocks.0.attn.to_q"),
        {f"double_blocks.0.processor.proj_lora1.{name}.weight": ones(4, 4) for name in ("down", "up")},
        {f"transformer.x_embedder.{name}": ones(4, 4) for name in ("lokr_w1", "lokr_w2")},
        # Flux alone takes kohya's names, or an alpha, beside a transformer's keys.
        kohya(f"transformer.{FLUX}", alpha=False),
        peft(f"transformer.{FLUX}") | {f"transformer.{FLUX}.alpha": ones()},
        peft(f"transformer.{FLUX}", "diffusion_model.blocks.0.self_attn.q"),
        kohya("lora_transformer_transformer_blocks_0_attn_to_q", TEXT.replace("lora_te_", "lora_te1_")),
        {f"lycoris_transformer_blocks_0_attn_to_q.{name}": ones(4, 4) for name in ("lokr_w1", "lokr_w2")},
        {f"{FLUX}.{name}": ones(4, 4) for name in ("lokr_w1", "lokr_w2")},
        peft("base_model.model.double_blocks.0.img_attn.qkv"),
        peft("base_model.model.blocks.0.attn.wq"),
        peft("base_model.model.layers.0.self_attention.to_q"),
        peft("base_model.model.layers.0.self_attn.q_proj", "base_model.model.layers.0.cross_attn.q_proj"),
        peft(FLUX) | {f"{FLUX}.alpha": ones()},
        named_default(FLUX),
        peft("double_blocks.0.img_attn.proj") | {"double_blocks.0.img_attn.norm.query_norm.scale": ones(8)},
        peft("double_blocks.0.img_attn_qkv"),
        peft("layers.0.attention.qkv"),
        peft("blocks.0.attn.qkv_proj"),
        peft("text_embedding_projection.aggregate_embed", "diffusion_model.transformer_blocks.0.attn1.to_q"),
    ),
}


@pytest.mark.parametrize("arrays", WHOLE.values(), ids=WHOLE)
def test_what_loads_triggers_nothing(arrays: dict[str, Array], tmp_path: Path) -> None:
    """Neither alone nor with a text encoder, in each way of writing the keys."""
    assert codes(arrays, tmp_path / "a") == []


@pytest.mark.parametrize(("code", "files"), DAMAGED.items(), ids=DAMAGED)
def test_a_damage_triggers_its_rule_alone(code: str, files: tuple[dict[str, Array], ...], tmp_path: Path) -> None:
    """And no other says the same again."""
    for arrays in files:
        assert codes(arrays, tmp_path / "a") == [code], list(arrays)


def test_a_scaling_in_the_config_is_not_seen(tmp_path: Path) -> None:
    """That of a folder is in adapter_config.json, which diffusers does not read; of nothing loaded it does not matter."""
    assert codes(peft(f"base_model.model.{Q}"), tmp_path / "a", lora_alpha=8) == ["diffusers-prefix"]
    some = peft(f"base_model.model.{Q}") | peft(f"unet.{Q}")
    assert codes(some, tmp_path / "b", lora_alpha=8) == ["diffusers-prefix", "diffusers-scale"]


def test_every_rule_has_a_damage() -> None:
    """Above."""
    assert {rule.code for rule in loader_named("diffusers").all_rules} == {
        *DAMAGED,
        "diffusers-scale",
        "diffusers-alpha",
    }


@pytest.mark.parametrize(("alpha", "passes"), [(2, False), (4, True)])
def test_an_alpha_that_is_missing_matters_where_it_is_not_the_rank(alpha: int, passes: bool, tmp_path: Path) -> None:
    """The module without one has rank 4, which is its alpha; diffusers takes that of the other."""
    path = tmp_path / "style.safetensors"
    write_arrays(path, kohya(OTHER, alpha=False) | kohya(KOHYA) | {f"{KOHYA}.alpha": np.float32(alpha).reshape(())})
    told = [verdict for verdict in check(str(path), loads_in="diffusers") if verdict.rule.startswith("loads-in")]
    assert [(v.rule, v.passed) for v in told] == [
        ("loads-in diffusers", True) if passes else ("loads-in diffusers: diffusers-alpha", False)
    ]


def test_a_file_of_kohya_needs_no_config(tmp_path: Path) -> None:
    """Its path is checked as a folder's is."""
    path = tmp_path / "style.safetensors"
    write_arrays(path, kohya(KOHYA, OTHER, TEXT, OUT))
    assert [(v.rule, v.passed) for v in check(str(path), loads_in="diffusers")] == [
        ("findings", True),
        ("loads-in diffusers", True),
    ]
    write_arrays(path, kohya(KOHYA) | {f"{OTHER}.hada_w1_a": ones(4, 4), f"{OTHER}.hada_w1_b": ones(4, 4)})
    assert ("loads-in diffusers: diffusers-unconverted", False) in [
        (v.rule, v.passed) for v in check(str(path), loads_in="diffusers")
    ]


@pytest.mark.parametrize(
    ("fields", "of_language"),
    [({"task_type": "CAUSAL_LM"}, True), ({"task_type": "FEATURE_EXTRACTION"}, False), ({}, False)],
)
def test_an_adapter_of_a_language_model_is_told_as_one(
    fields: dict[str, str], of_language: bool, tmp_path: Path
) -> None:
    """No other names of its keys would help."""
    write_config(tmp_path, **fields)
    write_arrays(tmp_path / "adapter_model.safetensors", peft("base_model.model.model.layers.0.self_attn.q_proj"))
    (destination,) = read_destinations(["diffusers"])
    (told,) = [each for each in destination.findings(inspect(tmp_path)) if each.code == "diffusers-prefix"]
    assert ("it is for a language model" in told.remedy) == of_language


def test_a_rule_holds_beside_keys_that_are_not_checked(tmp_path: Path) -> None:
    """A stray key hides neither a broken text encoder nor itself, whoever may rename it."""
    stray = {"foo.bar.lora_down.weight": ones(4, 8)}
    whole, other = peft(f"unet.{Q}", T5), peft(f"transformer.{FLUX}", T5)
    assert codes(whole, tmp_path / "a") == ["diffusers-text-encoder"]
    for arrays in (whole, other):
        assert codes(arrays | stray, tmp_path / "b") == ["diffusers-prefix", "diffusers-text-encoder"]
    unknown = peft("diffusion_model.blocks.0.self_attn.q", T5)
    assert codes(unknown, tmp_path / "c") == ["diffusers-text-encoder", "diffusers-unchecked"]


def test_what_is_not_checked_does_not_pass(tmp_path: Path) -> None:
    """It does not fail either, unless that is asked for; and what is known to be wrong fails."""
    path = tmp_path / "flux.safetensors"
    write_arrays(path, kohya("lora_unet_double_blocks_0_img_attn_qkv"))

    def told(**keywords: object) -> list[tuple[str, object, bool | None]]:
        verdicts = check(str(path), loads_in="diffusers", **keywords)  # type: ignore[arg-type]
        return [(each.rule, each.value, each.passed) for each in verdicts]

    assert told() == [("findings", 0, True), ("loads-in diffusers", None, None)]
    assert told(ignore="diffusers-unchecked") == [("findings", 0, True), ("loads-in diffusers", 0, True)]
    assert told(fail_on="diffusers-unchecked") == [
        ("finding: diffusers-unchecked", 1, False),
        ("loads-in diffusers", None, None),
    ]
    verdict = check(str(path), loads_in="diffusers")[-1]
    assert (verdict.failure(), str(verdict)) == (None, f"{path}: loads-in diffusers was not checked")
    write_arrays(path, peft("diffusion_model.blocks.0.self_attn.q", T5))
    assert ("loads-in diffusers: diffusers-text-encoder", 1, False) in told()


@pytest.mark.parametrize(
    ("metadata", "alpha", "passes"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_alphas_and_a_config_are_refused_together(metadata: bool, alpha: bool, passes: bool, tmp_path: Path) -> None:
    """A converted file keeps the metadata of diffusers, and gets kohya's alphas."""
    path = tmp_path / "style.safetensors"
    config = {"unet.r": 4, "unet.lora_alpha": 4, "unet.target_modules": ["to_q"]}
    entry = {"lora_adapter_metadata": json.dumps(config)} if metadata else None
    write_arrays(path, kohya(KOHYA, alpha=alpha), metadata=entry)
    rules = [(each.rule, each.passed) for each in check(str(path), loads_in="diffusers")]
    assert rules[-1] == (("loads-in diffusers", True) if passes else ("loads-in diffusers: diffusers-alpha", False))
