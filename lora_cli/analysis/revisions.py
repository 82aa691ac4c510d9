"""The commits of what was read from the Hub, as fields of a record: what came from elsewhere has none."""

from __future__ import annotations

ADAPTER_REVISION, MODEL_REVISION = REVISIONS = "adapter_revision", "model_revision"


def revisions(adapter: str | None, model: str | None) -> dict[str, str]:
    """Return the fields for the commits of an adapter and of a model.

    >>> revisions(None, "1" * 40)
    {'model_revision': '1111111111111111111111111111111111111111'}
    """
    known = {ADAPTER_REVISION: adapter, MODEL_REVISION: model}
    return {field: commit for field, commit in known.items() if commit is not None}
