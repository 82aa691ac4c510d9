"""lora-cli: what a parameter-efficient fine-tune costs, exact to the parameter.

Everything that the command line does is a function here:

>>> from lora_cli import count
>>> count(d=1024, h=1024, r=32).trainable_params
65536
>>> count(model="llama-3.1-8b", target="all-linear", r=16).trainable_params
41943040

A result has its fields as attributes, `.record()` as a dict, and goes straight into a pandas DataFrame.
"""

from __future__ import annotations

# Not typing's: an import here would be paid, and could be interrupted, before the program has begun.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_cli.analysis.check.check import NoLimit, check
    from lora_cli.analysis.check.verdict import Verdict
    from lora_cli.analysis.count.count import Count, count
    from lora_cli.analysis.explain.explain import Explanation, explain
    from lora_cli.analysis.explain.match import Match
    from lora_cli.analysis.fit.budget import DoesNotFit
    from lora_cli.analysis.fit.fit import Fit, fit
    from lora_cli.analysis.forward.forward import Forward, forward
    from lora_cli.analysis.inspect.findings.declaration import Finding
    from lora_cli.analysis.inspect.inspect import Inspection, inspect
    from lora_cli.analysis.inspect.spectrum_figures import Spectrum
    from lora_cli.analysis.memory.memory import Memory, memory
    from lora_cli.analysis.memory.serving.serving import Serving
    from lora_cli.analysis.sweep.sweep import Sweep, sweep
    from lora_cli.errors import InvalidInput, LoraCliError, OutputFailed, UnreadableFile
    from lora_cli.methods.adapter_file.read_adapter import read_adapter
    from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
    from lora_cli.models.model import Model
    from lora_cli.models.sources.read_model import read_model
    from lora_cli.time_limit import TookTooLong

__all__ = [
    "Count",
    "DoesNotFit",
    "Explanation",
    "Finding",
    "Fit",
    "Forward",
    "Inspection",
    "InvalidInput",
    "LoraCliError",
    "Match",
    "Memory",
    "Model",
    "NoLimit",
    "OutputFailed",
    "Serving",
    "Spectrum",
    "Sweep",
    "TookTooLong",
    "TrainedAdapter",
    "UnreadableFile",
    "Verdict",
    "__version__",
    "check",
    "count",
    "explain",
    "fit",
    "forward",
    "inspect",
    "memory",
    "read_adapter",
    "read_model",
    "sweep",
]
__version__ = "0.2.0"

# Each name's module, which is imported when the name is asked for: a command line asks one question per run.
_MODULES = {
    "lora_cli.analysis.check.check": ("NoLimit", "check"),
    "lora_cli.analysis.check.verdict": ("Verdict",),
    "lora_cli.analysis.count.count": ("Count", "count"),
    "lora_cli.analysis.explain.explain": ("Explanation", "explain"),
    "lora_cli.analysis.explain.match": ("Match",),
    "lora_cli.analysis.fit.budget": ("DoesNotFit",),
    "lora_cli.analysis.fit.fit": ("Fit", "fit"),
    "lora_cli.analysis.forward.forward": ("Forward", "forward"),
    "lora_cli.analysis.inspect.findings.declaration": ("Finding",),
    "lora_cli.analysis.inspect.spectrum_figures": ("Spectrum",),
    "lora_cli.analysis.inspect.inspect": ("Inspection", "inspect"),
    "lora_cli.analysis.memory.memory": ("Memory", "memory"),
    "lora_cli.analysis.memory.serving.serving": ("Serving",),
    "lora_cli.analysis.sweep.sweep": ("Sweep", "sweep"),
    "lora_cli.errors": ("InvalidInput", "LoraCliError", "OutputFailed", "UnreadableFile"),
    "lora_cli.methods.adapter_file.read_adapter": ("read_adapter",),
    "lora_cli.methods.adapter_file.trained_adapter": ("TrainedAdapter",),
    "lora_cli.models.model": ("Model",),
    "lora_cli.models.sources.read_model": ("read_model",),
    "lora_cli.time_limit": ("TookTooLong",),
}


def __getattr__(name: str) -> object:
    from importlib import import_module
    from types import FunctionType

    module = next((module for module, names in _MODULES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    if isinstance(value, FunctionType):
        value = _naming_arguments(value)
    globals()[name] = value
    return value


def _naming_arguments(function: Callable[..., object]) -> Callable[..., object]:
    """Return a public function that answers an argument that it does not have with the one that is meant.

    >>> count(model="gpt2", rank=16)
    Traceback (most recent call last):
    TypeError: count() has no argument rank=16; did you mean r?
    >>> count(model="gpt2", use_dora=True)
    Traceback (most recent call last):
    TypeError: count() has no argument use_dora=True; did you mean settings={"use_dora": True}?
    >>> fit(model="gpt2", gpu="4090")
    Traceback (most recent call last):
    TypeError: fit() has no argument gpu='4090'; did you mean training={"gpu": '4090'}?
    """
    from functools import wraps

    @wraps(function)
    def named(*args: object, **kwargs: object) -> object:
        try:
            return function(*args, **kwargs)
        except TypeError:
            from inspect import signature

            from lora_cli.analysis.memory.arguments import TrainingArguments
            from lora_cli.errors import choices, meant_by, quote
            from lora_cli.methods.registry import is_field

            known = tuple(signature(function).parameters)
            unknown = next((name for name in kwargs if name not in known), None)
            if unknown is None:
                raise
            given = f"{unknown}={quote(kwargs[unknown])}"
            instead = choices(unknown, known)
            if not meant_by(unknown, known):
                inner = f'{{"{unknown}": {quote(kwargs[unknown])}}}'
                if "training" in known and unknown in TrainingArguments.__annotations__:
                    instead = f"did you mean training={inner}?"
                elif is_field(unknown):
                    of = "" if "settings" in known else " of count"
                    instead = f"did you mean settings={inner}{of}?"
            raise TypeError(f"{function.__name__}() has no argument {given}; {instead}") from None

    # Where pickle finds it.
    named.__module__ = __name__
    return named


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
