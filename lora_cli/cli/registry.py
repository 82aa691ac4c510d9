"""The commands by name. A command is one file in `commands`, which is imported when the command is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import cache
from importlib import import_module
from inspect import Parameter, Signature, signature
from types import ModuleType
from typing import Annotated, Any, get_args

from lora_cli.cli import commands
from lora_cli.cli.answer import Answer
from lora_cli.cli.candidates import Candidates, list_of, one_of
from lora_cli.cli.options.groups import group_parameters, is_group
from lora_cli.cli.options.subject import Offline
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.models.network import network_use
from lora_cli.models.streams import stream_key
from lora_cli.output.registry import AUTO, formats_help, formats_of

# commands/list_models.py is `models`: its file name must not look like that of models/model.py.
LISTING = "list_"
SUFFIX = ".py"

# The option of each command that reads a model or an adapter.
OFFLINE = Parameter("offline", Parameter.KEYWORD_ONLY, default=False, annotation=Offline)

# The option of the commands whose answers can be drawn.
PLOT = "plot"

Command = Callable[..., Answer]


@cache
def command_names() -> tuple[str, ...]:
    """Return the names of all commands in the order of help: some first, then the rest, then the listings.

    >>> command_names()
    ('count', 'forward', 'sweep', 'fit', 'check', 'inspect', 'memory', 'explain', 'cards', 'methods', 'models')
    """
    stems = [name.removesuffix(SUFFIX) for name in os.listdir(commands.__path__[0]) if name.endswith(SUFFIX)]
    known = {stem.removeprefix(LISTING): stem.startswith(LISTING) for stem in stems if not stem.startswith("_")}
    first = {name: place for place, name in enumerate(commands.FIRST)}
    return tuple(sorted(known, key=lambda name: (first.get(name, len(first)), known[name], name)))


def is_listing(name: str) -> bool:
    """Whether a command lists what is known, instead of answering a question.

    >>> is_listing("models"), is_listing("count")
    (True, False)
    """
    return not os.path.exists(os.path.join(commands.__path__[0], name + SUFFIX))


def command_outline(name: str) -> Callable[[], None]:
    """Return a function that has the first line of a command's help and nothing else, and load nothing for it.

    It is all that the program's own help shows of a command, whose module loads what an answer takes.

    >>> command_outline("models").__doc__
    'List the bundled models.'
    """
    stem = LISTING + name if is_listing(name) else name
    with open(os.path.join(commands.__path__[0], stem + SUFFIX), encoding="utf-8") as file:
        source = file.read()

    def outline() -> None:
        pass

    _, _, function = source.partition(f"\ndef {name}(")
    outline.__doc__ = function.split('"""')[1].partition("\n")[0]
    return outline


@cache
def command_function(name: str, *, with_help: bool) -> Command:
    """Return the function of a command with the signature that Typer reads: its own options and those of all commands.

    A parameter that is a group of options is replaced by these options, and the function gets them as that group.
    `with_help` says whether the run shows help; only then are all formats read for the help of `--format`.
    """
    module = _module(name)
    function: Command = getattr(module, name)
    judged = judges(name)
    formats = formats_help(judged=judged) if with_help else ""
    candidates = {
        "format": one_of(lambda: (AUTO, *formats_of(judged=judged))),
        "field": list_of(lambda: fields_of(name)),
    }
    own = signature(function, eval_str=True).parameters.values()
    parameters, common = [], []
    groups: dict[str, tuple[Any, list[str]]] = {}
    for parameter in own:
        group = parameter.annotation
        if not is_group(group):
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
            continue
        options = group_parameters(group)
        groups[parameter.name] = group, [option.name for option in options]
        if group is Presentation:
            common = [
                _of_command(option, formats, candidates.get(option.name))
                for option in options
                if option.name != PLOT or has_plot(name)
            ]
            groups[parameter.name] = group, [option.name for option in common]
        else:
            parameters += options

    def run(**values: Any) -> Answer:
        tracker = None
        offline = bool(inputs) and values.pop(OFFLINE.name)
        sources = [values[option] for option in inputs]
        _refuse_shared_streams(dict(zip(inputs, sources, strict=True)))
        for place, (group, options) in groups.items():
            values[place] = group(**{option: values.pop(option) for option in options})
            if group is Presentation:
                values[place].check_kept(sources)
                values[place].check_plot()
                tracker = values[place].tracked
        with network_use(offline=offline, tracker=tracker):
            return function(**values)

    inputs = [option.name for option in parameters if INPUT in get_args(option.annotation)]
    parameters += [OFFLINE, *common] if inputs else common
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def fields_of(name: str) -> Iterable[str]:
    """Return the fields that the records of a command can have, each once."""
    return dict.fromkeys(_module(name).field_names())


def judges(name: str) -> bool:
    """Whether the records of a command are verdicts."""
    return getattr(_module(name), "JUDGES", False)


def has_plot(name: str) -> bool:
    """Whether a command's answers can be drawn."""
    return getattr(_module(name), "PLOTS", False)


def _module(name: str) -> ModuleType:
    stem = LISTING + name if is_listing(name) else name
    return import_module(f"{commands.__name__}.{stem}")


def _refuse_shared_streams(sources: Mapping[str, object]) -> None:
    """Refuse two options, or one option twice, that would read the same stream."""
    readers: dict[str, str] = {}
    for option, source in sources.items():
        for path in source if isinstance(source, list) else [source]:
            stream = stream_key(path) if isinstance(path, str) else None
            if stream is None:
                continue
            if stream in readers:
                named = "standard input" if stream == "-" else quote_long(stream)
                both = " and ".join(dict.fromkeys((argument(readers[stream]), argument(option))))
                raise InvalidInput(f"{both}: {named} can be read only once; give the other one as a file")
            readers[stream] = option


def _of_command(parameter: Parameter, formats: str, candidates: Candidates | None) -> Parameter:
    """Return an option of all commands as one command has it: with its formats in help, and its own names to offer."""
    kind, option = get_args(parameter.annotation)
    option = copy(option)
    option.help, option.autocompletion = option.help.replace("{formats}", formats), candidates or option.autocompletion
    return parameter.replace(annotation=Annotated[kind, option])
