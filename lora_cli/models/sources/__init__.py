"""Where a model can be read from, a reader each."""
