"""The options, each declared once."""
