"""What a trained adapter holds."""
