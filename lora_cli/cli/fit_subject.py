"""The options of `fit` as what is fitted: a subject, and a config whose size is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.cli.options import shared as options
from lora_cli.cli.options import subject
from lora_cli.errors import InvalidInput
from lora_cli.models import MAX_DIMENSION
from lora_cli.quantities import parse_whole

if TYPE_CHECKING:
    from lora_cli.analysis.fit.largest_size import Opened
    from lora_cli.models.model import Model


class Subject(NamedTuple):
    """A model, or the sizes of one matrix."""

    model: Model | None
    d: int
    h: int


def read_subject(d: str | None, h: str | None, model: str | None) -> Subject:
    """Return the subject that the options name."""
    if model is not None:
        from lora_cli.models.sources.read_model import read_model

        if d is not None or h is not None:
            raise InvalidInput("-d and -h are one matrix's, --model is a model; leave one of them out")
        return Subject(read_model(model), 0, 0)
    for option, text in zip(options.SIZES, (d, h), strict=False):
        if text is None:
            raise InvalidInput(f"{option} is missing; one matrix takes {', '.join(options.SIZES[:2])}, a model --model")
    sizes = (
        options.read(option, text or "", parse_whole, 1, MAX_DIMENSION)
        for option, text in zip(options.SIZES, (d, h), strict=False)
    )
    return Subject(None, *sizes)


def opened(what: Subject, how: subject.How) -> tuple[Opened, list[str]]:
    """Return one method's config on a subject, its size open, and a warning for each field of a file that is not known."""
    from lora_cli.methods import method_named

    if what.model is None and how.target is not None:
        raise InvalidInput("--target names modules of a model; give --model too")
    fields, source = subject.config_fields(how, of_model=what.model is not None, needs_rank=False)
    if how.adapter is not None:
        # The file's own size is what another is looked for in place of.
        knob = method_named(str(fields.get("peft_type", "lora"))).knob
        fields = {name: value for name, value in fields.items() if name != knob}
    found, unknown = _opened(what, how, fields, source)
    if unknown and how.adapter is None:
        raise subject.unknown_field(source, unknown[0])
    return found, subject.unknown_warnings(source, unknown)


def each_opened(what: Subject, hows: Sequence[subject.How]) -> list[Opened | InvalidInput]:
    """Return the configs of several methods, or why there is none: a field is given to those of them that have it."""
    from lora_cli.methods import check_name, method_named

    names = [check_name(how.method or "") for how in hows]
    alphas = any(method_named(name).alpha is not None for name in names)
    found: list[Opened | InvalidInput] = []
    lost: list[set[str]] = []
    for name, how in zip(names, hows, strict=True):
        method = method_named(name)
        fitting = how._replace(alpha=None) if alphas and method.alpha is None else how
        fields, source = subject.config_fields(fitting, of_model=what.model is not None, needs_rank=False)
        try:
            _, unknown = subject.read_fields(how, fields, source)
            lost.append(set(unknown))
            known = {name: value for name, value in fields.items() if name not in unknown}
            found.append(_opened(what, how, known, source)[0])
        except InvalidInput as refusal:
            found.append(refusal)
    for field in sorted(set.intersection(*lost)) if lost else ():
        raise subject.unknown_field(f"method {names[0]}", field)
    return found


def _opened(what: Subject, how: subject.How, fields: dict[str, object], source: str) -> tuple[Opened, list[str]]:
    from lora_cli.analysis.count.adapted_matrix import adapted_matrix
    from lora_cli.analysis.count.model_count import ModelCount
    from lora_cli.analysis.fit.largest_size import Opened

    config, unknown = subject.read_fields(how, fields, source)
    start = adapted_matrix(what.d, what.h, config) if what.model is None else ModelCount(what.model, config)
    return Opened(start, fields, source), unknown
