"""The question "which configuration prints this log line?"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsIndex, overload

from lora_cli.analysis.explain.belief import TARGETS, read_belief
from lora_cli.analysis.explain.candidates import GUESSED
from lora_cli.analysis.explain.log_reading import read_log
from lora_cli.analysis.explain.match import FIELDS, Match
from lora_cli.analysis.explain.printed_count import FULL, Figure, PrintedCount
from lora_cli.analysis.explain.search import MOST_CHANGES, families, search
from lora_cli.analysis.result import html_table, text_table
from lora_cli.analysis.subject import Subject, read_subject
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.quantities import count_text
from lora_cli.time_limit import time_limit

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.models.model import Source

MOST_MATCHES = 5
SECONDS = 15.0


@dataclass(frozen=True, repr=False)
class Explanation(Sequence[Match]):
    """The configurations that make exactly the printed count, ranked by how little they change; empty where none does.

    `printed` is what the log says, `missing` the sentence that nothing makes it, and `assumptions` what a recipe said.
    """

    matches: tuple[Match, ...]
    printed: PrintedCount
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missing: str | None = None
    assumptions: tuple[str, ...] = ()
    fields = FIELDS

    @overload
    def __getitem__(self, index: int) -> Match: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Match, ...]: ...
    def __getitem__(self, index: int | slice) -> Match | tuple[Match, ...]:
        return self.matches[index]

    def __len__(self) -> int:
        return len(self.matches)

    @property
    def log(self) -> dict[str, str | int | None]:
        """What the log says: the line, who prints such lines, and its figures, rounded where the line rounds them."""
        whole = self.printed.all
        return {
            "line": self.printed.line,
            "format": self.printed.format,
            "trainable_params": self.printed.trainable.middle,
            "all_params": None if whole is None else whole.middle,
        }

    @property
    def alternatives(self) -> list[dict[str, str | int]]:
        """The further configurations of each match, by the number of the match among the `results`."""
        return [
            {"match": number, "cause": other.cause, "config": other.config}
            for number, match in enumerate(self.matches)
            for other in match.others
        ]

    @property
    def title(self) -> tuple[str, ...]:
        """What is explained, in words."""
        return (_said(self.printed),)

    def __repr__(self) -> str:
        return f"Explanation({', '.join(repr(match.cause) for match in self.matches)})"

    def __str__(self) -> str:
        """Return the table that `print` shows, or why there is none."""
        return text_table((tuple(match.values()) for match in self.matches), self.fields) or str(self.missing)

    def _repr_html_(self) -> str:
        return html_table(self.fields, (tuple(match.values()) for match in self.matches))


def explain(
    text: str | SupportsIndex,
    model: Source | None = None,
    *,
    r: SupportsIndex | None = None,
    method: str | None = None,
    settings: Mapping[str, object] | None = None,
    target: str | Sequence[str] | None = None,
    alpha: float | None = None,
    adapter: str | PathLike[str] | None = None,
    recipe: str | PathLike[str] | None = None,
) -> Explanation:
    """Say which configurations print a trainer's count, and so why it is not what was expected.

    text           a log line, or the number of trained parameters alone, or a whole log, of which the last count is
                   explained
    model          the base model, as `count` takes it; without it, the one that an `adapter` or a `recipe` names, or a
                   bundled model that makes the figure of all parameters
    recipe         path of the trainer's own configuration, which is what is believed; what is given beside it replaces
                   what it says
    ...            what is believed to be configured, as `count` takes it

    Up to three things are changed of what is believed, and a match makes both printed figures to the last digit.

    >>> found = explain("trainable params: 6,815,744 || all params: 8,037,076,992", "llama-3.1-8b", target="all-linear", r=16)
    >>> found[0].cause, found[0].config
    ("the targets are q_proj,v_proj, PEFT's default, not all-linear", '{"peft_type": "LORA", "r": 16}')

    `InvalidInput` is raised for a text without a count, and for what PEFT refuses.
    """
    log = read_log(text)
    subject, how = _believed(model, Adaptation(method, r, alpha, target, settings or {}, adapter), recipe)
    base = subject.model
    belief = read_belief(how)
    if base is None and log.printed.all is None:
        known = "says only a rounded size, not" if log.printed.is_nominal else "does not say"
        raise InvalidInput(
            f"{argument('model')} is missing, and the line {known} how many parameters there are in all, by which "
            "a model could be found; give the model"
        )
    with time_limit(SECONDS, "looking for the configuration", "give the targets and the rank that you believe"):
        if base is not None and belief.is_stated(TARGETS):
            # What PEFT refuses was not what ran: the refusal says what is wrong with it.
            belief.check(base)
        grouped = families(search(belief, base, log.printed))
    found = [Match(first, [Match(each) for each in others]) for first, *others in grouped]
    missing = guess = None
    if found and log.printed.all is None and all(GUESSED in first.kinds for first, *_ in grouped):
        guess = (
            "no usual choice of targets makes it; with the line's count of all parameters, other base models are tried"
        )
    if not found and base is not None and log.printed.trainable == (base.full_params, base.full_params):
        missing = f"every weight of {base.name} is trained: {FULL}"
    elif not found:
        advice = "" if base is not None else f"; give {argument('model')}, if it is not a bundled one"
        missing = f"no configuration with up to {MOST_CHANGES} changes makes exactly {_said(log.printed)}{advice}"
    return Explanation(
        tuple(found[:MOST_MATCHES]),
        log.printed,
        (*belief.warnings, *log.warnings, *(() if base is None else base.warnings)),
        (*log.notes, *(() if base is None else base.notes), *filter(None, [guess, missing])),
        missing,
        subject.assumptions,
    )


def _believed(model: Source | None, how: Adaptation, recipe: str | PathLike[str] | None) -> tuple[Subject, Adaptation]:
    """Return the base model, if any is named, and how it is believed to be adapted."""
    if recipe is not None:
        from lora_cli.analysis.recipe import follow_recipe

        followed = follow_recipe(recipe, model, [how])
        return followed.subject, followed.hows[0]
    is_named = model is not None or how.adapter is not None
    return read_subject(None, None, model, how.adapter) if is_named else Subject(None), how


def _said(printed: PrintedCount) -> str:
    """Return a count for people."""
    trained = f"{_text(printed.trainable)} trained"
    return trained if printed.all is None else f"{trained} of {_text(printed.all)}"


def _text(figure: Figure) -> str:
    return count_text(figure.middle) if figure.is_exact else f"about {count_text(figure.middle)}"
