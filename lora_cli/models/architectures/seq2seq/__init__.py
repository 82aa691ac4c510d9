"""Sequence-to-sequence models of text."""
