"""LoRA, and the methods that build on it."""
