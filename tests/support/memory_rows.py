"""What the replay says of a row that PyTorch measured: a config, an adapter and the settings of a training step."""

from __future__ import annotations

from typing import Any

from lora_cli.analysis.count.count_plan import make_plan
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.step import Step, replay
from lora_cli.analysis.memory.training import Training
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.registry import family

# The class of transformers that a task of PEFT takes, by the ending of its name.
CLASSES = {
    "CAUSAL_LM": ("ForCausalLM", "LMHeadModel"),
    "SEQ_2_SEQ_LM": ("ForConditionalGeneration",),
    "SEQ_CLS": ("ForSequenceClassification",),
    "TOKEN_CLS": ("ForTokenClassification",),
    "QUESTION_ANS": ("ForQuestionAnswering",),
    "IMAGE_CLS": ("ForImageClassification",),
}
# The task of PEFT for which a model is read by a class of transformers.
TASKS = {
    "AutoModelForCausalLM": "CAUSAL_LM",
    "AutoModelForImageTextToText": "CAUSAL_LM",
    "AutoModelForSequenceClassification": "SEQ_CLS",
    "AutoModelForTokenClassification": "TOKEN_CLS",
    "AutoModelForSeq2SeqLM": "SEQ_2_SEQ_LM",
    "AutoModelForImageClassification": "IMAGE_CLS",
}
OPTIMIZERS = {
    "adamw_fused": "adamw",
    "adamw_foreach": "adamw-foreach",
    "adamw_8bit": "adamw-8bit",
    "paged_adamw_8bit": "paged-adamw-8bit",
}
QUANTISED = {None: "none", "nf4-dq": "nf4-double"}


def setup_of(row: dict[str, Any]) -> Setup:
    """Return what a row trains. A row without a method trains everything."""
    adapter = {name: value for name, value in (row["adapter"] or {}).items() if value is not None}
    task = adapter.get("task_type", "CAUSAL_LM")
    names = family(row["config"]["model_type"]).classes
    own = next((name for name in names if name.endswith(CLASSES[task])), None)
    config = row["config"] if own is None else {**row["config"], "architectures": [own]}
    model = read_config(Config(config), row.get("id", "model"))
    if "peft_type" not in adapter:
        return Setup(model, None)
    if task == "IMAGE_CLS":
        # Not a task of PEFT's.
        del adapter["task_type"]
    read, unknown = read_adapter_config(Config(adapter))
    assert unknown == []
    return Setup(model, make_plan(model, read))


def training_of(settings: dict[str, Any]) -> Training:
    """Return the settings of a row."""
    base, quant = settings["dtype"], settings["quant"]
    return Training(
        settings["batch"],
        settings["seq"],
        base,
        QUANTISED.get(quant, quant),
        settings["kbit_prepare"] is not False,
        settings["checkpointing"],
        settings["attention"],
        settings["padded"],
        OPTIMIZERS.get(settings["optimizer"], settings["optimizer"]),
        settings["autocast"],
        "float32" if settings["adapter_dtype"] == "float32" else base,
        logits_kept=settings["logits_kept"],
        accumulate=settings.get("accumulate", 1),
    )


def replayed(row: dict[str, Any]) -> Step:
    """Return the step of a row by the replay."""
    return replay(setup_of(row), training_of(row["settings"]))


def difference(row: dict[str, Any]) -> float:
    """Return by what share the replay's peak differs from the measured one."""
    return replayed(row).peak_bytes / row["peak_bytes"] - 1
