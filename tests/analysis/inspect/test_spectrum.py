"""The spectrum from the thin factors, against NumPy's decomposition of the whole product."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any, TypeVar

import checkpoints
import numpy as np
import pytest
from adapter_files import Array, pair, write_adapter, write_config
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import InvalidInput
from lora_cli.analysis.inspect import spectrum as module
from lora_cli.analysis.inspect.spectrum import ModuleSpectrum, Spectrum, spectrum
from lora_cli.methods.adapter_file.file_size import written_bytes
from lora_cli.methods.adapter_file.read_adapter import read_adapter
from lora_cli.methods.tensor import Tensor

T = TypeVar("T")
RNG = np.random.default_rng(5)


def found(folder: Path, arrays: dict[str, Array], dtype: str | None = None, **fields: Any) -> Spectrum:
    """Return the spectrum of an adapter of these arrays."""
    return spectrum(read_adapter(write_adapter(folder, arrays, dtype, **fields)))


def normal(*shape: int, dtype: str = "float32") -> Array:
    """Return normal numbers."""
    return RNG.standard_normal(shape).astype(dtype)


def whole(updates: Array) -> tuple[float, list[float], list[int]]:
    """Return norm, shares and the ranks for 90, 95 and 99 % of a full update, or of each in a stack of them."""
    stack = updates.reshape(-1, *updates.shape[-2:]).astype(np.float64)
    energies = np.linalg.svd(stack, compute_uv=False) ** 2
    ranks = [max(rank_for(q, energy / energy.sum()) for energy in energies) for q in (0.9, 0.95, 0.99)]
    energy = energies.sum(axis=0)
    return float(np.linalg.norm(stack)), (energy / energy.sum()).tolist(), ranks


def rank_for(share: float, shares: Array) -> int:
    """Return how many of the shares make up one of 90 %, 95 % or 99 %."""
    return next(k for k in range(1, len(shares) + 1) if shares[:k].sum() >= share - 1e-9)


def check(one: ModuleSpectrum, update: Array, rel: float = 1e-5) -> None:
    """Compare a module's figures with those of its full update."""
    norm, shares, ranks = whole(update)
    assert one.norm == pytest.approx(norm, rel=rel)
    assert one.energy == pytest.approx(shares[: len(one.energy)], abs=rel)
    assert sum(shares[len(one.energy) :]) < 1e-9
    assert [one.rank_90, one.rank_95, one.rank_99] == ranks


@given(st.data())
def test_the_thin_factors_give_what_the_whole_product_gives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any sizes, ranks beyond both sides too, any decay of the singular values, any scaling."""
    d, h, r = (data.draw(st.integers(1, 24)) for _ in range(3))
    decay = data.draw(st.floats(0.3, 1))
    alpha = data.draw(st.floats(0.01, 100))
    a, b = normal(r, d), normal(h, r) * decay ** np.arange(r)
    result = found(tmp_path_factory.mktemp("x"), pair("q_proj", a, b.astype(np.float32)), r=r, lora_alpha=alpha)
    one = result.modules[0]
    norm, shares, _ = whole(alpha / r * (b.astype(np.float32).astype(np.float64) @ a))
    assert one.norm == pytest.approx(norm, rel=1e-9)
    assert one.energy == pytest.approx(shares[: len(one.energy)], abs=1e-9)
    assert len(one.energy) == min(d, h, r)
    for share, rank in zip((0.9, 0.95, 0.99), astuple(one)[3:], strict=True):
        assert rank is not None
        assert sum(shares[:rank]) >= share - 2e-6
        assert rank == 1 or sum(shares[: rank - 1]) < share


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_stored_types_are_read_at_their_values(tmp_path: Path, dtype: str) -> None:
    """The figures are of what is stored, rounded as it is."""
    numpy_type = {"F64": "float64", "F16": "float16"}.get(dtype, "float32")
    a, b = (normal(*shape, dtype=numpy_type) for shape in ((4, 30), (20, 4)))
    if dtype == "BF16":
        a, b = ((x.view("<u4") & np.uint32(0xFFFF0000)).view("<f4") for x in (a, b))
    result = found(tmp_path / "x", pair("q_proj", a, b), dtype)
    check(result.modules[0], 2 * (b.astype(np.float64) @ a.astype(np.float64)), rel=1e-9)


def test_slices_of_a_tall_factor_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vocabulary's rows go through QR in parts."""
    monkeypatch.setattr(module, "SLICE_ROWS", 7)
    a, b = normal(4, 101), normal(55, 4)
    check(found(tmp_path / "x", pair("q_proj", a, b)).modules[0], 2 * (b @ a))


def test_scaling_follows_alpha_rslora_and_patterns(tmp_path: Path) -> None:
    """The norm is that of alpha / r, of alpha / sqrt(r), and of a module's own alpha and rank."""
    a, b = normal(4, 9), normal(7, 4)
    plain = np.linalg.norm(b @ a)
    arrays = pair("q_proj", a, b)

    def norm(**fields: Any) -> float | None:
        return found(tmp_path / "x", arrays, **fields).modules[0].norm

    assert norm(lora_alpha=2) == pytest.approx(plain / 2, rel=1e-5)
    assert norm(lora_alpha=6, use_rslora=True) == pytest.approx(plain * 3, rel=1e-5)
    assert norm(lora_alpha=6, alpha_pattern={"q_proj": 12}) == pytest.approx(plain * 3, rel=1e-5)
    assert norm(r=8, lora_alpha=6, rank_pattern={"q_proj": 4}) == pytest.approx(plain * 1.5, rel=1e-5)


def test_embeddings_and_convolutions_are_products_too(tmp_path: Path) -> None:
    """An embedding's pair has keys of its own, and a convolution's A a kernel."""
    rows, columns = normal(4, 30), normal(6, 4)
    kernel, points = normal(4, 3, 5, 2), normal(8, 4, 1, 1)
    result = found(
        tmp_path / "x",
        {"emb.lora_embedding_A": rows, "emb.lora_embedding_B": columns} | pair("conv", kernel, points),
    )
    by_name = {one.module: one for one in result.modules}
    check(by_name["emb"], 2 * (columns @ rows))
    check(by_name["conv"], 2 * (points.reshape(8, 4) @ kernel.reshape(4, 30)))


@pytest.mark.parametrize("rslora", [False, True])
def test_fused_experts_have_the_ranks_that_each_needs(tmp_path: Path, rslora: bool) -> None:
    """A is experts · r rows, B r · experts columns (peft.tuners.lora.layer.ParamWrapper), and alpha goes by r."""
    experts, r, d, h = 3, 4, 12, 10
    a, b = normal(experts * r, d), normal(h, r * experts)
    b.reshape(h, r, experts)[:, 1:] *= 0.01
    update = np.einsum("ore,erd->eod", b.reshape(h, r, experts), a.reshape(experts, r, d))
    fields = {"target_modules": [], "target_parameters": ["mlp.experts.down_proj"], "use_rslora": rslora}
    result = found(tmp_path / "x", pair("layers.0.mlp.experts.base_layer", a, b), **fields)
    check(result.modules[0], (4 if rslora else 2) * update)
    assert result.rank_needed == 1
    assert result.saved_params == experts * (r - 1) * (d + h)


def test_a_small_expert_of_high_rank_is_not_outvoted_by_a_large_one_of_rank_1(tmp_path: Path) -> None:
    """Each expert keeps its 99 %; one that is zero needs no rank."""
    a, b = np.eye(12, dtype="float32"), np.zeros((12, 12), "float32")
    # B has the experts of each rank beside each other: 100 times rank 1, then rank 4, then nothing.
    by_expert = b.reshape(12, 4, 3)
    by_expert[0, 0, 0] = 100
    by_expert[range(4), range(4), 1] = 1
    result = found(tmp_path / "x", pair("experts", a, b), target_modules=[], target_parameters=["experts.up"])
    one = result.modules[0]
    assert (one.rank_90, one.rank_95, one.rank_99, result.rank_needed) == (4, 4, 4, 4)


def test_experts_next_to_patterns_are_left_out_with_the_reason(tmp_path: Path) -> None:
    """How many there are cannot be told then."""
    arrays = pair("mlp.experts", normal(8, 6), normal(6, 8)) | pair("q_proj", normal(4, 6), normal(6, 4))
    fields = {"target_parameters": ["mlp.experts.down_proj"], "rank_pattern": {"down_proj": 2}}
    result = found(tmp_path / "x", arrays, **fields)
    assert [one.module for one in result.modules] == ["q_proj"]
    assert [(left.module, "pattern" in left.reason) for left in result.left_out] == [("mlp.experts", True)]
    odd = found(tmp_path / "y", pair("mlp.experts", normal(6, 6), normal(6, 6)), target_parameters=["experts.w"])
    assert "not a multiple" in odd.left_out[0].reason


def test_a_pair_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    """A without B, of another rank, in groups, or a B with a kernel: each is named, and nothing is said of it."""
    arrays = {
        "alone.lora_A.weight": normal(4, 6),
        **pair("other", normal(4, 6), normal(6, 3)),
        **pair("grouped", normal(4, 6, 3), normal(6, 2, 1)),
        **pair("kernel", normal(4, 6, 3), normal(6, 4, 3)),
    }
    result = found(tmp_path / "x", arrays)
    assert result.modules == ()
    assert {left.module for left in result.left_out} == {"alone", "other", "grouped", "kernel"}
    assert result.reason is not None


def test_an_update_of_zero_needs_no_rank(tmp_path: Path) -> None:
    """As PEFT starts: norm 0, ranks 0, and what is saved is counted at rank 1, the least that there is."""
    arrays = pair("q_proj", normal(4, 6), np.zeros((8, 4), np.float32)) | pair(
        "v", np.zeros((4, 0), np.float32), normal(8, 4)
    )
    result = found(tmp_path / "x", arrays)
    assert result.modules == tuple(ModuleSpectrum(name, 0.0, (), 0, 0, 0) for name in ("q_proj", "v"))
    assert (result.rank_needed, result.saved_params) == (0, 3 * 14 + 3 * 8)
    arrays = pair("q_proj", normal(4, 6), normal(8, 4))
    assert found(tmp_path / "y", arrays, alpha_pattern={"q_proj": 0}).modules[0].norm == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_no_number_is_unknown(tmp_path: Path, bad: float, side: int) -> None:
    """NaN and infinity in either factor: None, no warning of NumPy's, and the other modules stand."""
    factors = [normal(4, 6), normal(8, 4)]
    factors[side][1, 1] = bad
    good = pair("v", normal(4, 6), normal(8, 4))
    result = found(tmp_path / "x", pair("q_proj", *factors) | good)
    assert result.modules[0] == ModuleSpectrum("q_proj", None, (), None, None, None)
    assert result.modules[1].rank_99 is not None
    assert (result.rank_needed, result.saved_params, result.saved_bytes) == (None, None, None)


@pytest.mark.parametrize("factor", [1e-40, 1e-30, 1e30, 3e38])
def test_values_at_the_ends_of_float32_are_no_trouble(tmp_path: Path, factor: float) -> None:
    """Tiny and huge factors have the shares that they would have at 1."""
    a, b = normal(4, 6), normal(8, 4)
    a, b = (x / np.abs(x).max() for x in (a, b))
    scaled = [np.float32(factor) * x for x in (a, b)]
    result = found(tmp_path / "x", pair("q_proj", *scaled)).modules[0]
    _, shares, ranks = whole(b.astype(np.float64) @ a.astype(np.float64))
    assert result.energy == pytest.approx(shares[:4], abs=1e-3)
    assert [*astuple(result)[3:]] == ranks


@pytest.mark.parametrize("factor", [1e160, 1.7e308])
def test_past_the_range_of_float64_is_unknown(tmp_path: Path, factor: float) -> None:
    """No infinity comes out, and no error."""
    a, b = (np.full(shape, factor) for shape in ((4, 6), (8, 4)))
    assert found(tmp_path / "x", pair("q_proj", a, b)).modules[0].norm is None


def test_equal_singular_values_keep_exactly_their_share(tmp_path: Path) -> None:
    """Nine of ten equal ones are 90 %: rounding does not ask for a tenth."""
    q, _ = np.linalg.qr(RNG.standard_normal((30, 10)))
    result = found(tmp_path / "x", pair("q_proj", q.T.astype(np.float32), q.astype(np.float32)), r=10)
    assert [*astuple(result.modules[0])[3:]] == [9, 10, 10]


def test_what_is_saved_is_the_difference_of_two_files(tmp_path: Path) -> None:
    """The smaller adapter, written: its values and its bytes, smaller ranks and other tensors as they were."""
    ranks = {"q_proj": 20, "k_proj": 3, "o_proj": 20}
    arrays: dict[str, Array] = {"head.weight": normal(5, 5, dtype="float16")}
    for number, (name, r) in enumerate(ranks.items()):
        decay = (0.7 ** np.arange(r)).astype(np.float32)
        arrays |= pair(name, normal(r, 40 + number), normal(50, r) * decay)
    result = found(tmp_path / "x", arrays, r=20, rank_pattern={"k_proj": 3})
    assert result.rank_needed == max(one.rank_99 or 0 for one in result.modules)
    assert 3 < result.rank_needed < 20
    k = result.rank_needed
    small = {key: x[:k] if "lora_A" in key else x[:, :k] if "lora_B" in key else x for key, x in arrays.items()}
    write_adapter(tmp_path / "y", small)

    def size(values: dict[str, Array]) -> int:
        types = {"float32": "F32", "float16": "F16"}
        return written_bytes(
            (key, Tensor(key, x.shape, key, x.shape, dtype=types[str(x.dtype)]))
            for key, x in ((f"base_model.model.{key}", x) for key, x in values.items())
        )

    assert result.saved_params == sum(x.size for x in arrays.values()) - sum(x.size for x in small.values())
    assert result.saved_bytes == size(arrays) - size(small)


def test_what_would_be_saved_is_unknown_where_sizes_are_not_those_of_a_and_b(tmp_path: Path) -> None:
    """MonteCLoRA keeps more that follows the rank; of a type that PEFT does not write, values are known alone."""
    decaying = pair("q_proj", normal(4, 60), normal(80, 4) * np.array([1, 0, 0, 0], np.float32))
    sampled = found(tmp_path / "x", decaying, monteclora_config={"num_samples": 4})
    assert (sampled.rank_needed, sampled.saved_params, sampled.saved_bytes) == (1, None, None)
    eight_bits = {key: ("F8_E4M3", x.shape) for key, x in decaying.items()}
    path = tmp_path / "x" / "adapter_model.safetensors"
    checkpoints.write(path, {f"base_model.model.{key}": entry for key, entry in eight_bits.items()})
    write_config(tmp_path / "x")
    narrow = spectrum(read_adapter(str(tmp_path / "x")))
    assert (narrow.rank_needed, narrow.saved_params, narrow.saved_bytes) == (0, 3 * 140, None)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"kasa_config": {}}, "KaSA"),
        ({"use_bdlora": {"target_modules_bd_a": ["q_proj"], "nblocks": 2}}, "use_bdlora"),
        ({"use_qalora": True}, "use_qalora"),
        ({"peft_type": "LOHA"}, "loha"),
        ({"peft_type": "IA3", "feedforward_modules": []}, "ia3"),
    ],
)
def test_other_updates_have_a_reason_and_no_figures(tmp_path: Path, fields: dict[str, Any], word: str) -> None:
    """What is not scaling · B · A is not taken for it."""
    result = found(tmp_path / "x", pair("q_proj", normal(4, 6), normal(8, 4)), **fields)
    assert word in (result.reason or "")
    assert result.modules == ()


@pytest.mark.parametrize(("key", "word"), [("lora_magnitude_vector", "DoRA"), ("lora_diag", "KaSA")])
def test_the_file_counts_where_the_config_forgot(tmp_path: Path, key: str, word: str) -> None:
    """DoRA's or KaSA's own tensor is enough."""
    arrays = pair("q_proj", normal(4, 6), normal(8, 4)) | {f"q_proj.{key}": normal(8)}
    assert word in (found(tmp_path / "x", arrays).reason or "")


def test_a_base_that_was_cut_is_noted(tmp_path: Path) -> None:
    """PiSSA's update holds what was taken off the base."""
    arrays = pair("q_proj", normal(4, 6), normal(8, 4))
    assert "pissa_niter_4" in (found(tmp_path / "x", arrays, init_lora_weights="pissa_niter_4").note or "")
    assert found(tmp_path / "y", arrays, init_lora_weights="gaussian").note is None


def test_a_file_that_shrank_since_is_refused(tmp_path: Path) -> None:
    """The error names the factor."""
    trained = read_adapter(write_adapter(tmp_path / "x", pair("q_proj", normal(4, 600), normal(800, 4))))
    with open(trained.weights, "r+b") as file:
        file.truncate(3000)
    with pytest.raises(InvalidInput, match="changed since its header was read"):
        spectrum(trained)


def test_track_sees_every_module_once(tmp_path: Path) -> None:
    """Progress is told the number of modules, and as many go by."""
    seen: list[object] = []
    totals = []

    def track(parts: Iterable[T], total: int) -> Iterator[T]:
        totals.append(total)
        for part in parts:
            seen.append(part)
            yield part

    arrays = {key: x for name in "abcde" for key, x in pair(name, normal(4, 6), normal(8, 4)).items()}
    trained = read_adapter(write_adapter(tmp_path / "x", arrays))
    result = spectrum(trained, track)
    assert (totals, seen) == ([5], [*result.modules])
    assert result == spectrum(trained)
