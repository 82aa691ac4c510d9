"""Peak GPU memory of one training step by torch itself, on fake tensors: nothing is computed, no card is needed.

    PYTHONPATH=. python tests/memory/oracle.py CONFIG.json ADAPTER.json --batch 2 --seq 512 --checkpointing [--trace OUT.json]

transformers builds the model from its config, PEFT wraps it, and every storage that an operation returns is followed
until it dies, in 512 bytes as CUDA's caching allocator rounds. Steps as Trainer makes them are run: forward, backward,
clipping, optimizer, zero_grad; the last one is reported, so that the optimizer's state exists, and of the batches whose
gradients it accumulates the last. What CUDA does otherwise
than the CPU is in `cuda_kernels`, bitsandbytes in `bitsandbytes_stub`. On an H100 `max_memory_allocated` was this plus
two cuBLAS workspaces, to the byte but for blocks that the allocator does not split (tests/reference/memory).

Not counted: workspaces, the CUDA context, blocks larger than asked for, and, unless a card's multiprocessors are named,
the buffers of reductions over many rows (`cuda_reductions`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.memory.bitsandbytes_stub import AdamW8bit, bitsandbytes_stub
from tests.memory.cuda_kernels import cuda_like
from tests.memory.fake_model import CLASSES, CannotRun, build, make_fake
from tests.memory.tracker import Tracker, rounded

OPTIMIZERS = (
    "adamw_fused",
    "adamw_foreach",
    "adamw_single",
    "sgd",
    "sgd_single",
    "adamw_8bit",
    "paged_adamw_8bit",
    "adafactor",
)
PHASES = ("forward", "backward", "optimizer")
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a step is trained; the names are those of the recorded rows."""

    batch: int = 1
    seq: int = 128
    dtype: str = "bfloat16"
    adapter_dtype: str = "float32"
    attention: str = "sdpa"
    checkpointing: bool = False
    padded: bool = False
    logits_kept: bool = False
    accumulate: int = 1
    optimizer: str = "adamw_fused"
    autocast: str | None = None
    clip_grad_norm: bool = True
    quant: str | None = None
    kbit_prepare: bool | None = True


def make_optimizer(name: str, model: nn.Module, trained: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Return an optimizer as Trainer makes it."""
    if name not in OPTIMIZERS:
        raise CannotRun(f"the optimizer {name} is not modelled")
    if name.startswith("adamw_") and name != "adamw_8bit":
        return torch.optim.AdamW(trained, lr=1e-4, foreach=name == "adamw_foreach")
    if name == "adafactor":
        import transformers

        return transformers.Adafactor(trained, lr=1e-4, scale_parameter=False, relative_step=False)
    if name.endswith("8bit"):
        embeddings = frozenset(id(each.weight) for each in model.modules() if isinstance(each, nn.Embedding))
        return AdamW8bit(trained, paged=name.startswith("paged"), in_float=embeddings)
    return torch.optim.SGD(trained, lr=1e-4, foreach=name == "sgd")


def make_batch(model: nn.Module, task: str, settings: Settings) -> dict[str, torch.Tensor]:
    """Return what one step is given, as the collators of transformers name it."""
    batch, seq = settings.batch, settings.seq
    whole = torch.zeros(batch, dtype=torch.int64)
    if task == "IMAGE_CLS":
        size = model.config.image_size
        height, width = (size, size) if isinstance(size, int) else size
        pixels = torch.empty(batch, getattr(model.config, "num_channels", 3), height, width)
        return {"pixel_values": pixels, "labels": whole}
    inputs = {"input_ids": torch.zeros(batch, seq, dtype=torch.int64)}
    if task == "SEQ_CLS":
        inputs["labels"] = whole
    elif task == "QUESTION_ANS":
        inputs |= {"start_positions": whole, "end_positions": whole.clone()}
    else:
        inputs["labels"] = torch.zeros(batch, seq, dtype=torch.int64)
    if settings.padded:
        # A mask that cannot be skipped: some token of the batch is padding.
        inputs["attention_mask"] = torch.ones(batch, seq, dtype=torch.int64)
    return inputs


@contextlib.contextmanager
def module_names(model: nn.Module, tracker: Tracker) -> Iterator[None]:
    """Let the tracker know which module is running."""
    names = {module: name.replace("base_model.model.", "") for name, module in model.named_modules()}
    path: list[str] = []

    def enter(module: nn.Module, _: Any) -> None:
        path.append(tracker.module)
        tracker.module = names.get(module, "")

    def leave(*_: Any) -> None:
        tracker.module = path.pop() if path else ""

    handles = [module.register_forward_pre_hook(enter) for module in names]
    handles += [module.register_forward_hook(leave, always_call=True) for module in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def fused_states(optimizer: torch.optim.Optimizer, trained: list[nn.Parameter]) -> None:
    """Make fused AdamW's states, its step on the card too; the kernel works in place."""
    for parameter in trained:
        if parameter.grad is not None and not optimizer.state[parameter]:
            zeros = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
            optimizer.state[parameter].update(step=torch.zeros((), dtype=torch.float32), **zeros)


def optimise(
    optimizer: torch.optim.Optimizer, trained: list[nn.Parameter], tracker: Tracker, settings: Settings
) -> None:
    """Clip, update, and count the state under its own name."""
    if settings.clip_grad_norm:
        nn.utils.clip_grad_norm_(trained, 1.0, foreach=True)
    if settings.optimizer == "adamw_fused":
        fused_states(optimizer, trained)
    else:
        optimizer.step()
    for state in optimizer.state.values():
        tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
        if settings.optimizer in ("adamw_foreach", "adamw_single") and "step" in tensors:
            tracker.forget(tensors.pop("step"))  # host memory
        tracker.move(tensors.values(), "optimizer")
    tracker.bump("end of step")


def track_model(model: nn.Module, tracker: Tracker) -> None:
    """Count a model's tensors, and gradients as they come."""
    for parameter in model.parameters():
        tracker.add(parameter, "trainable" if parameter.requires_grad else "weights")
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(lambda p: tracker.move([p.grad], "gradients"))
    for module in model.modules():
        for buffer in module.buffers(recurse=False):
            tracker.add(buffer, "weights" if hasattr(module, "dequantised") else "buffers")


def train(
    model: nn.Module, tracker: Tracker, mode: FakeTensorMode, task: str, settings: Settings, trace: bool
) -> Fields:
    """Run two steps and return what the last one kept."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = make_optimizer(settings.optimizer, model, trained)
    autocast = contextlib.nullcontext()
    if settings.autocast:
        autocast = torch.autocast("cpu", dtype=getattr(torch, settings.autocast))
    track_model(model, tracker)
    out, saved, kept = None, 0, 0
    for last in (False, True):
        for _ in range(settings.accumulate):
            loss = inputs = None
            tracker.new_step(trace and last)
            with mode:
                inputs = make_batch(model, task, settings)
            tracker.move(inputs.values(), "batch")
            tracker.phase = "forward"
            with autocast:
                out = model(**inputs)
            loss = out.loss
            if settings.logits_kept:
                kept = rounded(out.logits.untyped_storage().nbytes())
            else:
                out = None
            tracker.bump("end of forward")
            saved = tracker.categories.get("forward", 0) - kept
            tracker.phase = "backward"
            loss.backward()
            tracker.bump("end of backward")
        tracker.phase = "optimizer"
        optimise(optimizer, trained, tracker, settings)
        optimizer.zero_grad(set_to_none=True)
        del loss, inputs
    static = sum(tracker.categories.get(name, 0) for name in ("weights", "trainable", "buffers", "optimizer"))
    return {"static_bytes": static, "saved_after_forward_bytes": saved, "kept_logits_bytes": kept}


def measure(
    config: Mapping[str, Any],
    adapter: Mapping[str, Any] | None,
    settings: Settings,
    trace: bool = False,
    explain: bool = False,
    card: tuple[int, int] | None = None,
) -> Fields:
    """Return one step's peak, where it is, and of what it is made; of a card with the buffers of its reductions."""
    started = time.time()
    adapter = adapter or {}
    task = adapter.get("task_type") or "CAUSAL_LM"
    if task not in CLASSES:
        raise CannotRun(f"the task {task} is not modelled")
    mode, tracker = FakeTensorMode(allow_non_fake_inputs=True), Tracker(card)
    tracker.keep_storages = explain
    with cuda_like(bool(settings.autocast)), bitsandbytes_stub() if settings.quant else contextlib.nullcontext():
        model = build(config, adapter if "peft_type" in adapter else {}, task, settings)
        make_fake(model, mode, settings)
        names = module_names(model, tracker) if trace else contextlib.nullcontext()
        with names, tracker:
            extra = train(model, tracker, mode, task, settings, trace)
    return row_of(model, tracker) | extra | ({"seconds": round(time.time() - started, 2)})


def row_of(model: nn.Module, tracker: Tracker) -> Fields:
    """Return what was tracked as the recorded rows have it."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    by_dtype: dict[str, int] = {}
    for parameter in trained:
        dtype = str(parameter.dtype)[6:]
        by_dtype[dtype] = by_dtype.get(dtype, 0) + parameter.numel() * parameter.element_size()
    peak = tracker.peak
    row = {
        "peak_bytes": peak.size,
        "peak_phase": peak.phase,
        "peak_op": peak.op,
        "by_phase": {phase: tracker.phases[phase][0] for phase in PHASES},
        "by_phase_op": {phase: tracker.phases[phase][1] for phase in PHASES},
        "by_category": {name: size for name, size in sorted(peak.categories.items()) if size},
        "trainable": sum(parameter.numel() for parameter in trained),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trainable_bytes_by_dtype": dict(sorted(by_dtype.items())),
        "resolved": resolved(model),
    }
    if tracker.card:
        row["largest_reduction"] = tracker.largest_reduction
    if tracker.events is not None:
        row["trace"] = tracker.events
    if tracker.keep_storages:
        row["at_peak"] = at_peak(tracker)
    return row


def resolved(model: nn.Module) -> Fields:
    """Return what PEFT made of the targets."""
    found = getattr(model, "peft_config", {}).get("default")
    names = ("target_modules", "target_parameters", "modules_to_save")
    values = {name: getattr(found, name, None) for name in names}
    return {name: sorted(value) if isinstance(value, set | list) else value for name, value in values.items() if value}


def at_peak(tracker: Tracker) -> list[Fields]:
    """Return what was alive at the peak beside the weights, the largest first, equal tensors together."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for entry in tracker.peak.storages:
        if entry.category not in ("weights", "buffers"):
            shape = "x".join(map(str, entry.shape))
            groups.setdefault((entry.category, entry.op, shape, entry.dtype), []).append(entry.size)
    names = ("category", "op", "shape", "dtype")
    rows = [dict(zip(names, key, strict=True), count=len(sizes), bytes=sum(sizes)) for key, sizes in groups.items()]
    return sorted(rows, key=lambda row: -row["bytes"])


def parsed_settings(parser: argparse.ArgumentParser) -> None:
    """Declare an option for every setting."""
    for setting in fields(Settings):
        option, default = "--" + setting.name.replace("_", "-"), setting.default
        if isinstance(default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default)
        else:
            parser.add_argument(option, type=int if isinstance(default, int) else str, default=default)


def main() -> None:
    """Measure one configuration and print its row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("adapter", type=Path, help="adapter_config.json, or {} to train everything")
    parser.add_argument("--trace", type=Path, help="write the step's operations here, one a line")
    parser.add_argument("--explain", action="store_true", help="add what is alive at the peak")
    parser.add_argument(
        "--card", type=int, nargs=2, help="multiprocessors and threads of each, e.g. 132 2048 of an H100"
    )
    parsed_settings(parser)
    arguments = vars(parser.parse_args())
    config, adapter = (json.loads(arguments.pop(name).read_text()) for name in ("config", "adapter"))
    trace, explain, card = (arguments.pop(name) for name in ("trace", "explain", "card"))
    settings = Settings(**arguments)
    row = measure(config, adapter, settings, trace=bool(trace), explain=explain, card=card)
    if trace:
        trace.write_text("".join(json.dumps(event) + "\n" for event in row.pop("trace")))
    json.dump({"config": config, "adapter": adapter, "settings": asdict(settings), **row}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
