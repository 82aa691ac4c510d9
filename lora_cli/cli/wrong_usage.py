"""What a command line that cannot be run gets for an answer: what to type instead."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from lora_cli.cli.application import OWN_OPTIONS, parameters_of
from lora_cli.cli.options.adaptation import TRAINERS_PREFIX, is_flag
from lora_cli.cli.registry import command_names
from lora_cli.errors import SHOWN_CHARACTERS, SHOWN_LONG_CHARACTERS, InvalidInput, choices, meant_by, near_miss, quote
from lora_cli.methods.registry import METHODS, is_field, start_named
from lora_cli.methods.variants import RECIPES, VARIANTS
from lora_cli.output.registry import format_names

# What Typer writes before the options that resemble an unknown one.
TYPERS_NEAR_MISS = " (Possible options: "
# What Typer says of an option that a command does not have, of words behind its last argument, and of none.
TYPERS_UNKNOWN, TYPERS_EXTRA = "No such option: ", "Got unexpected extra argument"
TYPERS_MISSING = "Missing argument"
# The options that three numbers may be meant for.
SIZES = ("-d", "-h", "-r")
# What trainers call an option with its value.
TRAINERS_VALUES = {
    "load_in_4bit": "--quantize nf4",
    "load_in_8bit": "--quantize int8",
    "4bit": "--quantize nf4",
    "8bit": "--quantize int8",
    "qlora": "--quantize nf4",
    "flash_attn": "--attention sdpa",
    "grad_accum": "--accumulate",
    "seq_length": "--seq",
    "context": "--seq",
    "device": "--gpu",
    "bf16": "--dtype bfloat16",
    "fp16": "--dtype float16",
}

# Other words for commands.
OTHER_COMMANDS = {
    "vram": "memory",
    "estimate": "memory",
    "params": "count",
    "compare": "sweep",
    "budget": "fit",
    "lint": "check",
    "show": "inspect",
    "gpus": "cards",
    "list": "models",
}


def refuse_missing_command(argv: Sequence[str]) -> None:
    """Refuse a command line that begins with anything but a command or the program's own options."""
    first, options = argv[0], _options(argv)
    if options[:1] == [_option(first)]:
        if commands := _commands_with(options) or _commands_with(options[:1]):
            raise _missing_command(options[0], commands, argv)
        return
    if f"--{first}" in OWN_OPTIONS:
        raise InvalidInput(f"{quote(first)} is an option; did you mean `lora-cli --{first}`?")
    takes, fitting = _argument_for(first), _commands_with(options) or command_names()
    if commands := [name for name in fitting if _argument_name(name) == takes]:
        raise _missing_command(quote(first), commands, argv)
    meant = OTHER_COMMANDS.get(first.lower(), first)
    raise InvalidInput(f"{quote(first)} is not a command; {choices(meant, command_names())}")


def _missing_command(before: str, commands: Sequence[str], argv: Sequence[str]) -> InvalidInput:
    """Return the error for a command line without a command, which has what these commands take."""
    from shlex import join

    words = list(argv)
    if named := next((word for word in words if word in command_names()), None):
        words.remove(named)
        commands = [named]
    *others, last = commands
    line = join(words)
    line = line if len(line) <= SHOWN_LONG_CHARACTERS else f"{before} ..."
    meant = f"{', '.join(others)} or {last}, e.g. " if others else ""
    return InvalidInput(f"the command before {before} is missing; did you mean {meant}`lora-cli {commands[0]} {line}`?")


def usage_error(typers: str, command: str | None) -> str:
    """Return Typer's message as one line, with this program's words for a near miss."""
    program, named = ("lora-cli", "lora-cli") if command is None else (f"lora-cli {command}", command)
    see = f"see {program} --help"
    message = typers.replace("\n", " ").strip().rstrip(".")
    if command is not None and message.startswith(TYPERS_EXTRA):
        return _too_many(message.partition("(s) (")[2].removesuffix(")"), command)
    message, _, options = message.partition(TYPERS_NEAR_MISS)
    if message.startswith(TYPERS_UNKNOWN):
        wanted = message.removeprefix(TYPERS_UNKNOWN)
        if command is not None and (others := _commands_with([wanted])):
            return f"{command} has no option {wanted}; {', '.join(others)} {'has' if len(others) == 1 else 'have'} it"
        instead = _instead(wanted, command)
        # The dashes that all options begin with resemble nothing.
        resembling = [
            each for each in options.rstrip(")").split(", ") if near_miss(wanted.strip("-"), [each.strip("-")], "")
        ]
        near = near_miss(wanted, resembling, see)
        shown = wanted if len(wanted) <= SHOWN_CHARACTERS else quote(wanted)
        return f"{named} has no option {shown}; {f'did you mean {instead}?' if instead else near}"
    if message.startswith(TYPERS_MISSING) and command is not None:
        return f"{command} needs a {_argument_name(command)}; {see}"
    # Typer repeats the user's word, however long it is.
    if len(message) > SHOWN_LONG_CHARACTERS:
        message = f"{message[:SHOWN_LONG_CHARACTERS]}... ({len(message)} characters)"
    return f"{message}; {see}"


def _too_many(words: str, command: str) -> str:
    """Return what to do with words behind the last argument of a command."""
    if all(map(str.isdecimal, words.split())) and _names(command).issuperset(SIZES):
        return f"{quote(words)} belongs to no option; the sizes of a matrix are given like {' 1024 '.join(SIZES)} 32"
    see, takes = f"see lora-cli {command} --help", _argument_name(command)
    if not takes:
        return f"{command} takes only options, and {quote(words)} is none; {see}"
    several = [name for name in command_names() if _argument_name(name) == takes and _argument(name).nargs < 0]
    if "--target" in _names(command) and not any(map(_argument_for, words.split())):
        instead = "several values of an option have commas between them, e.g. -t q_proj,v_proj"
    else:
        instead = f"`lora-cli {several[0]}` takes several" if several else see
    return f"{command} takes one {takes}, and {quote(words)} is one too many; {instead}"


def _instead(option: str, command: str | None) -> str | None:
    """Return what stands for an option that another case, PEFT's config or a trainer has, or None.

    >>> _instead("-V", "count"), _instead("-M", "count"), _instead("--colour", "count")
    ('`lora-cli -V`', '-m', None)
    >>> _instead("--4bit", "memory"), _instead("--4bit", "count")
    ('--quantize nf4', None)
    >>> _instead("--load-in-4bit", "memory"), _instead("--bf16", "forward"), _instead("--bf16", "count")
    ('--quantize nf4', '--dtype bfloat16', None)
    >>> _instead("--csv", "count"), _instead("--tsv", "models"), _instead("--markdown", None)
    ('--format csv', '--format csv', None)
    >>> _instead("--precision", "memory"), _instead("--card", "memory")
    ('--dtype', '--gpu')
    >>> _instead("--dora", "count"), _instead("--pissa", "fit"), _instead("--dora", "inspect")
    ('--method dora', '--set init_lora_weights=pissa', None)
    >>> _instead("--lora-alpha", "count"), _instead("--use_dora", "fit"), _instead("--use_dora", "inspect")
    ('--alpha', '--set use_dora=true', None)
    """
    names = set(OWN_OPTIONS) if command is None else _names(command)
    if same := sorted(name for name in names if name.lower() == option.lower()):
        return same[0]
    if option in OWN_OPTIONS:
        return f"`lora-cli {option}`"
    if "--format" in names and (meant := _format(option.lstrip("-"))):
        return f"--format {meant}"
    field = option.lstrip("-").replace("-", "_")
    if "--method" in names and field in (*METHODS, *VARIANTS):
        return f"--method {field}"
    if "--set" in names and (start := start_named(field)):
        return f"--set init_lora_weights={start}"
    own = TRAINERS_VALUES.get(field)
    if own is not None and own.partition(" ")[0] in names:
        return own
    if "--method" in names and field in RECIPES:
        return f"--method {RECIPES[field].method}"
    words = {name.lstrip("-"): name for name in names if name.startswith("-")}
    if known := meant_by(field, words):
        return words[known[0]]
    fields = (field, field.removeprefix(TRAINERS_PREFIX)) if "--set" in names else ()
    return next((f"--set {name}={'true' if is_flag(name) else 'VALUE'}" for name in fields if is_field(name)), None)


def _format(word: str) -> str | None:
    """Return the format that a word names, or is another word for."""
    known = format_names()
    return next(iter(meant_by(word, known)), None)


def _argument_for(word: str) -> str | None:
    """Return what a word can be the argument of: a model is a SOURCE, an adapter on disk a PATH, any other word neither.

    >>> _argument_for("gpt2"), _argument_for("org/name"), _argument_for("counts")
    ('SOURCE', 'SOURCE', None)
    """
    from lora_cli.models.peft_names import ADAPTER_CONFIG
    from lora_cli.models.sources.hub_name import hub_name
    from lora_cli.models.sources.preset import preset_named

    if os.path.exists(word):
        return "PATH" if os.path.exists(os.path.join(word, ADAPTER_CONFIG)) else "SOURCE"
    return "SOURCE" if preset_named(word) or hub_name(word) else None


def _options(argv: Sequence[str]) -> list[str]:
    """Return the options of a command line, as far as they can be told from values.

    >>> _options(["gpt2", "-r8", "--alpha=-1", "--set", "x=1", "-"])
    ['-r', '--alpha', '--set']
    """
    return [option for word in argv if (option := _option(word)) is not None]


def _option(word: str) -> str | None:
    """Return the option that a word begins with, or None for a value."""
    if word.startswith("--"):
        return word.partition("=")[0]
    return word[:2] if word[:1] == "-" and word[1:2] and not word[1].isdigit() else None


def _commands_with(options: Sequence[str]) -> list[str]:
    """Return the commands that have all of these options.

    >>> _commands_with(["--per-module"]), _commands_with(["-m", "--gpu"]), _commands_with(["--colour"])
    (['count', 'inspect'], ['sweep', 'fit', 'check', 'memory'], [])
    """
    return [name for name in command_names() if set(options) <= _names(name)]


def _names(command: str) -> set[str]:
    """Return the names of a command's options."""
    return {name for each in parameters_of(command) for name in (*each.opts, *each.secondary_opts)}


def _argument(command: str) -> Any:
    """Return the argument of a command, or None."""
    return next((each for each in parameters_of(command) if each.param_type_name == "argument"), None)


def _argument_name(command: str) -> str:
    """Return what help calls the argument of a command.

    >>> _argument_name("count"), _argument_name("inspect"), _argument_name("forward")
    ('SOURCE', 'PATH', '')
    """
    return "" if (argument := _argument(command)) is None else str(argument.metavar).strip("[]{}.")
