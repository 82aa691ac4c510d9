"""Towers that see or hear within larger models, and that transformers also has as models."""
