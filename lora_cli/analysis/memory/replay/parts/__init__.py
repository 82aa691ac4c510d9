"""What blocks are made of, run operation by operation: a file each."""
