"""Vectors, rows and whole parameters."""
