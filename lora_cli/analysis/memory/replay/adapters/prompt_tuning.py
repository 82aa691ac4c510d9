"""Prompt tuning: `PeftModelForCausalLM.forward` and `peft.tuners.prompt_tuning.PromptEmbedding`."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.operations import cast, join, makes, record, wanted
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.analysis.memory.replay.weights import Runner


def extended(device: Runner, prompts: Mapping[str, Parameter], x: Tensor) -> Tensor:
    """Put the trained vectors before the words of each text."""
    vectors = prompts["prompt_embeddings"]
    numel = vectors.numel * device.training.batch
    looked_up = record([vectors], numel, vectors.width, makes(*wanted(vectors)), tape=device.tape)
    whole = join(cast(looked_up, x.width), x)
    device.inputs.append(whole)
    return whole


ADAPTER = Adapter(extended=extended)
