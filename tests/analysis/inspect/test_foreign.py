"""Files of other programs than PEFT: each damage gives its finding, and no whole file one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from adapter_files import Array, write_arrays
from small_llama import llama

from lora_cli import InvalidInput, check, inspect
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

Arrays = dict[str, Array]
Metadata = dict[str, str]
Damage = Callable[[Arrays, Metadata], None]
Q, V, UP = (f"lora_unet_mid_block_attentions_0_{name}" for name in ("to_q", "to_v", "ff_net_0_proj"))


def values(*shape: int) -> Array:
    """Return numbers that are neither 0 nor special."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("<f4")


def number(value: float) -> Array:
    """Return a tensor of one number, as an alpha is."""
    return np.array(value, "<f4")


def lora(module: str, d: int, h: int, r: int, alpha: float | None) -> Arrays:
    """Return the tensors of a module as kohya's scripts write them."""
    factors = {f"{module}.lora_down.weight": values(r, d), f"{module}.lora_up.weight": values(h, r)}
    return factors if alpha is None else {f"{module}.alpha": number(alpha), **factors}


def whole() -> tuple[Arrays, Metadata]:
    """Return a file of two modules with LoRA and one with LoHa."""
    loha = {
        f"{UP}.hada_{name}": values(*shape)
        for name, shape in {"w1_a": (96, 3), "w1_b": (3, 48), "w2_a": (96, 3), "w2_b": (3, 48)}.items()
    }
    arrays = lora(Q, 48, 64, 4, 2) | lora(V, 48, 32, 4, 2) | loha | {f"{UP}.alpha": number(6)}
    return arrays, {"ss_steps": "200", "ss_base_model_version": "sd_v1"}


def write(path: Path, arrays: Arrays, metadata: Metadata) -> str:
    """Write a file and return its path."""
    write_arrays(path, arrays, metadata=metadata)
    return str(path)


def test_a_whole_file_is_read_to_the_parameter(tmp_path: Path) -> None:
    """By hand: 4 x (48 + 64) + 4 x (48 + 32) + 2 x 3 x (96 + 48), and three alphas beside them, which are not trained."""
    path = write(tmp_path / "style v2.safetensors", *whole())
    for place in (path, str(tmp_path)):
        found = inspect(place)
        assert found.findings == ()
        assert (found.format, found.method, found.base_model, found.steps) == ("kohya", "lora,loha", "sd_v1", 200)
        assert (found.r, found.max_rank, found.alpha, found.adapted_modules) == (4, 4, 2.0, 3)
        assert (found.trainable_params, found.file_params) == (1632, 1635)
        assert found.epochs is None
        assert "epochs" not in found
    modules = {
        record["name"]: [record[field] for field in ("method", "d", "h", "r", "alpha", "scaling")]
        for record in found.modules
    }
    assert modules == {
        Q: ["lora", 48, 64, 4, 2.0, 0.5],
        V: ["lora", 48, 32, 4, 2.0, 0.5],
        UP: ["loha", 48, 96, 3, 6.0, 2.0],
    }
    assert sum(int(module["params"] or 0) for module in found.modules) == found.trainable_params
    params = {row["module"]: row["params"] for row in found.groups}
    assert params == {"to_q": 4 * (48 + 64), "to_v": 4 * (48 + 32), "proj": 2 * 3 * (96 + 48), "other tensors": 3}


def _set(key: str, array: Array) -> Damage:
    return lambda arrays, _: arrays.update({key: array})


def _drop(*keys: str) -> Damage:
    def damage(arrays: Arrays, _: Metadata) -> None:
        for key in keys:
            del arrays[key]

    return damage


def _note(**entries: str) -> Damage:
    return lambda _, metadata: metadata.update(entries)


DAMAGES: dict[str, tuple[Damage, set[str]]] = {
    "one alpha is missing": (_drop(f"{Q}.alpha"), {"missing-alpha"}),
    "all alphas are, and ranks differ": (_drop(*(f"{name}.alpha" for name in (Q, V, UP))), {"missing-alpha"}),
    "alpha is zero": (_set(f"{Q}.alpha", number(0)), {"unusual-alpha"}),
    "alpha is negative": (_set(f"{Q}.alpha", number(-2)), {"unusual-alpha"}),
    "alpha is NaN": (_set(f"{Q}.alpha", number(float("nan"))), {"invalid-alpha", "nan"}),
    "alpha is infinite": (_set(f"{Q}.alpha", number(float("inf"))), {"invalid-alpha", "infinity"}),
    "alpha is a vector": (_set(f"{Q}.alpha", values(4)), {"invalid-alpha"}),
    "alpha is too large": (_set(f"{Q}.alpha", number(400)), {"extreme-scaling"}),
    "down without up": (_drop(f"{Q}.lora_up.weight"), {"missing-tensor"}),
    "up without down": (_drop(f"{Q}.lora_down.weight"), {"missing-tensor"}),
    "a part of LoHa is missing": (_drop(f"{UP}.hada_w2_b"), {"missing-tensor"}),
    "up of another rank": (_set(f"{Q}.lora_up.weight", values(64, 5)), {"shape-mismatch"}),
    "up transposed": (_set(f"{Q}.lora_up.weight", values(4, 64)), {"shape-mismatch"}),
    "a side of LoHa differs": (_set(f"{UP}.hada_w2_b", values(3, 47)), {"shape-mismatch"}),
    "one core of LoHa": (_set(f"{UP}.hada_t1", values(3, 3, 3, 3)), {"missing-tensor", "shape-mismatch"}),
    "a tensor without a module": (_set("lora_unet_x.alpha", number(1)), {"unknown-tensor"}),
    "a tensor of no format": (_set("optimizer", values(3)), {"unknown-tensor"}),
    "no values": (_set(f"{Q}.lora_up.weight", values(64, 0)), {"empty-tensor"}),
    "NaN": (_set(f"{Q}.lora_up.weight", np.full((64, 4), np.nan, "<f4")), {"nan"}),
    "B is zero": (_set(f"{Q}.lora_up.weight", np.zeros((64, 4), "<f4")), {"zero-b"}),
    "a rank past break-even": (
        lambda arrays, _: arrays.update(lora(Q, 48, 64, 30, 30)),
        {"rank-past-break-even"},
    ),
    "keys of PEFT too": (_set("base_model.model.to_q.lora_A.weight", values(4, 48)), {"two-formats"}),
    "one tensor under two names": (_set(f"{Q}.lora_A.weight", values(4, 48)), {"unknown-tensor"}),
    "steps in words": (_note(ss_steps="many"), {"unread-metadata"}),
    "a learning rate that is NaN": (_note(ss_learning_rate="nan"), {"unread-metadata"}),
    "a name of 10 MB": (_note(ss_sd_model_name='{"a":' * 2_000_000), {"unread-metadata"}),
    "a number of 5,000 digits": (_note(ss_epoch="9" * 5000), {"unread-metadata"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_gives_its_finding(damage: str, tmp_path: Path) -> None:
    """And no other; message and remedy are one line each."""
    act, expected = DAMAGES[damage]
    arrays, metadata = whole()
    act(arrays, metadata)
    found = inspect(write(tmp_path / "damaged.safetensors", arrays, metadata))
    assert {finding.code for finding in found.findings} == expected, found.findings
    for finding in found.findings:
        assert finding.sentence().isascii()
        assert "\n" not in finding.sentence()
        assert len(finding.sentence()) < 1000
    # Nothing that is not a number stands in a figure.
    assert all(value == value for record in (found.record(), *found.modules) for value in record.values())  # noqa: PLR0124


@pytest.mark.parametrize("broken", [b"", b"{}", b"x" * 100, (2**62).to_bytes(8, "little") + b"{}"])
def test_a_broken_file_is_one_error(broken: bytes, tmp_path: Path) -> None:
    """Nothing tells its format."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(broken)
    with pytest.raises(InvalidInput, match="is not a complete safetensors file"):
        inspect(path)


def test_a_file_that_is_not_an_adapter_is_refused(tmp_path: Path) -> None:
    """Though a model may have a tensor that an adapter could have too."""
    arrays = {f"model.layers.{layer}.weight": values(4, 4) for layer in range(3)} | {"x.alpha": number(1)}
    with pytest.raises(InvalidInput, match="is not a trained adapter"):
        inspect(write(tmp_path / "model.safetensors", arrays, {}))


def test_a_folder_of_several_files_is_refused(tmp_path: Path) -> None:
    """Which of them is meant, the path must say."""
    for name in ("a", "b"):
        write(tmp_path / f"{name}.safetensors", *whole())
    with pytest.raises(
        InvalidInput,
        match=r"2 safetensors files \('a.safetensors', 'b.safetensors'\); give the path of one, e.g. .*a.safetensors'",
    ):
        inspect(tmp_path)


def test_its_name_tells_nothing(tmp_path: Path) -> None:
    """Kohya's keys in a file that is called as PEFT's are kohya's."""
    assert inspect(write(tmp_path / "adapter_model.safetensors", *whole())).format == "kohya"
    assert inspect(tmp_path).format == "kohya"


def test_limits_hold_for_it(tmp_path: Path) -> None:
    """By the figures of the file, and of the model where there is one."""
    path = write(tmp_path / "a.safetensors", *whole())
    passed = {verdict.rule: verdict.passed for verdict in check(path, max_params=1632, max_bytes=1000)}
    assert passed == {"findings": True, "max-params": True, "max-bytes": False}
    model = read_config(Config(llama(architectures=["LlamaForCausalLM"])), "small")
    found = inspect(path, model)
    assert found.full_params == model.full_params
    assert found.all_params == model.full_params + 1632
    assert found.percent_of_full == 100 * 1632 / model.full_params


UNET = {
    "_class_name": "UNet2DConditionModel",
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [32, 64],
    "layers_per_block": 2,
    "norm_num_groups": 8,
    "cross_attention_dim": 24,
    "attention_head_dim": 4,
}
ATTENTION = "attentions_1_transformer_blocks_0_attn1_to_q"


@pytest.mark.parametrize(
    ("own", "name"),
    [
        (f"lora_unet_down_blocks_1_{ATTENTION}", "down_blocks.1.attentions.1.transformer_blocks.0.attn1.to_q"),
        (
            "lora_unet_input_blocks_5_1_transformer_blocks_0_attn1_to_out_0",
            "down_blocks.1.attentions.1.transformer_blocks.0.attn1.to_out.0",
        ),
        ("lora_unet_input_blocks_3_0_op", "down_blocks.0.downsamplers.0.conv"),
        ("lora_unet_input_blocks_2_0_in_layers_2", "down_blocks.0.resnets.1.conv1"),
        ("lora_unet_middle_block_1_proj_in", "mid_block.attentions.0.proj_in"),
        ("lora_unet_middle_block_2_out_layers_3", "mid_block.resnets.1.conv2"),
        ("lora_unet_output_blocks_2_2_conv", "up_blocks.0.upsamplers.0.conv"),
        ("lora_unet_output_blocks_4_0_skip_connection", "up_blocks.1.resnets.1.conv_shortcut"),
        ("lora_unet_time_embed_2", "time_embedding.linear_2"),
    ],
)
def test_names_are_those_of_the_model(own: str, name: str, tmp_path: Path) -> None:
    """Underscores stand for dots, and the blocks may be counted as in Stability's own code."""
    model = read_config(Config(UNET), "unet")
    assert name in model.module_names
    arrays = lora(own, 8, 8, 2, 2) | lora("lora_te1_text_model_encoder_layers_0_mlp_fc1", 8, 8, 2, 2)
    found = inspect(write(tmp_path / "a.safetensors", arrays, {}), model)
    assert {record["name"] for record in found.modules} == {name, "lora_te1_text_model_encoder_layers_0_mlp_fc1"}
    assert found._adapter.foreign_modules == ()


def test_modules_of_another_model_are_counted(tmp_path: Path) -> None:
    """Those of a component of which something is in the model, or all where nothing is."""
    model = read_config(Config(UNET), "unet")
    there, gone = f"lora_unet_down_blocks_1_{ATTENTION}", f"lora_unet_down_blocks_7_{ATTENTION}"
    text = lora("lora_te_x", 8, 8, 2, 2)
    some = inspect(
        write(tmp_path / "a.safetensors", lora(there, 8, 8, 2, 2) | lora(gone, 8, 8, 2, 2) | text, {}), model
    )
    assert some._adapter.foreign_modules == (gone,)
    none = inspect(write(tmp_path / "b.safetensors", lora(gone, 8, 8, 2, 2) | text, {}), model)
    assert set(none._adapter.foreign_modules) == {gone, "lora_te_x"}
    assert inspect(tmp_path / "a.safetensors")._adapter.foreign_modules == ()
    alone = inspect(write(tmp_path / "c.safetensors", text, {}), model)
    assert alone._adapter.foreign_modules == ()
    assert [finding.code for finding in alone.findings if "module" in finding.code or "alone" in finding.code] == [
        "text-encoder-alone"
    ]


def test_a_scaling_without_an_alpha_stands_beside_the_others(tmp_path: Path) -> None:
    """By hand: the first module that has one has an alpha of 6 at rank 3."""
    arrays, metadata = whole()
    del arrays[f"{Q}.alpha"]
    (found,) = inspect(write(tmp_path / "style.safetensors", arrays, metadata)).findings
    assert found.message.endswith("has no alpha, so its scaling is 1, and that of modules with an alpha is e.g. 2")


def test_a_tensor_that_is_missing_has_the_file_s_own_name(tmp_path: Path) -> None:
    """PEFT's name of it is in no key of kohya's."""
    arrays = lora("lora_unet_x", 8, 8, 2, 2)
    found = inspect(write(tmp_path / "a.safetensors", {key: arrays[key] for key in arrays if "lora_up" not in key}, {}))
    (missing,) = [finding for finding in found.findings if finding.code == "missing-tensor"]
    assert "'lora_unet_x: lora_up.weight'" in missing.message
