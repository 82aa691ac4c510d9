"""Orthogonal transformations of a weight."""
