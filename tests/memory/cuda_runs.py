"""Measure training steps on a CUDA card, each in a fresh process: what PyTorch allocates, reserves and the process takes.

    PYTHONPATH=. python tests/memory/cuda_runs.py --out RUNS.json [--further] [--only NAME ...] [--trace NAME ...] [--device cpu]

Needs torch with CUDA, transformers, peft and, for the quantised runs, bitsandbytes. Weights are random and nothing is
downloaded. Each run has a process of its own, which has imported the libraries before its turn and touches the card
only then. The file is rewritten after every run. `--device cpu` builds and trains a small version of
every run, to find mistakes where there is no card.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections import Counter, deque
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

import torch
import transformers

from tests.memory.cuda_further_runs import FURTHER_RUNS
from tests.memory.cuda_models import batch_of, built, optimiser
from tests.memory.cuda_run_list import RUNS

STEPS = 3


def used_bytes() -> int | None:
    """Return what the driver counts as used on the card, by all processes, without a context of our own."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).used)
    except Exception:  # noqa: BLE001 (no card, no driver: the CPU's smoke test)
        return None


def graph_nodes(loss: torch.Tensor) -> dict[str, int]:
    """Return how often each kind of node stands in the graph behind a loss."""
    seen, waiting, names = set(), [loss.grad_fn], Counter()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        names[node.name()] += 1
        waiting += [following for following, _ in node.next_functions]
    return dict(sorted(names.items()))


class Meter:
    """What the card's counters say; zeros on the CPU."""

    def __init__(self, device: str) -> None:
        self.cuda = device != "cpu"

    def reset(self) -> None:
        """Start a new peak."""
        if self.cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()

    def read(self) -> dict[str, int]:
        """Return what is allocated now, and at most since the last reset."""
        if not self.cuda:
            return {"peak": 0, "now": 0}
        torch.cuda.synchronize()
        return {"peak": torch.cuda.max_memory_allocated(), "now": torch.cuda.memory_allocated()}


def step(run: dict, model, optimizer, inputs, meter: Meter, first: bool) -> dict:
    """Train one step as Trainer does, and return what each phase took: forward and backward of the last of its batches."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    autocast = {"dtype": getattr(torch, run["autocast"] or "bfloat16"), "enabled": bool(run["autocast"])}
    row = {}
    for _ in range(run["accumulate"]):
        meter.reset()
        with torch.autocast("cuda" if meter.cuda else "cpu", **autocast):
            out = model(**inputs)
        loss = out.loss / run["accumulate"] if run["accumulate"] > 1 else out.loss
        if first:
            row["graph"] = graph_nodes(loss)
        run["kept"] = out if run["logits_kept"] else None
        del out
        row["forward"] = meter.read()
        meter.reset()
        loss.backward()
        row["backward"] = meter.read()
        del loss
    meter.reset()
    torch.nn.utils.clip_grad_norm_(trainable, 1.0)
    optimizer.step()
    row["optimizer"] = meter.read()
    optimizer.zero_grad(set_to_none=True)
    row["between"] = meter.read()["now"]
    return row


def context_bytes() -> dict[str, int | None]:
    """Return what is used on the card as the context and the first kernels of each library appear."""
    row = {"before": used_bytes()}
    torch.cuda.init()
    zero = torch.zeros(1, device="cuda")
    torch.cuda.synchronize()
    row["first_tensor"] = used_bytes()
    (zero + 1).sum().item()
    row["first_kernel"] = used_bytes()
    a = torch.zeros(256, 256, device="cuda", dtype=torch.bfloat16)
    torch.cuda.synchronize()
    (a @ a).sum().item()
    row["first_matmul"], row["first_matmul_allocated"] = used_bytes(), torch.cuda.memory_allocated()
    q = torch.zeros(1, 4, 64, 64, device="cuda", dtype=torch.bfloat16)
    torch.nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True).sum().item()
    row["first_attention"], row["reserved"] = used_bytes(), torch.cuda.memory_reserved()
    row["free"], row["total"] = torch.cuda.mem_get_info()
    return row


def trace_of(snapshot: dict) -> list:
    """Return the allocator's own log, an event as [action, address, bytes]."""
    return [[entry["action"], entry["addr"], entry["size"]] for entry in snapshot["device_traces"][0]]


def measured(run: dict, device: str, traced: bool) -> dict:
    """Build and train one run in this process."""
    row: dict = {"used_before": used_bytes()}
    started = time.time()
    if traced and device != "cpu":
        torch.cuda.memory._record_memory_history(enabled="all", context=None, max_entries=400_000)
    torch.manual_seed(0)
    model = built(run, device)
    params = list(model.parameters())
    trainable = [p for p in params if p.requires_grad]
    row["trainable"], row["parameters"] = sum(p.numel() for p in trainable), sum(p.numel() for p in params)
    optimizer, meter = optimiser(run, model, device), Meter(device)
    if meter.cuda:
        torch.cuda.synchronize()
        row["build_reserved"] = torch.cuda.memory_reserved()
        torch.cuda.empty_cache()
        row["built"] = {"allocated": torch.cuda.memory_allocated(), "reserved": torch.cuda.memory_reserved()}
        row["used_built"] = used_bytes()
    inputs = batch_of(run, model, device)
    row["steps"], row["reserved_by_step"] = [], []
    for number in range(STEPS if device != "cpu" else 2):
        if traced and meter.cuda:
            row.setdefault("step_starts", []).append(len(trace_of(torch.cuda.memory._snapshot())))
        row["steps"].append(step(run, model, optimizer, inputs, meter, first=number == 0))
        if meter.cuda:
            row["reserved_by_step"].append(torch.cuda.memory_reserved())
    if traced and meter.cuda:
        row["trace"] = trace_of(torch.cuda.memory._snapshot())
    run.pop("kept")
    if meter.cuda:
        row["used_end"] = used_bytes()
        row["free"], row["total"] = torch.cuda.mem_get_info()
        stats = torch.cuda.memory_stats()
        row["stats"] = {name: stats[name] for name in ("inactive_split_bytes.all.peak", "num_alloc_retries")}
        segments = [s["total_size"] for s in torch.cuda.memory_snapshot()]
        row["segments"] = {str(k): v for k, v in sorted(Counter(segments).items())}
    return row | {"seconds": round(time.time() - started, 2)}


class Worker:
    """A process that has imported everything, has not touched the card, and waits for one run."""

    def __init__(self, options: list[str]) -> None:
        command = [sys.executable, __file__, "--worker", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self, question: dict) -> dict:
        """Return what the process makes of a run."""
        text, _ = self.process.communicate(json.dumps(question))
        lines = [line for line in text.splitlines() if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {"error": f"the process died: {self.process.returncode}"}


def work(device: str) -> None:
    """Read one run from stdin and print what it takes."""
    question = json.loads(sys.stdin.readline())
    try:
        row = context_bytes() if question["run"] is None else measured(question["run"], device, question["traced"])
    except Exception:  # noqa: BLE001 (a run that fails is a row that says so)
        row = {"error": traceback.format_exc()[-700:]}
    print(json.dumps(row), flush=True)
    os._exit(0)


def versions() -> dict[str, str]:
    """Return what was measured with."""
    from importlib import metadata

    found = {"python": platform.python_version(), "torch": torch.__version__, "cuda": str(torch.version.cuda)}
    for name in ("transformers", "peft", "bitsandbytes"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def main() -> None:
    """Measure every run, the most telling first."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--out", type=Path)
    arguments.add_argument("--further", action="store_true", help="the runs of cuda_further_runs")
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--trace", nargs="*", default=[])
    arguments.add_argument("--device", default="cuda")
    arguments.add_argument("--no-cudnn", action="store_true", help="keep cuDNN out of scaled_dot_product_attention")
    arguments.add_argument("--seconds", type=float, default=540, help="start no run after so many seconds")
    arguments.add_argument("--ahead", type=int, default=3, help="processes that import ahead of their turn")
    arguments.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    a = arguments.parse_args()
    transformers.logging.set_verbosity_error()
    torch.backends.cuda.enable_cudnn_sdp(not a.no_cudnn)
    if a.worker:
        work(a.device)
    started, answer, traces = time.time(), {"versions": versions(), "runs": []}, {}
    options = ["--device", a.device, *(["--no-cudnn"] if a.no_cudnn else [])]
    waiting = [None] if a.device != "cpu" else []
    waiting += [run for run in (FURTHER_RUNS if a.further else RUNS) if not a.only or run["name"] in a.only]
    workers = deque(Worker(options) for _ in range(a.ahead))
    for run in waiting:
        if time.time() - started > a.seconds:
            break
        workers.append(Worker(options))
        row = workers.popleft().answer({"run": run, "traced": run is not None and run["name"] in a.trace})
        if run is None:
            answer["context"] = row
            print(row, flush=True)
            continue
        if "trace" in row:
            traces[run["name"]] = row.pop("trace")
            a.out.with_suffix(".traces.json").write_text(json.dumps(traces, separators=(",", ":")))
        answer["runs"].append({"run": run, **row})
        phases = [v["peak"] for v in row.get("steps", [{}])[-1].values() if isinstance(v, dict) and "peak" in v]
        says = row.get("error") or f"{max(phases) / 2**20:10.1f} MiB, reserved {row['reserved_by_step']}"
        print(f"{time.time() - started:6.1f} {run['name']:32} {says}", flush=True)
        a.out.write_text(json.dumps(answer, separators=(",", ":")))
    for worker in workers:
        worker.process.kill()


if __name__ == "__main__":
    main()
