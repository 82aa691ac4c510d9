"""Counts as reports: which fields, parts and pictures an answer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_cli.output import Report

if TYPE_CHECKING:
    from lora_cli.analysis.count.adapted_matrix import AdaptedMatrix
    from lora_cli.analysis.count.matrix_count import MatrixCount
    from lora_cli.analysis.count.model_count import ModelCount


def matrix(cost: MatrixCount | AdaptedMatrix) -> Report:
    """Return the report of one matrix: its record, its tensors and, for LoRA's two, their picture."""
    record = cost.record()
    tensors = [{"name": tensor.name, "shape": tensor.shape, "params": tensor.params} for tensor in cost.tensors]
    return Report(
        "count",
        tuple(record),
        [[tuple(record.values())]],
        parts={"tensors": tensors},
        picture=(cost.d, cost.h, cost.r) if cost.r and cost.method == "lora" else None,
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
    from lora_cli.analysis.count.model_count import MODULE_FIELDS

    rows = [tuple(record.values()) for record in cost.modules()]
    return Report("count", MODULE_FIELDS, [rows], len(rows), listing=True)
