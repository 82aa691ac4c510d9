"""The words that people write into a table of pyproject.toml for one of its keys."""

from __future__ import annotations

# What options, PEFT and trainers call what a key says.
OTHER_WORDS = {
    "r": ("rank", "lora-rank", "lora-r"),
    "alpha": ("lora-alpha",),
    "target": ("target-modules", "lora-target", "modules"),
    "method": ("peft-type", "finetuning-type"),
    "set": ("settings", "fields"),
    "d": ("in-features",),
    "h": ("out-features",),
    "base": ("base-model", "base-model-name-or-path"),
    "path": ("folder", "adapter-path"),
    "loads-in": ("loader",),
    "max-bytes": ("max-size",),
    "max-memory": ("max-vram",),
}
KEY_OF = {word: key for key, words in OTHER_WORDS.items() for word in words}


def key_meant(word: str) -> str:
    """Return the key that a word stands for, or the word itself, spelled as keys are.

    >>> key_meant("rank"), key_meant("lora_alpha"), key_meant("max_params")
    ('r', 'alpha', 'max-params')
    """
    spelled = word.replace("_", "-")
    return KEY_OF.get(spelled.lower(), spelled)
