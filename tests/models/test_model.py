"""The modules of a model, by kind."""

from __future__ import annotations

from typing import Any

from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config


def model(model_type: str, **fields: Any) -> Model:
    """Return a model of that type, with transformers' defaults where no field is given."""
    return read_config(Config({"model_type": model_type, **fields}), "small")


def test_a_convolution_over_time_is_no_transposed_linear() -> None:
    """Torch's Conv1d is shaped h × d × kernel, GPT-2's Conv1D d × h."""
    found = {module.name: module for model_type in ("whisper", "gpt2") for module in model(model_type).modules}
    convolution, transposed = found["model.encoder.conv1"], found["transformer.h.0.attn.c_attn"]
    assert (convolution.kind, transposed.kind) == ("Conv1d", "Conv1D")
    assert [parameter.shape for parameter in convolution.parameters()] == [(384, 80, 3), (384,)]
    assert [parameter.shape for parameter in transposed.parameters()] == [(768, 2304), (2304,)]


def test_the_groups_of_a_convolution_share_its_inputs() -> None:
    """Each of four sees a quarter of the 64 channels."""
    deberta = model("deberta-v2", hidden_size=64, num_attention_heads=4, conv_kernel_size=3, conv_groups=4)
    convolution = next(module for module in deberta.modules if module.kind == "Conv1d")
    assert convolution.parameters()[0].shape == (64, 16, 3)
    assert convolution.weight_params == 64 * 16 * 3
