"""Packed weights count as what they stand for: headers that each quantizer wrote, recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write

from lora_cli.errors import InvalidInput
from lora_cli.models.checkpoints.packings import Unpacked, unpacked
from lora_cli.models.checkpoints.safetensors_header import read_header
from lora_cli.models.nodes import Parameter

RECORDED = json.loads((Path(__file__).parents[2] / "reference" / "packed.json").read_text(encoding="utf-8"))
OUTPUTS, INPUTS, EXPERTS = 96, 128, 4


def read(folder: Path, tensors: dict[str, Any], values: dict[str, bytes] | None = None) -> Unpacked:
    """Return what tensors stand for once they are in a file."""
    write(folder / "a.safetensors", tensors, values)
    return unpacked(read_header(str(folder / "a.safetensors")))


@pytest.mark.parametrize("kind", RECORDED["formats"])
def test_a_packed_weight_is_the_matrix_that_was_packed(tmp_path: Path, kind: str) -> None:
    """96 x 128, or four experts of 128 x 96. Scales, zeros, tables and states are not parameters, a bias is."""
    tensors = RECORDED["formats"][kind]
    values = {name: bytes.fromhex(entry["hex"]) for name, entry in tensors.items() if "hex" in entry}
    found = read(tmp_path, {name: (entry["dtype"], entry["shape"]) for name, entry in tensors.items()}, values)
    weight = Parameter("W", (EXPERTS, INPUTS, OUTPUTS)) if kind == "MXFP4" else Parameter("W.weight", (OUTPUTS, INPUTS))
    bias = [Parameter("W.bias", (OUTPUTS,))] if "W.bias" in tensors else []
    assert sorted(found.parameters) == sorted([weight, *bias])
    assert found.unknown == []


def test_the_record_says_how_it_was_made() -> None:
    """The command makes it again, with these versions."""
    assert RECORDED["made by"] == "python tests/peft/packed.py"
    assert {"transformers", "bitsandbytes", "gptqmodel", "compressed-tensors"} <= RECORDED["with"].keys()


def test_gptq_without_its_order_of_groups_is_unpacked_by_its_zeros(tmp_path: Path) -> None:
    """3 bits: 128 inputs in 12 rows of words, 96 outputs in 9 words of zeros."""
    tensors = {"W.qweight": ("I32", (12, 96)), "W.qzeros": ("I32", (4, 9)), "W.scales": ("F16", (4, 96))}
    assert read(tmp_path, tensors).parameters == [Parameter("W.weight", (96, 128))]


def test_buffers_are_no_parameters(tmp_path: Path) -> None:
    """Positions, rotary frequencies, causal masks, statistics, corrections, bounds and the constants of xIELU."""
    tensors = {
        "embeddings.position_ids": ("I64", (1, 512)),
        "rotary_emb.inv_freq": ("F32", (64,)),
        "h.0.attn.bias": ("F32", (1, 1, 1024, 1024)),
        "h.0.attn.masked_bias": ("F32", ()),
        "bn.running_mean": ("F32", (8,)),
        "bn.num_batches_tracked": ("I64", ()),
        "mlp.gate.e_score_correction_bias": ("F32", (256,)),
        "vision_tower.q_proj.input_min": ("F32", ()),
        "vision_tower.std_scale": ("F32", (16,)),
        "layers.0.layer_scalar": ("F32", (1,)),
        "visual_temporal_embed.pos_idx_to_embed": ("F32", (100, 16)),
        "mlp.act_fn.beta": ("BF16", ()),
        "mlp.act_fn.eps": ("BF16", ()),
        "h.0.attn.c_attn.bias": ("F32", (24,)),
        "LayerNorm.beta": ("F32", (24,)),
    }
    kept = [Parameter("h.0.attn.c_attn.bias", (24,)), Parameter("LayerNorm.beta", (24,))]
    assert read(tmp_path, tensors) == (kept, [])


def test_a_name_of_buffers_is_a_parameter_where_the_model_has_it(tmp_path: Path) -> None:
    """`expert_bias` is a buffer of Hunyuan 3 and LFM2, and a parameter of Trinity, whatever the names around it."""
    tensors = {"mlp.expert_bias": ("F32", (8,)), "ffn.gate.bias": ("F32", (8,)), "gate.bias": ("F32", (8,))}
    assert read(tmp_path, tensors).parameters == [Parameter("gate.bias", (8,))]
    stored = read_header(str(tmp_path / "a.safetensors"))
    known = [Parameter("model.layers.0.mlp.expert_bias", (8,))]
    assert {found.name for found in unpacked(stored, known).parameters} == {"mlp.expert_bias", "gate.bias"}


def test_a_scale_that_belongs_to_nothing_packed_is_a_parameter(tmp_path: Path) -> None:
    """Names are not enough: other programs could use them too."""
    tensors = {"layer.scales": ("F32", (8,)), "weight_scale": ("F32", (8,)), "x_scales": ("F32", (2,))}
    assert [parameter.name for parameter in read(tmp_path, tensors).parameters] == list(tensors)


def test_integers_of_no_known_packing_are_named(tmp_path: Path) -> None:
    """So that nobody takes the total for the model's without being told."""
    assert read(tmp_path, {"W.W_q": ("U8", (8, 8)), "b": ("F32", (2,))}) == ([Parameter("b", (2,))], ["W.W_q"])
    assert read(tmp_path, {"W.weight_packed": ("U8", ())}) == ([], ["W.weight_packed"])


@pytest.mark.parametrize(
    ("tensors", "values", "reason"),
    [
        ({"W.weight": ("U8", (8, 1)), "W.weight.absmax": ("F32", (1,))}, {}, "quant_state is missing"),
        ({"W.qweight": ("I32", (8, 8)), "W.scales": ("F16", (1, 8))}, {}, "qzeros or scales are missing"),
        ({"W.qweight": ("I32", (8,)), "W.qzeros": ("I32", (1,)), "W.scales": ("F16", (8,))}, {}, "not matrices"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    tmp_path: Path, tensors: dict[str, Any], values: dict[str, bytes], reason: str
) -> None:
    """Rather than counted as something else."""
    with pytest.raises(InvalidInput, match=reason):
        read(tmp_path, tensors, values)


@pytest.mark.parametrize("sizes", [(), (-1, 8), (2**63, 8), (0, 8)])
def test_a_weight_shape_that_is_not_a_shape_is_refused(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """No total is derived from it."""
    tensors = {"W.weight_packed": ("I32", (8, 1)), "W.weight_shape": ("I64", (len(sizes),))}
    with pytest.raises(InvalidInput, match="does not hold a shape"):
        read(tmp_path, tensors, {"W.weight_shape": b"".join((n % 2**64).to_bytes(8, "little") for n in sizes)})


@pytest.mark.parametrize(
    "state", [b"{}", b"[1]", b"nonsense", b'{"shape": [1.5]}', b'{"shape": 3}', b"[" * 60_000, b"\xff"]
)
def test_a_quant_state_without_a_shape_is_refused(tmp_path: Path, state: bytes) -> None:
    """Whatever it holds instead."""
    key = "W.weight.quant_state.bitsandbytes__nf4"
    tensors = {"W.weight": ("U8", (8, 1)), "W.weight.absmax": ("F32", (1,)), key: ("U8", (len(state),))}
    with pytest.raises(InvalidInput, match="does not hold a shape"):
        read(tmp_path, tensors, {key: state})
