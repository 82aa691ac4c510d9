"""A training step, replayed on a tape of what PyTorch allocates, saves and frees."""
