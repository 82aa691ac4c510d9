"""What is adapted: each source of a model becomes the same list of modules."""

from lora_cli.models.matrix import MAX_DIMENSION, matrix
from lora_cli.models.nodes import Module

__all__ = ["MAX_DIMENSION", "Module", "matrix"]
