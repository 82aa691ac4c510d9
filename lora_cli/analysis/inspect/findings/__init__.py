"""What can be wrong with a trained adapter: one function for each finding, in files by subject."""
