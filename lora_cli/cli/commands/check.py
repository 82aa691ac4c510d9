"""`lora-cli check`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from lora_cli.analysis.check.check import Judgement, NoLimit, check_names, judge, known_names
from lora_cli.analysis.check.subject_check import FAIL_ON, Rules, SubjectCheck, check_count, check_paths
from lora_cli.analysis.check.verdict import FIELDS
from lora_cli.cli import streams
from lora_cli.cli.answer import Answer
from lora_cli.cli.options.configuration import Configuration
from lora_cli.cli.options.limits import LimitOptions
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.cli.pyproject_settings import Settings, read_settings
from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.output import Report

# Its records are verdicts.
JUDGES = True


def check(
    presentation: Presentation,
    configuration: Configuration,
    limits: LimitOptions,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Adapters, their configs, or models: paths or names."),
        INPUT,
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Findings that fail: error, warning, note or a code; may be repeated.  [default: error]",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Findings to ignore; may be repeated.")
    ] = None,
    lock: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Compare the counts with those that FILE records, and fail on any difference."
        ),
    ] = None,
    update_lock: Annotated[
        bool, typer.Option("--update-lock", help="Record in the FILE of --lock what is new or has changed.")
    ] = False,
) -> Answer:
    """Check adapters against limits, and find what is wrong with them.

    \b
    A PATH is the folder or a file of a trained adapter, an
    adapter_config.json (with --model), or a model; a name of a preset or
    on the Hub may take its place. A limit holds at
    equality. The exit code is 0 if all limits hold, 1 if one does not, and
    2 if the check could not run. Limits can also be set in [tool.lora-cli]
    of pyproject.toml, e.g. max-params = "20M"; an option wins over them.

    \b
    Examples:
      lora-cli check -d 4096 -h 4096 -r 16 --max-percent 1 --max-params 200K
      lora-cli check -d 4096 -h 4096 -r 16 --expect-params 131072
      lora-cli check --model llama-3.2-3b --target q_proj,v_proj -r 32 --max-params 10M
      lora-cli check my-adapter --max-bytes 50MB --fail-on warning
    """
    project = read_settings(known_names)
    presentation.check_kept([project.source])
    rules = _rules(project, limits, fail_on, ignore)
    _refuse_same_file(lock, presentation.output)
    try:
        judgement = judge(_subjects(paths or [], configuration, rules), lock, update_lock=update_lock)
    except NoLimit as error:
        raise InvalidInput(f"{error}; a limit can also be set in pyproject.toml") from None
    report = _report(judgement, with_paths=bool(paths))
    if judgement.lock_update is not None:
        from lora_cli.analysis.check.lock_file import write_lock

        streams.check_output(judgement.lock_update.path)
        # A run that will be refused records nothing.
        presentation.writer(report.command, report.fields, report.size, judged=report.judged)
        write_lock(judgement.lock_update)
    return Answer(report, presentation, judgement.warnings, judgement.notes)


def _rules(
    project: Settings, limits: LimitOptions, fail_on: Sequence[str] | None, ignore: Sequence[str] | None
) -> Rules:
    """Return the rules of pyproject.toml, replaced one by one by those of the options."""
    default_fail_on = FAIL_ON if project.fail_on is None else project.fail_on
    return Rules(
        {**project.limits, **limits.read()},
        default_fail_on if fail_on is None else check_names("fail_on", fail_on),
        project.ignore or () if ignore is None else check_names("ignore", ignore),
    )


def _refuse_same_file(lock: str | None, output: str | None) -> None:
    if lock is not None and output is not None and os.path.realpath(output) == os.path.realpath(lock):
        raise InvalidInput(
            f"{argument('lock')} and {argument('output')} are both {quote_long(lock)}; "
            f"give {argument('output')} another FILE"
        )


def _subjects(paths: Sequence[str], configuration: Configuration, rules: Rules) -> list[SubjectCheck]:
    """Return the checks of what the paths lead to, or of what the options name."""
    if paths and configuration.has_matrix:
        raise InvalidInput(
            f"{argument('d')} and {argument('h')} describe one matrix, so they conflict with {argument('paths')}; "
            "drop one of them"
        )
    if paths:
        return list(check_paths(paths, rules, configuration.model, configuration.adaptation()))
    if not configuration.has_subject:
        sizes = ", ".join(map(argument, ("d", "h", "r")))
        raise InvalidInput(
            f"there is nothing to check; give the {argument('paths')} of an adapter, {argument('model')}, "
            f"or one matrix with {sizes}"
        )
    return [check_count(configuration.count_subject(), rules)]


def _report(judgement: Judgement, *, with_paths: bool) -> Report:
    """Return a record for each verdict, with its path where there are paths."""
    rows = [tuple(verdict.values()) for verdict in judgement.verdicts]
    failures = [verdict.failure() for verdict in judgement.verdicts]
    fields = ("path", *FIELDS) if with_paths else FIELDS
    parts = {"sources": judgement.sources} if judgement.sources else {}
    return Report("check", fields, [rows], len(rows), listing=True, parts=parts, failures=failures, design="check")
