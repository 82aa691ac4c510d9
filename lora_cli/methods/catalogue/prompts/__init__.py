"""Prompts: virtual tokens beside a model."""
