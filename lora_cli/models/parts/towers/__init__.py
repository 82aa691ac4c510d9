"""Towers of models of several modalities that are not models by themselves, and what towers share."""
