"""What is adapted: every source becomes modules, the places in a model that hold a weight."""

from lora_cli.models.matrix import MAX_DIMENSION, matrix
from lora_cli.models.nodes import Module

__all__ = ["MAX_DIMENSION", "Module", "matrix"]
