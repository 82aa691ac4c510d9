"""What the paths of `check` lead to: trained adapters, configs of adapters, and models."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.analysis.check.limits import Verdict, hold
from lora_cli.cli.options import subject
from lora_cli.errors import InvalidInput, quote_long

if TYPE_CHECKING:
    from lora_cli.analysis.count.matrix_count import Record
    from lora_cli.analysis.inspect.finding import Judged
    from lora_cli.models.model import Model


class Wanted(NamedTuple):
    """What holds for every path: limits, and which findings fail or are left out."""

    limits: Mapping[str, int | float]
    fail_on: Sequence[str]
    ignore: Sequence[str]


class Checked(NamedTuple):
    """One path: its verdicts, its counts for a lock, and what to say beside them."""

    path: str
    verdicts: list[Verdict | Judged]
    counts: Record | None
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()


def check_paths(paths: Sequence[str], model: str | None, how: subject.How, wanted: Wanted) -> Iterator[Checked]:
    """Check what each path leads to, and an adapter that several lead to once."""
    from lora_cli.methods.adapter_file.trained_adapter import adapter_folder, has_weights

    base: Model | None = None
    done = set()
    for path in paths:
        if not os.path.lexists(path):
            raise InvalidInput(f"{quote_long(path)} is no file and no folder; a bundled model is named by --model")
        folder = adapter_folder(path)
        key = os.path.realpath(path if folder is None else folder)
        if key in done:
            continue
        done.add(key)
        if folder is None:
            if model is not None:
                raise InvalidInput(f"{quote_long(path)} is no adapter, and --model is given too; leave one of them out")
            yield _counted(path, path, how, wanted)
            continue
        if how != subject.How(dtype=how.dtype):
            raise InvalidInput(
                f"{quote_long(path)} is an adapter, which says itself how it adapts; "
                "leave out -r, --target, --method, --set, --alpha and --adapter"
            )
        if has_weights(folder):
            if model is not None and base is None:
                from lora_cli.models.sources.read_model import read_model

                base = read_model(model)
            yield _inspected(path, base, wanted)
        elif model is None:
            raise InvalidInput(f"{quote_long(path)} is a config without weights; give the model it adapts (--model)")
        else:
            yield _counted(path, model, how._replace(adapter=folder or "."), wanted)


def _counted(path: str, model: str, how: subject.How, wanted: Wanted) -> Checked:
    counted = subject.cost(None, None, model, how)
    verdicts: list[Verdict | Judged] = [*hold(counted.cost, wanted.limits)]
    return Checked(path, verdicts, counted.cost.record(), counted.warnings, counted.notes)


def _inspected(path: str, model: Model | None, wanted: Wanted) -> Checked:
    from lora_cli.analysis.inspect.diagnosis import findings
    from lora_cli.analysis.inspect.finding import NOTE, judge
    from lora_cli.analysis.inspect.inspection import inspect

    found = inspect(path, model, values=True)
    made = [finding for finding in findings(found) if finding.code not in wanted.ignore]
    verdicts: list[Verdict | Judged] = [*judge(made, wanted.fail_on, wanted.ignore)]
    said = [finding for finding in made if not finding.fails(wanted.fail_on, wanted.ignore)]
    # Of a file that cannot be read nothing else is known, and that is reason enough to fail.
    if not found.broken or verdicts[0].passed:
        verdicts += hold(found, wanted.limits)
    return Checked(
        path,
        verdicts,
        None if found.broken else {**found.record(), "full_params": found.full_params, "all_params": found.all_params},
        [finding.said() for finding in said if finding.severity != NOTE],
        [finding.said() for finding in said if finding.severity == NOTE],
    )
