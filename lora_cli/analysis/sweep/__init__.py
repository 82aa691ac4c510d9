"""A grid of counts."""
