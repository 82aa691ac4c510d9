"""The question "why does the trainer print this count?"."""
