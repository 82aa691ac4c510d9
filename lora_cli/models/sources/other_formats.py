"""Files of weights that are not read, and what to do instead where a model or a repository has no others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lora_cli.errors import argument, first_few
from lora_cli.models.peft_names import ADAPTER_CONFIG

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
UNREAD = (".gguf", ".ggml", ".h5", ".msgpack", ".onnx")
# The index of a pipeline of diffusers, which has a folder for each of its models.
PIPELINE = "model_index.json"


def pickles_in(names: Iterable[str]) -> list[str]:
    """Return those of the names of files that are pickles, to judge by their endings.

    >>> pickles_in(["adapter_model.bin", "LAST.CKPT", "README.md"])
    ['adapter_model.bin', 'LAST.CKPT']
    """
    return [name for name in names if name.lower().endswith(PICKLED)]


def unread_in(names: Iterable[str]) -> list[str]:
    """Return those of the names of files whose format is not read, to judge by their endings.

    >>> unread_in(["model-Q4_K_M.gguf", "README.md"])
    ['model-Q4_K_M.gguf']
    """
    return [name for name in names if name.lower().endswith(UNREAD)]


def why_unread(pickles: Sequence[str]) -> str:
    """Return why files are not read that are pickles, and what to do.

    >>> why_unread(["model.pt"]).partition("; ")[0]
    "'model.pt': a pickle is never unpickled here, because that can run any code"
    """
    return (
        f"{first_few(pickles)}: a pickle is never unpickled here, because that can run any code; convert it with "
        "safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW)"
    )


def instead_of_others(names: Sequence[str]) -> str | None:
    """Return what to do about files of which none is a config.json or safetensors, or None if nothing is known of them.

    >>> instead_of_others(["README.md", "model-Q4_K_M.gguf"])
    "its weights are in another format ('model-Q4_K_M.gguf'); give the model that they were made from"
    """
    if ADAPTER_CONFIG in names:
        return f"it is an adapter, which goes to {argument('adapter')}, with its base model as {argument('model')}"
    if PIPELINE in names:
        return "it is a pipeline of several models; download one of them, and give its folder"
    if pickles := pickles_in(names):
        return why_unread(pickles)
    if others := unread_in(names):
        return f"its weights are in another format ({first_few(others)}); give the model that they were made from"
    return None
