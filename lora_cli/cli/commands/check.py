"""`lora-cli check`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from lora_cli.analysis.check.check import Judgement, NoLimit, check_names, judge, known_names
from lora_cli.analysis.check.path_checks import check_paths
from lora_cli.analysis.check.subject_check import Rules, SubjectCheck, check_count, check_recipe
from lora_cli.analysis.check.verdict import FIELDS
from lora_cli.cli import streams
from lora_cli.cli.answer import Answer
from lora_cli.cli.candidates import list_of
from lora_cli.cli.checked_subjects import CheckedSubjects, checked_subjects
from lora_cli.cli.help_text import LIMITS, SUBJECT
from lora_cli.cli.options.configuration import Configuration
from lora_cli.cli.options.destination import DestinationOptions
from lora_cli.cli.options.limits import LimitOptions
from lora_cli.cli.options.training import TrainingOptions
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.cli.pyproject_checks import listed_checks
from lora_cli.cli.pyproject_file import CHECKS, FILE, SECTION
from lora_cli.cli.pyproject_paths import terms_of_paths, told_as_table
from lora_cli.cli.pyproject_settings import OwnRules, Settings, read_settings
from lora_cli.cli.pyproject_tables import section_model, section_named
from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.output import Report
from lora_cli.output.report import ERRORS, errors_part

# Its records are verdicts.
JUDGES = True


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    return ("path", *FIELDS)


def check(
    presentation: Presentation,
    configuration: Configuration,
    limits: LimitOptions,
    destination: DestinationOptions,
    training: TrainingOptions,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...", help="Adapters, their configs, or models: paths or names.", rich_help_panel=SUBJECT
        ),
        INPUT,
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="All findings that fail: error, warning (errors too), note (all), or codes, which alone replace error, "
            "e.g. error,zero-b; may be repeated.  [default: error]",
            autocompletion=list_of(partial(known_names, "fail_on")),
            rich_help_panel=LIMITS,
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODES",
            help="Findings to ignore, e.g. zero-b,nan; may be repeated.",
            autocompletion=list_of(partial(known_names, "ignore")),
            rich_help_panel=LIMITS,
        ),
    ] = None,
    lock: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Compare the counts with those that FILE records, and fail on any difference; lock in pyproject.toml "
            "without a subject.",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    update_lock: Annotated[
        bool,
        typer.Option(
            "--update-lock", help="Record what is new or has changed in --lock's FILE.", rich_help_panel=LIMITS
        ),
    ] = False,
) -> Answer:
    """Check adapters against limits, and find what is wrong with them.

    \b
    Examples:
      lora-cli check my-adapter --max-bytes 50MB --fail-on warning
      lora-cli check my-adapter --loads-in vllm --max-rank 64
      lora-cli check -m llama-3.2-3b -t q_proj,v_proj -r 32 --max-params 10M
      lora-cli check -d 4096 -h 4096 -r 16 --max-percent 1 --max-params 200K
      lora-cli check -d 4096 -h 4096 -r 16 --expect-params 131072
      lora-cli check --format github

    A PATH is the folder or a file of a trained adapter, an
    adapter_config.json (with --model), or a model; a name of a preset or
    on the Hub may take its place. --loads-in finds what a program would
    refuse in a trained adapter, or load otherwise. A limit holds at
    equality. The exit code is 0 if all limits hold, 1 if one does not, and
    2 if the check could not run. Limits can also be set in [tool.lora-cli]
    of pyproject.toml, e.g. max-params = "20M"; an option wins over them.
    Without a subject on the command line, it checks the subject of each
    table [[tool.lora-cli.check]] there, e.g. path = "my-adapter"; such a
    table also holds for its PATH on the command line.
    """
    project = read_settings(known_names)
    is_listed = bool(project.tables) and not paths and configuration == Configuration()
    if is_listed and lock is None and project.lock is not None:
        lock = project.path(project.lock)
    presentation.check_kept([project.inputs()])
    _refuse_same_file(lock, presentation.output)
    options = OwnRules(
        limits.read(),
        None if fail_on is None else check_names("fail_on", fail_on),
        None if ignore is None else check_names("ignore", ignore),
        destination.loaders(),
        destination.peft_version,
    )
    with section_named(project, options):
        if is_listed:
            found = listed_checks(project, options, training.read(), needs_limit=lock is None)
        elif paths:
            found = _checked_paths(paths, configuration, project, options, training.read())
        else:
            rules = options.over(project.rules).complete(training.read())
            found = checked_subjects([_subject_check(configuration, project, rules)])
    if update_lock and found.troubles:
        # A lock is brought up to date as a whole.
        raise InvalidInput(found.troubles[0].message)
    try:
        judgement = judge(found.checks, lock, update_lock=update_lock)
    except NoLimit as error:
        raise InvalidInput(f"{error}; a limit can also be set in pyproject.toml") from None
    report = _report(judgement, found)
    if judgement.lock_update is not None:
        from lora_cli.analysis.check.lock_file import write_lock

        streams.check_output(judgement.lock_update.path)
        # A run that will be refused records nothing.
        presentation.writer(report.command, report.fields, report.size, judged=report.judged)
        write_lock(judgement.lock_update)
    troubles = [trouble.message for trouble in found.troubles]
    return Answer(report, presentation, judgement.warnings, judgement.notes, troubles)


def _refuse_same_file(lock: str | None, output: str | None) -> None:
    if lock is not None and output is not None and os.path.realpath(output) == os.path.realpath(lock):
        raise InvalidInput(
            f"{argument('lock')} and {argument('output')} are both {quote_long(lock)}; "
            f"give {argument('output')} another FILE"
        )


def _checked_paths(
    paths: Sequence[str],
    configuration: Configuration,
    project: Settings,
    options: OwnRules,
    training: Mapping[str, Any],
) -> CheckedSubjects:
    """Return the checks of what the paths lead to."""
    if configuration.recipe is not None:
        raise InvalidInput(
            f"{argument('recipe')} says what is adapted, and so does {argument('paths')}; drop one of them"
        )
    if configuration.has_matrix:
        raise InvalidInput(
            f"{argument('d')} and {argument('h')} describe one matrix, so they conflict with {argument('paths')}; "
            "drop one of them"
        )
    from lora_cli.models.sources.read_model import read_model

    base = None if configuration.names_subject else section_model(project)
    model = None if configuration.model is None else read_model(configuration.model)
    terms = terms_of_paths(project, options, training, model)
    found = check_paths(paths, terms, configuration.adaptation(), default_model=base)
    return checked_subjects(told_as_table(each, project) for each in found)


def _subject_check(configuration: Configuration, project: Settings, rules: Rules) -> SubjectCheck:
    """Return the check of what the options name."""
    if configuration.recipe is not None:
        return _recipe_check(configuration.recipe, configuration, rules)
    base = None if configuration.names_subject else section_model(project)
    if not configuration.has_subject and base is None:
        sizes = ", ".join(map(argument, ("d", "h", "r")))
        listed = (
            f"; the subjects in {FILE} need no option that adapts one"
            if project.tables
            else f", or list what to check in {FILE}, a table [[tool.{SECTION}.{CHECKS}]] each"
        )
        raise InvalidInput(
            f"there is nothing to check; give the {argument('paths')} of an adapter, {argument('model')}, "
            f"or one matrix with {sizes}{listed}"
        )
    return check_count(configuration.count_subject(base), rules)


def _recipe_check(recipe: str, configuration: Configuration, rules: Rules) -> SubjectCheck:
    """Return the check of what a recipe adapts, and of its training where a limit is of memory."""
    return check_recipe(
        recipe, configuration.model, configuration.adaptation(), rules, d=configuration.d, h=configuration.h
    )


def _report(judgement: Judgement, found: CheckedSubjects) -> Report:
    """Return a record for each verdict, with its path where there are paths."""
    rows = [tuple(verdict.values()) for verdict in judgement.verdicts]
    parts = {
        "sources": judgement.sources,
        "assumptions": [said for check in found.checks for said in check.assumptions],
        ERRORS: errors_part(found.troubles),
    }
    findings = found.findings()
    return Report(
        "check",
        FIELDS if None in found.locations else ("path", *FIELDS),
        [rows],
        len(rows),
        listing=True,
        parts={
            **({} if findings is None else {"findings": findings}),
            **{name: part for name, part in parts.items() if part},
        },
        failures=[verdict.failure() for verdict in judgement.verdicts],
        troubles=found.troubles,
        locations={path: location for path, location in found.locations.items() if location is not None},
        design="check",
    )
