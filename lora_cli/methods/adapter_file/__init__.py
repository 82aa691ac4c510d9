"""The file that PEFT saves, and trained adapters on disk."""
