"""Models whose tower merges neighbouring patches into words, as Qwen2-VL's does."""
