"""How each method computes beside a module that it adapts: a file each."""
