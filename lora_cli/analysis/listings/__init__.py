"""What is known: models and methods."""
