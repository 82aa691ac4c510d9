"""lora-cli: what a parameter-efficient fine-tune costs, exact to the parameter.

>>> from lora_cli import count
>>> count(d=1024, h=1024, r=32).trainable_params
65536
"""

from __future__ import annotations

# Not typing's: an import here would be paid, and could be interrupted, before the program has begun.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from lora_cli.analysis.check.limits import check
    from lora_cli.analysis.count.matrix_count import count
    from lora_cli.analysis.fit.largest_size import fit
    from lora_cli.analysis.forward.random_pass import forward
    from lora_cli.analysis.sweep.matrix_grid import sweep
    from lora_cli.errors import InvalidInput, LoraCliError

__all__ = ["InvalidInput", "LoraCliError", "__version__", "check", "count", "fit", "forward", "sweep"]
__version__ = "0.1.0"

_HOMES = {
    "InvalidInput": "lora_cli.errors",
    "LoraCliError": "lora_cli.errors",
    "check": "lora_cli.analysis.check.limits",
    "count": "lora_cli.analysis.count.matrix_count",
    "fit": "lora_cli.analysis.fit.largest_size",
    "forward": "lora_cli.analysis.forward.random_pass",
    "sweep": "lora_cli.analysis.sweep.matrix_grid",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    # Each question is loaded when it is asked for: a command line asks one a run.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
