"""A model in the Hub's cache must be counted hardly slower by its name than by its path."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from measure import LORA_CLI, Bound, alternate, judge, print_table, ratio

from lora_cli.models.sources.preset import preset

ROUNDS = 25
OVER_PATH = 1.3
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def main() -> int:
    """Measure, print, and return the exit code."""
    count = [LORA_CLI, "count", "--target", "all-linear", "-r", "16", "--format", "json", "--model"]
    with tempfile.TemporaryDirectory() as home:
        repository = Path(home, "hub", "models--org--name")
        snapshot = repository / "snapshots" / COMMIT
        for folder in (snapshot, repository / "refs", repository / "blobs"):
            folder.mkdir(parents=True)
        (repository / "refs" / "main").write_text(COMMIT)
        (repository / "blobs" / "etag").write_text(json.dumps(preset("llama-3.1-8b")))
        (snapshot / "config.json").symlink_to("../../blobs/etag")
        contenders = {"Hub name": [*count, "org/name"], "path": [*count, str(snapshot / "config.json")]}
        runs = alternate(contenders, ROUNDS, HF_HOME=home, HF_HUB_OFFLINE="1")
        print_table(f"median of {ROUNDS}", runs, "path")
        names = {"org/name", str(snapshot / "config.json")}
        figures = [json.loads(run.output)["results"][0] for runs in runs.values() for run in runs]
        totals = {figure["trainable_params"] for figure in figures}
        return judge(
            Bound("Hub name to path, time", ratio(runs["Hub name"], runs["path"]), OVER_PATH),
            Bound("figures that differ", len(totals) - 1 + len({figure["model"] for figure in figures} ^ names), 0, ""),
        )


if __name__ == "__main__":
    sys.exit(main())
