"""The check of one subject: a count, or a trained adapter."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lora_cli.analysis.check.limit_verdicts import judge_limits
from lora_cli.analysis.check.verdict import Verdict
from lora_cli.analysis.count.count import Count, count_subject
from lora_cli.analysis.count.rank_worth import PAST_BREAK_EVEN, PAST_DIMENSION
from lora_cli.analysis.limits import MAX_MEMORY, Limits
from lora_cli.analysis.revisions import ADAPTER_REVISION, MODEL_REVISION, REVISIONS
from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.models.peft_names import ADAPTER_WEIGHTS
from lora_cli.models.sources.hub_name import MARK as REVISION_MARK
from lora_cli.models.streams import is_stream

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.findings.declaration import Finding
    from lora_cli.analysis.inspect.inspect import Inspection
    from lora_cli.analysis.loaders.destination import Destination
    from lora_cli.analysis.result import Record
    from lora_cli.models.model import Model

FAIL_ON = ("error",)
# The rule that a loader takes an adapter, before the loader's name.
LOADS_IN = "loads-in"
# What finds the ranks of a count: their severity, and their codes.
RANK_FINDINGS = frozenset({"warning", "note", PAST_BREAK_EVEN, PAST_DIMENSION})


class Rules(NamedTuple):
    """The rules for every subject: its limits, which findings fail, and which findings are ignored.

    `fail_on` lists severities and codes of findings, `ignore` lists codes. `training` are the keywords of
    `lora_cli.memory` that a limit of memory holds for, and `destinations` are where trained adapters are to be loaded.
    """

    limits: Limits = MappingProxyType({})
    fail_on: Sequence[str] = FAIL_ON
    ignore: Sequence[str] = ()
    training: Mapping[str, Any] = MappingProxyType({})
    destinations: Sequence[Destination] = ()


class SubjectCheck(NamedTuple):
    """The verdicts on one subject, its record for a lock, and what to say beside them.

    `record` is None where the subject's file cannot be read. `how` is how a count is adapted, and `model` the base
    model of a trained adapter. The file of a trainer's `recipe` has what replaces its own words in these two. `findings`
    are those of a trained adapter that are not ignored; a count has None.
    """

    verdicts: Sequence[Verdict]
    record: Record | None
    path: str | None = None
    how: Adaptation | None = None
    model: str | None = None
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    assumptions: Sequence[str] = ()
    findings: Sequence[Finding] | None = None
    recipe: str | None = None

    def source(self) -> Record | None:
        """Return the subject with the commits of what is from the Hub, or None if nothing is."""
        record = self.record or {}
        commits = {field: record[field] for field in REVISIONS if field in record}
        return {"subject": self.path or record.get("model"), **commits} if commits else None

    def key(self, lock: str) -> str:
        """Return the subject's name in a lock."""
        from lora_cli.analysis.check.lock_keys import SEPARATOR, count_key, model_key, name_key, path_key, recipe_key

        if self.recipe is not None and self.how is not None:
            return recipe_key(self.recipe, self.model, self.how, lock)
        if self.how is not None:
            return count_key(self.record or {}, self.how, lock)
        path = self.path or "."
        own = name_key(path) if ADAPTER_REVISION in (self.record or {}) else path_key(path, lock)
        return own if self.model is None else f"{own}{SEPARATOR}{model_key(self.model, lock)}"


def check_count(count: Count, rules: Rules, path: str | None = None) -> SubjectCheck:
    """Check a count against the limits, and its ranks by the findings that these would be in a trained adapter.

    `path` names it beside other subjects.
    """
    if rules.destinations:
        name = path or count.model or "one matrix"
        raise InvalidInput(
            f"{argument('loads_in')} is about trained adapters, and {quote_long(name)} is not one; give the folder of "
            f"one, which has its weights in one piece, as {ADAPTER_WEIGHTS}"
        )
    if MAX_MEMORY in rules.limits:
        from lora_cli.analysis.memory.trained_count import with_training

        count = with_training(count, rules.training)
    findings = _rank_findings(count, rules, path)
    ignored = {finding.message for finding in findings if finding.code in rules.ignore}
    failing = [each for each in findings if each.fails(rules.fail_on) and each.message not in ignored]
    told = ignored.union(finding.message for finding in failing)
    verdicts = [] if RANK_FINDINGS.isdisjoint(rules.fail_on) else _judge_findings(failing, path)
    return SubjectCheck(
        [*verdicts, *judge_limits(count, rules.limits, path)],
        count.record(),
        path,
        count.how,
        warnings=[
            *(_about(path, warning) for warning in count.warnings if warning not in told),
            *_unpinned(_names(count), count),
        ],
        notes=[_about(path, note) for note in count.notes],
        assumptions=count.assumptions,
    )


def _about(path: str | None, sentence: str) -> str:
    """Return a sentence that names the subject, where there are others beside it."""
    return sentence if path is None or sentence.startswith((f"{path}: ", f"{path} ")) else f"{path}: {sentence}"


def check_recipe(
    recipe: str,
    model: str | None,
    how: Adaptation,
    rules: Rules,
    path: str | None = None,
    *,
    d: object = None,
    h: object = None,
) -> SubjectCheck:
    """Check what a trainer's recipe adapts, and its training where a limit is of memory; `path` names it beside others."""
    from lora_cli.analysis.recipe import follow_recipe

    training = rules.training if MAX_MEMORY in rules.limits else None
    followed = follow_recipe(recipe, model, [how], training, d=d, h=h)
    rules = rules._replace(training=followed.training)
    check = check_count(count_subject(followed.subject, followed.hows[0]), rules, path)
    return check if is_stream(recipe) else check._replace(recipe=recipe, model=model, how=how)


def _names(count: Count) -> dict[str, str | None]:
    """Return the names of what a count was read from, by the field that has the commit of each."""
    adapter = count.how.adapter
    return {MODEL_REVISION: count.model, ADAPTER_REVISION: None if adapter is None else os.fspath(adapter)}


def _rank_findings(count: Count, rules: Rules, path: str | None) -> list[Finding]:
    """Return what is wrong with the ranks, where rules speak of that."""
    if RANK_FINDINGS.isdisjoint((*rules.fail_on, *rules.ignore)) or count.cost is None:
        return []
    from lora_cli.analysis.inspect.findings.declaration import Finding
    from lora_cli.analysis.inspect.findings.registry import FINDINGS

    name = path or count.model or "one matrix"
    kinds = ((FINDINGS[code], message) for code, message in count.cost.rank_problems().items())
    return [Finding(name, kind.severity, kind.code, message, kind.remedy) for kind, message in kinds]


def check_inspection(inspection: Inspection, rules: Rules, path: str, model: Model | None = None) -> SubjectCheck:
    """Check a trained adapter: its findings and its limits."""
    from lora_cli.analysis.inspect.findings.declaration import NOTE
    from lora_cli.analysis.inspect.remarks import not_compared

    found = _not_ignored(inspection.findings, rules)
    by_loader = [_not_ignored(to.findings(inspection), rules) for to in rules.destinations]
    refusals = [
        [each for each in own if to.refuses(each)] for to, own in zip(rules.destinations, by_loader, strict=True)
    ]
    findings = [*found, *chain.from_iterable(by_loader)]
    refused = list(chain.from_iterable(refusals))
    shared = [each for each in found if any(to.refuses(each) for to in rules.destinations)]
    failing = [each for each in findings if each not in refused and (each in shared or each.fails(rules.fail_on))]
    verdicts = _judge_findings(failing, path)
    for to, own, of_loader in zip(rules.destinations, refusals, by_loader, strict=True):
        is_open = any(map(to.leaves_open, of_loader))
        verdicts += _judge_loader(to, own, [each for each in shared if to.refuses(each)], path, is_open=is_open)
    failing += refused
    # Nothing else is known of a file that cannot be read, which is reason enough to fail.
    if not (inspection.broken and failing):
        verdicts += _judge_inspection(inspection, rules, path)
    record = {**inspection.record(), "full_params": inspection.full_params, "all_params": inspection.all_params}
    passing = [finding for finding in findings if finding not in failing]
    names = {MODEL_REVISION: None if model is None else model.name, ADAPTER_REVISION: inspection.adapter}
    return SubjectCheck(
        verdicts,
        None if inspection.broken else record,
        path,
        model=None if model is None else model.name,
        warnings=[*(each.sentence() for each in passing if each.severity != NOTE), *_unpinned(names, inspection)],
        notes=[
            *(each.sentence() for each in passing if each.severity == NOTE),
            *inspection.sources,
            *(() if failing else not_compared(inspection.inspected, without_name=bool(rules.destinations))),
        ],
        findings=findings,
    )


def _judge_inspection(inspection: Inspection, rules: Rules, path: str) -> Iterator[Verdict]:
    """Yield the verdicts on the limits: what an adapter holds, and the memory of training its config again."""
    of_file = {name: bound for name, bound in rules.limits.items() if name != MAX_MEMORY}
    yield from judge_limits(inspection, of_file, path)
    if MAX_MEMORY not in rules.limits:
        return
    figures: Count | Inspection = inspection
    if inspection.cost is not None:
        from lora_cli.analysis.memory.trained_count import trained_counter

        trained = trained_counter(rules.training)(inspection.cost.plan)
        figures = Count(trained.record(), cost=trained)
    yield from judge_limits(figures, {MAX_MEMORY: rules.limits[MAX_MEMORY]}, path)


def _unpinned(names: Mapping[str, str | None], record: Record) -> Iterator[str]:
    """Yield a warning for each Hub name without a revision: what it leads to changes."""
    for field, name in names.items():
        commit = record.get(field)
        if name is not None and commit is not None and REVISION_MARK not in name:
            yield (
                f"{quote_long(name)} has no revision, and what was checked is its newest that is known; "
                f"to check the same again, give {name}{REVISION_MARK}{commit}"
            )


def _judge_findings(failing: Sequence[Finding], path: str | None) -> list[Verdict]:
    """Return a verdict on each finding that fails, or one that passes where there is none; the limit is 0 of each."""
    failed = [Verdict(f"finding: {finding.code}", 1, 0, finding.sentence(), path) for finding in failing]
    return failed or [Verdict("findings", 0, 0, path=path)]


def _judge_loader(
    to: Destination, refused: Sequence[Finding], shared: Sequence[Finding], path: str, *, is_open: bool
) -> list[Verdict]:
    """Return a verdict on each finding for which only this loader refuses an adapter, with its rule in each sentence.

    Without any there is one on what `inspect` finds and the loader refuses, too, whose sentences are told once for all.
    `is_open` says that something was not checked: the adapter may fail for what is known, and does not pass.
    """
    rule = f"{LOADS_IN} {to.loader.name}"
    failed = [Verdict(f"{rule}: {each.code}", 1, 0, each.sentence(rule), path) for each in refused]
    if failed or not shared:
        return failed or [Verdict(rule, None if is_open else 0, 0, path=path, checked=not is_open)]
    codes = list(dict.fromkeys(each.code for each in shared))
    findings = "finding" if len(codes) == 1 else "findings"
    why = f"{path}: {rule}: {to.loader.title} would refuse it or leave part of it out; see the {findings} {', '.join(codes)}"
    return [Verdict(rule, len(shared), 0, why, path)]


def _not_ignored(findings: Sequence[Finding], rules: Rules) -> list[Finding]:
    return [finding for finding in findings if finding.code not in rules.ignore]
