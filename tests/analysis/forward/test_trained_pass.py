"""The pass through stored weights, against NumPy's lines on the whole matrices."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
from adapter_files import Array, pair, write_adapter, write_arrays
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import Forward, InvalidInput, forward
from lora_cli.analysis.forward import tiled_pass
from lora_cli.analysis.forward.forward import TRAINED_FIELDS
from lora_cli.analysis.forward.run import STORED, Run
from lora_cli.analysis.forward.weight_lookup import find_weight
from lora_cli.dtypes import VALUE_TYPES
from lora_cli.methods.adapter_file.read_adapter import read_adapter

RNG = np.random.default_rng(11)
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def _own_draws() -> None:
    """Let each test draw the same numbers whatever ran before it in its process."""
    RNG.bit_generator.state = START


def normal(*shape: int, scale: float = 1.0) -> Array:
    """Return normal numbers."""
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001, 0x7FFF8000, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF])
@pytest.mark.parametrize("dtype", VALUE_TYPES)
@pytest.mark.parametrize("is_weight", [True, False])
def test_every_nan_stays_one(tmp_path: Path, bits: int, dtype: str, *, is_weight: bool) -> None:
    """Whatever its payload and sign, in W or in A: rounding makes neither zero nor infinity of it."""
    w, a, b = np.ones((4, 4), np.float32), np.full((2, 4), 0.1, np.float32), np.ones((4, 2), np.float32)
    (w if is_weight else a).view(np.uint32)[0, 0] = bits
    found = merge(*setup(tmp_path, w, a, b, r=2), "q_proj", dtype=dtype)
    assert found.percent_survived is None
    assert found.modified_output_norm is None
    assert "not finite numbers" in found.warnings[0]


def rounded(values: Array, dtype: str) -> Array:
    """Return values rounded to a precision, by NumPy's casts or, for bfloat16, by integers."""
    if dtype != "bfloat16":
        return values.astype(dtype).astype(np.float64)
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    upper = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    return upper.astype(np.uint32).view(np.float32).astype(np.float64)


def setup(folder: Path, w: Array, a: Array, b: Array, module: str = "model.q_proj", **fields: Any) -> tuple[str, str]:
    """Write a weight and an adapter, and return their paths."""
    write_arrays(folder / "model.safetensors", {f"{module}.weight": w})
    return str(folder / "model.safetensors"), write_adapter(folder / "adapter", pair(module, a, b), **fields)


def merge(weights: str, adapter: str, module: str, **options: Any) -> Forward:
    """Return the pass through a module of a trained adapter."""
    return forward(weights=weights, adapter=adapter, module=module, **options)


def survived(w: Array, update: Array, dtype: str) -> tuple[float, float]:
    """Return the share of the update that survives and that of the values which change, in float64."""
    before = rounded(w, dtype)
    moved = rounded((before + update), dtype) - before
    return (
        100 * (1 - np.square(moved - update).sum() / np.square(update).sum()),
        100 * float((moved != 0).mean()),
    )


@pytest.mark.parametrize("dtype", VALUE_TYPES)
@pytest.mark.parametrize(("d", "h", "r"), [(6, 8, 2), (1300, 700, 4), (700, 1500, 3), (1, 1, 1), (5, 7, 9)])
@pytest.mark.parametrize("is_transposed", [False, True])
def test_figures_are_those_of_the_whole_matrices(
    tmp_path: Path, d: int, h: int, r: int, dtype: str, *, is_transposed: bool
) -> None:
    """W as a Linear or a Conv1D stores it, in tiles: what survives, what changes and the norms are NumPy's."""
    w, a, b = normal(h, d, scale=0.05), normal(r, d), normal(h, r, scale=1e-4)
    stored = np.ascontiguousarray(w.T) if is_transposed else w
    paths = setup(tmp_path, stored, a, b, r=r, lora_alpha=2 * r, fan_in_fan_out=is_transposed)
    found = merge(*paths, "q_proj", dtype=dtype, batch=2)
    record = found.record()
    run = Run(d, h, r, found.alpha, dtype, found.seed, found.batch, STORED, found.scaling)
    assert tuple(record) == TRAINED_FIELDS
    assert (found.module, found.d, found.h, found.r, found.scaling) == ("model.q_proj", d, h, r, 2)
    update = 2 * (b.astype(np.float64) @ a.astype(np.float64))
    share, changed = survived(w, update, dtype)
    assert record["percent_survived"] == pytest.approx(share, abs=0.5)
    assert record["percent_changed"] == pytest.approx(changed, abs=100 * 3 / (d * h))
    x = tiled_pass.draw(run, "input", (0, 0), 1, np.empty((2, d), tiled_pass.PRECISIONS[dtype].compute)).astype(
        np.float64
    )
    plain, merged = x @ rounded(w, dtype).T, x @ (rounded(w, dtype) + update).T
    off = {"float64": 1e-7, "float32": 1e-5, "float16": 1e-2, "bfloat16": 6e-2}[dtype]
    assert record["output_norm"] == pytest.approx(np.linalg.norm(plain), rel=off)
    assert record["modified_output_norm"] == pytest.approx(np.linalg.norm(merged), rel=off)
    assert found.warnings == ()


@given(
    st.integers(0, 2**32 - 1),
    st.floats(-9, 2),
    st.floats(-9, 2),
    st.sampled_from(VALUE_TYPES),
)
def test_the_share_that_survives_is_between_none_and_all(
    tmp_path_factory: pytest.TempPathFactory, seed: int, weight: float, update: float, dtype: str
) -> None:
    """Rounding goes to the nearest, so no value is further from its sum than it would be without its update."""
    rng = np.random.default_rng(seed)
    w, a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((9, 11), (3, 11), (9, 3)))
    w, b = w * np.float32(10**weight), b * np.float32(10**update)
    record = merge(*setup(tmp_path_factory.mktemp("x"), w, a, b, r=3), "q_proj", dtype=dtype).record()
    share = record["percent_survived"]
    assert isinstance(share, float)
    assert 0 <= share <= 100


def test_a_tiny_update_does_not_survive_bfloat16_and_does_survive_float32(tmp_path: Path) -> None:
    """An update a thousandth of W's last place is rounded away, nearly all of it."""
    w, a, b = 1 + np.abs(normal(200, 300)), normal(4, 300), normal(200, 4, scale=1e-7)
    paths = setup(tmp_path, w, a, b)
    brain, single, double = (merge(*paths, "q_proj", dtype=x).record() for x in ("bfloat16", "float32", "float64"))
    assert brain["percent_survived"] == pytest.approx(0, abs=1)
    assert brain["percent_changed"] == pytest.approx(0, abs=1)
    assert (brain["percent_survived"] or 0) < (single["percent_survived"] or 0) < (double["percent_survived"] or 0)
    assert double["percent_survived"] == pytest.approx(100, abs=1e-6)


def test_a_square_weight_is_turned_where_the_config_says_so(tmp_path: Path) -> None:
    """By fan_in_fan_out, which PEFT sets for a Conv1D."""
    w, a, b = normal(8, 8), normal(2, 8), normal(8, 2)
    as_linear = merge(*setup(tmp_path, w, a, b, r=2), "q_proj").record()
    as_conv1d = merge(*setup(tmp_path, w, a, b, r=2, fan_in_fan_out=True), "q_proj").record()
    turned = merge(*setup(tmp_path, w.T.copy(), a, b, r=2), "q_proj").record()
    assert as_conv1d == turned != as_linear


def test_embeddings_and_convolutions_are_unrolled(tmp_path: Path) -> None:
    """An embedding's weight is rows × width, as a Conv1D's; a convolution's rows hold its kernel."""
    rows, width = normal(30, 6), normal(8, 3, 2, 2)
    write_arrays(tmp_path / "model.safetensors", {"emb.weight": rows, "conv.weight": width})
    arrays = {"emb.lora_embedding_A": normal(4, 30), "emb.lora_embedding_B": normal(6, 4)}
    arrays |= pair("conv", normal(4, 3, 2, 2), normal(8, 4, 1, 1))
    paths = str(tmp_path / "model.safetensors"), write_adapter(tmp_path / "x", arrays)
    assert (merge(*paths, "emb").d, merge(*paths, "emb").h) == (30, 6)
    conv = merge(*paths, "conv")
    assert (conv.d, conv.h) == (12, 8)
    update = 2 * arrays["conv.lora_B.weight"].reshape(8, 4) @ arrays["conv.lora_A.weight"].reshape(4, 12)
    share, _ = survived(width.reshape(8, 12), update.astype(np.float64), "float32")
    assert conv.record()["percent_survived"] == pytest.approx(share, abs=1e-3)


def test_an_update_of_zero_has_nothing_to_survive(tmp_path: Path) -> None:
    """The share is unknown, no value changes, both paths agree, and it is said."""
    found = merge(*setup(tmp_path, normal(8, 6), normal(4, 6), np.zeros((8, 4), np.float32)), "q_proj")
    record = found.record()
    assert (record["percent_survived"], record["percent_changed"], record["max_abs_difference"]) == (None, 0, 0)
    assert "is zero" in found.warnings[0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_is_no_number_is_unknown_and_said(tmp_path: Path, bad: float, which: int) -> None:
    """NaN or infinity in W, A or B: None, never NaN, and a warning."""
    arrays = [normal(8, 6), normal(4, 6), normal(8, 4)]
    arrays[which][1, 1] = bad
    found = merge(*setup(tmp_path, *arrays), "q_proj")
    assert all(math.isfinite(value) for value in found.record().values() if isinstance(value, float))
    assert "not finite numbers" in found.warnings[0]


def test_past_float16_is_unknown_and_said(tmp_path: Path) -> None:
    """A merged value over 65,504."""
    found = merge(
        *setup(tmp_path, normal(8, 6), normal(4, 6, scale=1e3), normal(8, 4, scale=1e3)), "q_proj", dtype="float16"
    )
    assert found.record()["percent_survived"] is None
    assert "left the range of float16" in found.warnings[0]


def test_a_base_that_was_cut_is_warned_of(tmp_path: Path) -> None:
    """PiSSA's base is not the model's own."""
    paths = setup(tmp_path, normal(8, 6), normal(4, 6), normal(8, 4), init_lora_weights="pissa")
    assert "'pissa' subtracted" in merge(*paths, "q_proj").warnings[0]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"kasa_config": {}}, "KaSA"),
        ({"use_qalora": True}, "use_qalora"),
        ({"alora_invocation_tokens": [1]}, "aLoRA"),
        ({"peft_type": "IA3", "feedforward_modules": []}, "ia3"),
    ],
)
def test_other_updates_are_refused_with_the_reason(tmp_path: Path, fields: dict[str, Any], word: str) -> None:
    """What is not s·B·A is not merged as if it were."""
    paths = setup(tmp_path, normal(8, 6), normal(4, 6), normal(8, 4), **fields)
    with pytest.raises(InvalidInput, match=word):
        merge(*paths, "q_proj")


@pytest.mark.parametrize("shape", [(8, 7), (9, 6), (6, 9), (8,), (8, 6, 1), (2, 8, 6)])
def test_shapes_that_do_not_fit_are_named_both(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """One line with W's shape and those of A and B."""
    paths = setup(tmp_path, normal(*shape), normal(4, 6), normal(8, 4))
    with pytest.raises(InvalidInput, match=rf"is {' x '.join(map(str, shape))}.* 4 x 6, B 8 x 4"):
        merge(*paths, "q_proj")


def test_a_weight_that_shrank_is_refused(tmp_path: Path) -> None:
    """A file cut behind its header is one line too."""
    paths = setup(tmp_path, normal(80, 60), normal(4, 60), normal(80, 4))
    with open(paths[0], "r+b") as file:
        file.truncate(4000)
    with pytest.raises(InvalidInput, match="not a complete safetensors file"):
        merge(*paths, "q_proj")


def found_weight(folder: Path, names: dict[str, Array], module: str, weights: str = "") -> str:
    """Run the pass through an adapter's only module, in a checkpoint of some names, and return its weight's name."""
    write_arrays(folder / "m.safetensors", names)
    adapter = write_adapter(folder / "adapter", pair(module, normal(4, 6), normal(8, 4)))
    weights = weights or str(folder / "m.safetensors")
    assert merge(weights, adapter, module).module == module
    return find_weight(weights, module, read_adapter(adapter)).name


W = normal(8, 6)


@pytest.mark.parametrize(
    "name", ["model.layers.0.q_proj.weight", "layers.0.q_proj.weight", "vlm.model.layers.0.q_proj.weight"]
)
def test_a_model_may_begin_elsewhere_in_its_file(tmp_path: Path, name: str) -> None:
    """A checkpoint's names have more or fewer parts in front than the module's."""
    assert found_weight(tmp_path, {name: W, "other.weight": W}, "model.layers.0.q_proj") == name


def test_a_name_that_goes_on_is_another_tensor(tmp_path: Path) -> None:
    """A norm beside a projection makes it no packed one."""
    names = {"blk.q": W, "blk.q_norm.weight": normal(8), "blk.q_bias": normal(8)}
    assert found_weight(tmp_path, names, "q", f"{tmp_path / 'm.safetensors'}:blk.q") == "blk.q"


def test_a_tensor_can_be_named(tmp_path: Path) -> None:
    """FILE:TENSOR, in a file whose name has a colon too, and a folder or an index in place of the file."""
    odd = tmp_path / "a:b"
    odd.mkdir()
    assert found_weight(odd, {"x.W": W}, "q", f"{odd / 'm.safetensors'}:x.W") == "x.W"
    assert found_weight(odd, {"x.W": W}, "q", f"{odd}:x.W") == "x.W"
    checkpoints.write_shards(tmp_path, {"y.weight": ("F32", (8, 6))}, {"q.weight": ("F32", (8, 6))})
    for weights in ("model.safetensors.index.json", "model-00002-of-00002.safetensors"):
        assert found_weight(odd, {}, "q", str(tmp_path / weights)) == "q.weight"


@pytest.mark.parametrize(
    ("names", "weights", "words"),
    [
        ({"k_proj.weight": W}, "", ["has no tensor 'model.q_proj.weight'", "'k_proj.weight'", "FILE:TENSOR"]),
        ({"k_proj.weight": W}, ":q_proj", ["has no tensor 'q_proj'"]),
        ({"a.model.q_proj.weight": W, "b.model.q_proj.weight": W}, "", ["could be", "FILE:TENSOR"]),
        ({"model.q_proj.qweight": W}, "", ["packed", "quantised"]),
        ({"model.q_proj.weight": W, "model.q_proj.weight_scale_inv": W}, "", ["packed", "beside it"]),
        ({"model.q_proj.weight": W, "model.q_proj.weight.absmax": W}, "", ["packed", "beside it"]),
        ({}, "", ["has no tensor", "it has none"]),
    ],
)
def test_a_weight_that_is_not_there_is_refused(
    tmp_path: Path, names: dict[str, Array], weights: str, words: list[str]
) -> None:
    """With names near it, or the reason that it cannot be one."""
    weights = f"{tmp_path / 'm.safetensors'}{weights}" if weights else ""
    with pytest.raises(InvalidInput) as caught:
        found_weight(tmp_path, names, "model.q_proj", weights)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("dtype", ["U8", "I8", "F8_E4M3", "I32"])
def test_packed_types_are_refused(tmp_path: Path, dtype: str) -> None:
    """Integers and eight bits are no weights to merge into."""
    checkpoints.write(tmp_path / "p.safetensors", {"q.weight": (dtype, (8, 6))})
    with pytest.raises(InvalidInput, match=f"packed as {dtype}"):
        found_weight(tmp_path, {}, "q", str(tmp_path / "p.safetensors"))


@pytest.mark.parametrize("name", ["gone.safetensors", "w.bin", "empty"])
def test_a_path_that_is_no_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    """Missing, unpicklable, or a folder without one."""
    (tmp_path / "w.bin").write_bytes(struct.pack("<Q", 2) + b"{}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=r"cannot read|not (a|hold a) safetensors"):
        found_weight(tmp_path, {}, "q", str(tmp_path / name))


def test_a_module_is_found_by_its_ending_or_refused(tmp_path: Path) -> None:
    """Unknown: near ones; the ending of several: some of them."""
    names = ["model.layers.0.q_proj", "model.layers.1.q_proj", "model.layers.0.k_proj"]
    write_arrays(tmp_path / "m.safetensors", {f"{name}.weight": W for name in names})
    arrays = {key: x for name in names for key, x in pair(name, normal(4, 6), normal(8, 4)).items()}
    paths = str(tmp_path / "m.safetensors"), write_adapter(tmp_path / "adapter", arrays)
    assert merge(*paths, "k_proj").module == names[2]
    assert merge(*paths, "1.q_proj").module == merge(*paths, f"base_model.model.{names[1]}").module == names[1]
    with pytest.raises(InvalidInput, match="module: 2 modules end with 'q_proj': "):
        merge(*paths, "q_proj")
    with pytest.raises(InvalidInput, match=r"has no module 'k_porj'; the nearest names are 'model.layers.0.k_proj'"):
        merge(*paths, "k_porj")
    with pytest.raises(InvalidInput, match="has no module ''"):
        merge(*paths, "")


def test_an_adapter_without_a_pair_or_a_scaling_is_refused(tmp_path: Path) -> None:
    """There is nothing to run, or nothing finite to run it by."""
    paths = setup(tmp_path, normal(8, 6), normal(4, 6), normal(8, 3))
    with pytest.raises(InvalidInput, match="no pair of A and B"):
        merge(*paths, "q_proj")
    with pytest.raises(InvalidInput):
        merge(*setup(tmp_path, normal(8, 6), normal(4, 6), normal(8, 4), lora_alpha=math.inf), "q_proj")


def test_a_record_is_json_without_nan(tmp_path: Path) -> None:
    """Plain Python values."""
    record = merge(*setup(tmp_path, normal(8, 6), normal(4, 6), normal(8, 4)), "q_proj").record()
    assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize("module", ["blocks.0.attn.to_q", "to_q", "attn_to_q", "lora_unet_blocks_0_attn_to_q"])
@pytest.mark.parametrize("root", ["", "model.diffusion_model."])
def test_kohyas_underscores_are_the_dots_of_a_checkpoint(tmp_path: Path, module: str, root: str) -> None:
    """The figures are those of PEFT's adapter with the same values; alpha / r scales the update."""
    w, a, b = normal(8, 6), normal(2, 6), normal(8, 2)
    name = "blocks.0.attn.to_q"
    weights, adapter = setup(tmp_path, w, a, b, f"{root}{name}", r=2, lora_alpha=3)
    kohya = {"lora_down.weight": a, "lora_up.weight": b, "alpha": np.float32(3).reshape(())}
    arrays = {f"lora_unet_{name.replace('.', '_')}.{key}": values for key, values in kohya.items()}
    write_arrays(tmp_path / "kohya.safetensors", arrays)
    ours = merge(weights, str(tmp_path / "kohya.safetensors"), module)
    theirs = merge(weights, adapter, "to_q")
    assert ours.module == "lora_unet_blocks_0_attn_to_q"
    assert {**ours.record(), "module": ""} == {**theirs.record(), "module": ""}
    assert ours.scaling == 1.5


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"lora_unet_q.hada_w1_a": normal(8, 2), "lora_unet_q.hada_w1_b": normal(2, 6)},
            "LoHa does not update a weight",
        ),
        ({"lora_unet_q.diff": normal(8, 6)}, "it is trained whole"),
        (
            {
                f"lora_unet_q.{key}": normal(*shape)
                for key, shape in {"lora_down.weight": (2, 6), "lora_up.weight": (8, 2), "dora_scale": (8, 1)}.items()
            },
            "DoRA scales the adapted weight",
        ),
        (
            {
                f"lora_unet_q.{key}": normal(*shape)
                for key, shape in {"lora_down.weight": (2, 6), "lora_up.weight": (8, 2), "alpha": (3,)}.items()
            },
            "is not one finite number",
        ),
    ],
)
def test_an_update_of_another_kind_says_so(tmp_path: Path, arrays: dict[str, Array], said: str) -> None:
    """One sentence."""
    weights, _ = setup(tmp_path, normal(8, 6), normal(2, 6), normal(8, 2), "q", r=2)
    write_arrays(tmp_path / "kohya.safetensors", arrays)
    with pytest.raises(InvalidInput, match=said):
        merge(weights, str(tmp_path / "kohya.safetensors"), "lora_unet_q")
