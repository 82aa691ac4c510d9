"""The question "does it stay inside the limits?", for counts and for adapters on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lora_cli.analysis.check.loads_in import Loaders, destinations_of, split_names
from lora_cli.analysis.check.path_checks import Terms, check_paths
from lora_cli.analysis.check.subject_check import FAIL_ON, Rules, SubjectCheck, check_count, check_inspection
from lora_cli.analysis.check.verdict import Verdict
from lora_cli.analysis.count.count import Count
from lora_cli.analysis.each_path import Unread
from lora_cli.analysis.limits import LIMITS, MAX_MEMORY, Amount, card_size_note, read_limits
from lora_cli.analysis.result import Result
from lora_cli.errors import InvalidInput, argument, choices, quote
from lora_cli.models.files import path_text

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.analysis.check.lock import LockUpdate
    from lora_cli.analysis.inspect.inspect import Inspection
    from lora_cli.analysis.result import Record
    from lora_cli.models.model import Source


class NoLimit(InvalidInput):
    """A check without a limit or a lock, which nothing can fail."""


class Judgement(NamedTuple):
    """All verdicts of a check, what to say beside them, and what is still to be written into a lock, if anything is.

    `sources` are the subjects that are from the Hub, with their commits.
    """

    verdicts: list[Verdict]
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    lock_update: LockUpdate | None = None
    sources: Sequence[Record] = ()


def check(
    subject: Count | Inspection | str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    max_percent: Amount | None = None,
    max_params: Amount | None = None,
    min_saved: Amount | None = None,
    expect_params: Amount | None = None,
    max_bytes: Amount | None = None,
    max_rank: Amount | None = None,
    max_memory: Amount | None = None,
    training: Mapping[str, Any] | None = None,
    model: Source | None = None,
    loads_in: Loaders | None = None,
    peft_version: str | None = None,
    fail_on: Sequence[str] = FAIL_ON,
    ignore: Sequence[str] = (),
    lock: str | PathLike[str] | None = None,
    update_lock: bool = False,
) -> list[Verdict]:
    """Check a count, an inspection, or the adapters and models that paths and names lead to; return a verdict per rule.

    max_percent    limit on `percent_of_full`, e.g. 0.5
    max_params     limit on `trainable_params`, e.g. 20_000_000 or "20M"
    min_saved      limit on `percent_saved`, e.g. 99
    expect_params  the exact number of `trainable_params`
    max_bytes      limit on `adapter_bytes`, e.g. "50MB" or "50MiB"
    max_rank       limit on the rank of any module, e.g. 64
    max_memory     limit on the GPU memory of training it, e.g. "24GB" or "24GiB"
    training       how it is trained: keywords of `memory`, e.g. {"batch": 4, "seq": 1024, "quantize": "nf4"}
    model          the base model of adapters at paths, as `count` takes it
    loads_in       programs that are to load trained adapters: "peft", "vllm" or "diffusers", or a list of these
    peft_version   release of PEFT that is to load them, e.g. "0.13"; the newest one without it
    fail_on        all that fails of what `inspect` finds in a trained adapter: a severity, with what is worse, or codes
    ignore         codes of findings that never fail; a text of either may list several with commas
    lock           file of counts that these are compared with
    update_lock    record in that file the counts that are new or have changed

    A limit holds at equality. A count without any limit or lock raises `InvalidInput`, and so does a limit whose figure
    is not known. `passed` is None of a loader for which not everything could be checked.

    >>> from lora_cli import count
    >>> [verdict.passed for verdict in check(count(4096, 4096, 16), max_percent=1, max_params=100_000)]
    [True, False]
    """
    limits = read_limits(
        max_percent=max_percent,
        max_params=max_params,
        min_saved=min_saved,
        expect_params=expect_params,
        max_bytes=max_bytes,
        max_rank=max_rank,
        max_memory=max_memory,
    )
    destinations = destinations_of(loads_in, peft_version, limits)
    failing, ignored = check_names("fail_on", fail_on), check_names("ignore", ignore)
    rules = Rules(limits, failing, ignored, training or {}, destinations)
    lock = None if lock is None else path_text("lock", lock)
    judgement = judge(_check_subject(subject, rules, model), lock, update_lock=update_lock)
    if judgement.lock_update is not None:
        from lora_cli.analysis.check.lock_file import write_lock

        write_lock(judgement.lock_update)
    return judgement.verdicts


def _check_subject(
    subject: Count | Inspection | str | PathLike[str] | Sequence[str | PathLike[str]],
    rules: Rules,
    model: Source | None,
) -> list[SubjectCheck]:
    from lora_cli.analysis.inspect.inspect import Inspection

    if model is not None and isinstance(subject, Count | Inspection):
        raise InvalidInput(f"{argument('model')} is the base model of adapters at paths; drop it, or give their paths")
    if isinstance(subject, Count):
        return [check_count(subject, rules)]
    if isinstance(subject, Inspection):
        return [check_inspection(subject, rules, subject.adapter)]
    if isinstance(subject, Result):
        raise InvalidInput(
            f"{argument('subject')}: a {type(subject).__name__} is not checked; give a Count, an Inspection or paths, "
            f"with {argument('training')} for a limit of memory"
        )
    paths = subject if isinstance(subject, list | tuple) else [subject]
    if not paths:
        raise InvalidInput(f"{argument('subject')}: the list is empty; give at least one path")
    from lora_cli.models.sources.read_model import read_model

    terms = Terms(rules, None if model is None else read_model(model))
    return list(map(_checked, check_paths([path_text("subject", path) for path in paths], lambda _: terms)))


def _checked(found: SubjectCheck | Unread) -> SubjectCheck:
    if isinstance(found, Unread):
        raise type(found.error)(found.sentence()) from found.error
    return found


def check_names(name: str, names: str | Sequence[str]) -> Sequence[str]:
    """Return the names that the argument `name` lists, also with commas, each of which must be known."""
    names = tuple(split_names(names))
    # The default is known without the findings, whose import most checks do without.
    if names and (name, names) != ("fail_on", FAIL_ON):
        known = known_names(name)
        for each in names:
            if each not in known:
                raise InvalidInput(f"{argument(name)}: {quote(each)} is not known; {choices(each, known)}")
    return names


def known_names(name: str) -> Sequence[str]:
    """Return the names that `fail_on` or `ignore` can list: the codes of findings, and severities to fail on."""
    from lora_cli.analysis.inspect.findings.declaration import SEVERITIES
    from lora_cli.analysis.inspect.findings.registry import FINDINGS
    from lora_cli.analysis.loaders.registry import codes

    known = (*FINDINGS, *codes())
    return (*SEVERITIES, *known) if name == "fail_on" else known


def judge(checks: Sequence[SubjectCheck], lock: str | None, *, update_lock: bool = False) -> Judgement:
    """Return all verdicts on some subjects: their own, and those of a lock, which `update_lock` brings up to date."""
    if update_lock and lock is None:
        raise InvalidInput(f"{argument('update_lock')} writes a lock; give its file as {argument('lock')}")
    if lock is None and not all(each.verdicts for each in checks):
        limits = ", ".join(map(argument, LIMITS))
        raise NoLimit(f"there is no limit to check; give at least one of {limits} or {argument('lock')}")
    verdicts = [verdict for each in checks for verdict in each.verdicts]
    notes = [*(note for each in checks for note in each.notes), *_card_sizes(verdicts)]
    judgement = Judgement(
        verdicts,
        # What is said of a base model is said once for all of its adapters.
        list(dict.fromkeys(warning for each in checks for warning in each.warnings)),
        list(dict.fromkeys(notes)),
        sources=[source for each in checks if (source := each.source()) is not None],
    )
    if lock is None:
        return judgement
    from lora_cli.analysis.check.lock import compare_with_file, figures_of, update_of_file

    subjects = {each.key(lock): (each, figures_of(each.record)) for each in checks if each.record is not None}
    compare = update_of_file if update_lock else compare_with_file
    comparison = compare(lock, {key: figures for key, (_, figures) in subjects.items()})
    compared = [
        verdict.of_path(subjects[key][0].path, key)
        for key, verdicts in comparison.verdicts.items()
        for verdict in verdicts
    ]
    return Judgement(
        [*judgement.verdicts, *compared],
        [*judgement.warnings, *comparison.warnings],
        [*judgement.notes, *comparison.notes],
        comparison.update,
        judgement.sources,
    )


def _card_sizes(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield that a card has more than a limit in GB says, where one does not hold."""
    for verdict in verdicts:
        if verdict.rule == LIMITS[MAX_MEMORY].rule and not verdict.passed and isinstance(verdict.limit, int):
            yield from card_size_note(MAX_MEMORY, verdict.limit)
