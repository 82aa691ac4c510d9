"""The known models and methods."""
