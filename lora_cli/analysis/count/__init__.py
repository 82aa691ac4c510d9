"""What one adapter costs."""
