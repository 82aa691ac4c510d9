"""The loaders: one file for each, whose functions are its rules."""
