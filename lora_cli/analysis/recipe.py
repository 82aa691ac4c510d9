"""A trainer's recipe as what a caller would otherwise name: the model, how it is adapted, and how it is trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lora_cli.analysis.limits import DEFAULT_SEQ
from lora_cli.analysis.subject import Subject
from lora_cli.errors import InvalidInput, argument, question
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.arguments import config_fields, read_fields, target_modules
from lora_cli.methods.config.recipes.recipe import Reading, Recipe, read_recipe
from lora_cli.methods.registry import FULL

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.models.model import Model, Source


UNQUANTISED = "none"
DROPOUT, PARAMETERS = "lora_dropout", "target_parameters"


class Followed(NamedTuple):
    """What a recipe comes to: the model, its adaptations, and the keywords of its training."""

    subject: Subject
    hows: Sequence[Adaptation]
    training: Mapping[str, Any]


def follow_recipe(
    path: str | PathLike[str],
    model: Source | None,
    hows: Sequence[Adaptation],
    training: Mapping[str, Any] | None = None,
    *,
    without: Collection[str] = (),
    d: object = None,
    h: object = None,
    allows_full: bool = False,
) -> Followed:
    """Return what the recipe in a file says, with the arguments that are given instead of its own.

    Each of `hows` may say of the adapter what the recipe does not decide then, and `training` of the training; without
    one, nothing is asked of that. What is in `without` is not read. A recipe that trains every weight is refused unless
    the question `allows_full`. The subject has what was used of the recipe, and its model the warnings and notes on it.
    """
    _refuse_conflicts({"d": d, "h": h, "adapter": next((how.adapter for how in hows if how.adapter is not None), None)})
    recipe = read_recipe(path)
    trains_all = _trains_all(recipe, hows)
    _refuse_quantised(recipe, hows, training or {}, without, allows_full=allows_full)
    if trains_all and not allows_full:
        raise InvalidInput(
            f"{recipe.source} trains every weight ({recipe.whole()}), so there is no adapter to count; "
            f"{question('memory')} says what its training takes, or {_other_method(recipe)}"
        )
    base, reading = _model(recipe, model)
    left_out = _left_out(recipe, base, [how for how in hows if how.method or not trains_all], without)
    reading = reading.plus(Reading([], [], [_refused(recipe, name) for name in left_out], [], []))
    adapted = []
    for how in hows:
        if trains_all and how.method is None:
            adapted.append(how._replace(method=FULL))
            reading = reading.plus(Reading([f"method {FULL} ({recipe.whole()})"], [], [], [], []))
            continue
        if how.method == FULL and allows_full:
            adapted.append(how)
            without = (*without, "adapter_dtype")
            continue
        found, read = recipe.adaptation(base, how, (*without, *left_out))
        adapted.append(found)
        reading = reading.plus(read)
    trained: Mapping[str, Any] = {}
    if training is not None:
        trained, read = recipe.training(training, without)
        reading = reading.plus(read)
        if "seq" not in {*trained, *without}:
            reading.uses.append(_assumed_length(recipe))
    doubts = () if training is None else (reading.more, reading.less)
    more, less = (tuple(dict.fromkeys(each)) for each in doubts or ((), ()))
    summary = recipe.summary(reading, training=training is not None, without=without)
    said = replace(
        base,
        warnings=(*base.warnings, *dict.fromkeys((*recipe.unknown(), *reading.doubts))),
        notes=(summary.note, *dict.fromkeys(reading.replaced), *base.notes),
        unreplayed=more,
        overstated=less,
    )
    named = recipe.base_fields() if model is None else {}
    return Followed(
        Subject(said, assumptions=(*summary.assumptions, *dict.fromkeys((*more, *less))), base=named), adapted, trained
    )


def _refuse_quantised(
    recipe: Recipe,
    hows: Sequence[Adaptation],
    training: Mapping[str, Any],
    without: Collection[str],
    *,
    allows_full: bool,
) -> None:
    """Refuse a quantised base where every weight is trained, and name what says each: the recipe or an argument."""
    trains_all, other_method = _trains_all(recipe, hows), _other_method(recipe)
    asked = training.get("quantize")
    if trains_all and allows_full and asked not in (None, UNQUANTISED):
        raise InvalidInput(
            f"{argument('quantize')}: {recipe.source} trains every weight ({recipe.whole()}), and a quantised model cannot "
            f"be trained whole; drop it, or {other_method}"
        )
    if asked is None and "quantize" not in without:
        if trains_all:
            recipe.refuse_quantised(recipe.whole(), other_method)
        elif allows_full and any(how.method == FULL for how in hows):
            recipe.refuse_quantised(f"{argument('method')} {FULL}", f"give {argument('quantize')} {UNQUANTISED}")


def _trains_all(recipe: Recipe, hows: Sequence[Adaptation]) -> bool:
    """Whether the recipe trains every weight, and no argument says otherwise."""
    return recipe.trains_all and any(how.method is None for how in hows)


def _other_method(recipe: Recipe) -> str:
    return f"give {argument('method')}{recipe.meant_for(recipe.trainer.method)}"


def _left_out(recipe: Recipe, model: Model, hows: Sequence[Adaptation], without: Collection[str]) -> tuple[str, ...]:
    """Return the dropout where PEFT refuses the recipe's (`lora.layer.ParamWrapper`) for one of several adaptations.

    How much is trained does not depend on it, and axolotl trains such places without one.
    """
    for how in hows:
        if how.method != FULL and DROPOUT not in how.settings:
            found, _ = recipe.adaptation(model, how, without)
            if found.settings.get(DROPOUT) and _adapts_parameters(model, found):
                return (DROPOUT,)
    return ()


def _refused(recipe: Recipe, name: str) -> str:
    return (
        f"{recipe.source}: {recipe.setting(name)} is left out, because PEFT refuses it on bare parameters such as fused "
        "experts; set it to 0"
    )


def _adapts_parameters(model: Model, how: Adaptation) -> bool:
    """Whether bare parameters are targets, or become targets for modules of experts that are fused in the model."""
    from lora_cli.methods.targeting.fused_experts import with_experts
    from lora_cli.methods.targeting.patterns import matching_time_limit

    if how.settings.get(PARAMETERS):
        return True
    with matching_time_limit(len(model.nodes)):
        for target in _points(how.target):
            given = config_fields(how._replace(target=target), of_model=True, needs_rank=False)
            if with_experts(model, read_fields(how, given).config).target_parameters:
                return True
    return False


def _points(target: Any) -> list[Any]:
    """Return the targets of a list of names, or of an axis of a sweep, whose points are texts or lists of names.

    >>> _points(["q_proj", "v_proj"]), _points(["q_proj", "all-linear"]), _points([["q_proj"], ["v_proj"]])
    ([['q_proj', 'v_proj']], [['q_proj', 'all-linear'], 'all-linear'], [['q_proj'], ['v_proj']])
    """
    if target is None or isinstance(target, str):
        return [target]
    names = [each for each in target if isinstance(each, str)]
    return [*([names] if names else []), *(each for each in target if each not in names or not _is_name(each))]


def _is_name(text: str) -> bool:
    # A command line with spaces behind its commas leaves these on the names.
    name = text.strip(", ")
    return target_modules(name) == [name]


def _assumed_length(recipe: Recipe) -> str:
    field = recipe.trainer.training["seq"].fields[0]
    return f"seq {DEFAULT_SEQ}, or the model's longest input (memory's default, as {field} is not set)"


def _refuse_conflicts(given: Mapping[str, object]) -> None:
    for name, value in given.items():
        if value is not None:
            raise InvalidInput(
                f"{argument(name)} conflicts with {argument('recipe')}, which says what is adapted and how; drop one of them"
            )


def _model(recipe: Recipe, model: Source | None) -> tuple[Model, Reading]:
    """Return the model that is given, or the one that the recipe names."""
    from lora_cli.models.sources.read_model import read_model
    from lora_cli.models.streams import is_stream

    if model is not None:
        return read_model(model), recipe.replaced_model()
    name, reading = recipe.base_model()
    # What a file says must not make the program wait for a stream.
    if name is None or is_stream(name):
        raise InvalidInput(recipe.no_base_model())
    try:
        return read_model(name), reading
    except InvalidInput as error:
        raise InvalidInput(
            f"{recipe.source}: its base model cannot be read; give {argument('model')}: {error}"
        ) from error
