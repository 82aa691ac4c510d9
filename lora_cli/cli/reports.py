"""Counts as reports: which fields, parts and pictures an answer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_cli.output import Report

if TYPE_CHECKING:
    from lora_cli.analysis.count import MatrixCount
    from lora_cli.analysis.count_model import ModelCount


def matrix(cost: MatrixCount) -> Report:
    """Return the report of one matrix: its record, its tensors and their picture."""
    record = cost.record()
    tensors = [{"name": tensor.name, "shape": tensor.shape, "params": tensor.params} for tensor in cost.tensors]
    return Report(
        "count",
        tuple(record),
        [[tuple(record.values())]],
        parts={"tensors": tensors},
        picture=(cost.d, cost.h, cost.r),
    )


def model(cost: ModelCount, per_module: bool) -> Report:
    """Return the report of a model: its record, and for people what is adapted, by shape."""
    record = cost.record()
    return Report(
        "count",
        tuple(record),
        [[tuple(record.values())]],
        parts={"modules": list(cost.modules())} if per_module else {},
        details=cost.groups(),
        closing=cost.summary(),
    )


def modules(cost: ModelCount) -> Report:
    """Return the report of a model's adapted modules, a record each."""
    records = list(cost.modules())
    return Report(
        "count", tuple(records[0]), [[tuple(record.values()) for record in records]], len(records), listing=True
    )
