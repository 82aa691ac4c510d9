"""What LoRA calls the tensors A and B of a module."""

from __future__ import annotations

EMBEDDING_A = "lora_embedding_A"
A_NAMES = ("lora_A.weight", EMBEDDING_A)
B_NAMES = ("lora_B.weight", "lora_embedding_B")
# The B of each A, and the A of each B.
OTHER_FACTOR = dict(zip((*A_NAMES, *B_NAMES), (*B_NAMES, *A_NAMES), strict=True))
