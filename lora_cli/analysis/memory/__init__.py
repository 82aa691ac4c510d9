"""What GPU memory a training step takes."""
