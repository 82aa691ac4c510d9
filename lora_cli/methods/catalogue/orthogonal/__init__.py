"""Methods that transform a weight by orthogonal matrices."""
