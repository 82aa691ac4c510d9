"""The methods by name. A method's module is imported when it is asked for, and only then."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.tensors import Tensor
from lora_cli.models import Module

METHODS = {"lora": "lora_cli.methods.lora"}


class Method(NamedTuple):
    """A method: its name and, for a module and a rank, the tensors that it adds."""

    name: str
    tensors: Callable[[Module, int], tuple[Tensor, ...]]


def method_named(name: str) -> Method:
    """Return the method called `name`.

    >>> method_named("lora").name
    'lora'
    >>> method_named("lorra")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: method 'lorra' is not known; choose from: lora
    """
    if name not in METHODS:
        raise InvalidInput(f"method {quote(name)} is not known; choose from: {', '.join(METHODS)}")
    method = import_module(METHODS[name]).METHOD
    assert isinstance(method, Method)
    return method
