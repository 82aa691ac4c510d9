"""A checkpoint without a config.json: what names and shapes say, and what they do not."""

from __future__ import annotations

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.checkpoints.by_shape import model_of_shapes
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module, Parameter


def read(**shapes: tuple[int, ...]) -> Model:
    """Return the model of parameters whose names have `__` for a dot."""
    parameters = [Parameter(name.replace("__", "."), shape) for name, shape in shapes.items()]
    return model_of_shapes(parameters, "drawn", ())


def test_a_matrix_with_a_name_is_a_linear() -> None:
    """Outputs before inputs, as torch has them; its bias belongs to it."""
    model = read(model__q_proj__weight=(8, 6), model__q_proj__bias=(8,))
    assert model.modules == (Module("model.q_proj", 6, 8, bias=True),)
    assert model.others == ()
    assert model.full_params == 56


def test_a_matrix_whose_bias_is_its_second_side_is_transposed() -> None:
    """GPT-2's Conv1D; a square one goes with those of its name."""
    model = read(
        h__0__mlp__c_proj__weight=(32, 8),
        h__0__mlp__c_proj__bias=(8,),
        h__0__attn__c_proj__weight=(8, 8),
        h__0__attn__c_proj__bias=(8,),
        score__weight=(2, 8),
    )
    assert [(m.name, m.kind, m.d, m.h) for m in model.modules] == [
        ("h.0.mlp.c_proj", "Conv1D", 32, 8),
        ("h.0.attn.c_proj", "Conv1D", 8, 8),
        ("score", "Linear", 8, 2),
    ]


def test_embeddings_are_known_by_name() -> None:
    """The one with the most rows takes the tokens. A projection of embeddings has a bias, and a head is not an embedding."""
    model = read(
        wte__weight=(100, 8),
        wpe__weight=(16, 8),
        embed_tokens__weight=(200, 8),
        embeddings_project__weight=(8, 4),
        embeddings_project__bias=(8,),
        embed_out__weight=(100, 8),
    )
    kinds = {module.name: module.kind for module in model.modules}
    assert kinds == {
        "wte": "Embedding",
        "wpe": "Embedding",
        "embed_tokens": "Embedding",
        "embeddings_project": "Linear",
        "embed_out": "Linear",
    }
    assert (model.embeddings, model.output) == ("embed_tokens", "embed_out")


def test_convolutions_are_known_by_their_dimensions() -> None:
    """Five are three of videos, four two of pictures; three are one of sound if the name says so, else experts or the like."""
    model = read(
        patch__weight=(8, 3, 4, 4),
        video_patch__weight=(8, 3, 2, 4, 4),
        conv1__weight=(8, 80, 3),
        experts__weight=(4, 8, 6),
    )
    assert [(m.name, m.kind, m.d, m.h, m.kernel) for m in model.modules] == [
        ("patch", "Conv2d", 3, 8, (4, 4)),
        ("video_patch", "Conv3d", 3, 8, (2, 4, 4)),
        ("conv1", "Conv1d", 80, 8, (3,)),
    ]
    assert model.full_params == 8 * 3 * 16 + 8 * 3 * 32 + 8 * 80 * 3 + 4 * 8 * 6


@pytest.mark.parametrize(
    ("lengths", "directions"),
    [("parametrizations__weight__original0", "parametrizations__weight__original1"), ("weight_g", "weight_v")],
)
def test_a_weight_norm_is_a_convolution(lengths: str, directions: str) -> None:
    """Under torch's newer names for its two parameters, and under the older ones that many checkpoints have."""
    model = read(**{f"conv__{lengths}": (1, 1, 5), f"conv__{directions}": (32, 2, 5), "conv__bias": (32,)})
    assert model.modules == (Module("conv", 2, 32, "Conv1d", bias=True, kernel=(5,), weight_norm=True),)
    assert model.others == ()
    assert model.full_params == 5 + 320 + 32


def test_lists_of_embeddings_hold_embeddings_and_patches_are_no_words() -> None:
    """Qwen3-Omni has a table for each group of codes, and Muse Glimmer takes patches by a Linear without a bias."""
    model = read(codec_embedding__0__weight=(50, 8), patch_embedding__weight=(8, 24))
    assert model.modules == (Module("codec_embedding.0", 50, 8, "Embedding"), Module("patch_embedding", 24, 8))


def test_torchs_own_attention_is_a_module() -> None:
    """Its weight is that of q, k and v in one, and its output projection a Linear."""
    model = read(
        attn__in_proj_weight=(24, 8), attn__in_proj_bias=(24,), attn__out_proj__weight=(8, 8), attn__out_proj__bias=(8,)
    )
    assert model.modules == (
        Module("attn", 8, 24, "MultiheadAttention", bias=True),
        Module("attn.out_proj", 8, 8, bias=True),
    )
    assert model.others == ()


def test_the_rest_belongs_to_no_module() -> None:
    """Norms, tokens, a weight without a name, an empty weight, and a bias that does not fit are parameters."""
    model = read(
        norm__weight=(4, 8), cls_token=(1, 1, 8), weight=(2, 2), empty__weight=(0, 8), a__weight=(4, 2), a__bias=(3,)
    )
    assert model.modules == ()
    assert model.full_params == 32 + 8 + 4 + 8 + 3
    assert (model.embeddings, model.output) == (None, None)


def test_a_router_beside_experts_is_no_module() -> None:
    """In transformers it is a bare parameter. The gate of shared experts and a gate elsewhere are Linears."""
    model = read(mlp__gate__weight=(4, 8), mlp__experts__0__w1__weight=(6, 8), mlp__shared_expert_gate__weight=(1, 8))
    assert [module.name for module in model.modules] == ["mlp.experts.0.w1", "mlp.shared_expert_gate"]
    assert [module.name for module in read(mlp__gate__weight=(4, 8)).modules] == ["mlp.gate"]


def test_a_linear_beside_experts_is_a_module() -> None:
    """Llama 4's router, which stands beside one shared expert, and what Gemma 4's layers add to their words."""
    model = read(
        layers__0__feed_forward__router__weight=(4, 8),
        layers__0__feed_forward__experts__down_proj=(4, 6, 8),
        layers__0__feed_forward__shared_expert__up_proj__weight=(6, 8),
        layers__1__experts__down_proj=(4, 6, 8),
        layers__1__per_layer_projection__weight=(8, 2),
    )
    assert [module.name.rpartition(".")[2] for module in model.modules] == ["router", "up_proj", "per_layer_projection"]


@pytest.mark.parametrize("name", ["a." * 100_000 + "weight", "a." * 33 + "weight", "a" * 500 + ".weight"])
def test_names_that_would_become_too_many_are_refused(name: str) -> None:
    """Every part of a name is a module, so 100,000 of them would take gigabytes."""
    with pytest.raises(InvalidInput, match="not the name of a parameter"):
        model_of_shapes([Parameter(name, (2, 2))], "drawn", ())
    assert model_of_shapes([Parameter("a." * 32 + "weight", (2, 2))], "drawn", ()).modules
