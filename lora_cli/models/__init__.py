"""What is adapted: each source of a model becomes the same list of modules."""

from lora_cli.models.matrix import MAX_DIMENSION, matrix

__all__ = ["MAX_DIMENSION", "matrix"]
