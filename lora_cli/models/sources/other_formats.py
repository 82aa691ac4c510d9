"""Files of weights that are not read, and what to do instead where a model or a repository has no others."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.errors import argument, first_few
from lora_cli.models.peft_names import ADAPTER_CONFIG

# Pickles can run any program when they are read.
UNPICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
UNREAD = (".gguf", ".ggml", ".h5", ".msgpack", ".onnx")
# A pipeline of several models in folders.
PIPELINE = "model_index.json"


def instead_of_others(names: Sequence[str]) -> str | None:
    """Return what to do about files of which none is a config.json or safetensors, or None if nothing is known of them.

    >>> instead_of_others(["README.md", "model-Q4_K_M.gguf"])
    "its weights are in another format ('model-Q4_K_M.gguf'); give the model that they were made from"
    """
    if ADAPTER_CONFIG in names:
        return f"it is an adapter, which goes to {argument('adapter')}, with its base model as {argument('model')}"
    if PIPELINE in names:
        return "it is a pipeline of several models; download one of them, and give its folder"
    if pickles := [name for name in names if name.endswith(UNPICKLED)]:
        return (
            f"its weights ({first_few(pickles)}) would have to be unpickled, which can run any program; "
            "save them as safetensors"
        )
    if others := [name for name in names if name.lower().endswith(UNREAD)]:
        return f"its weights are in another format ({first_few(others)}); give the model that they were made from"
    return None
