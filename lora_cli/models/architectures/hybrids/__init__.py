"""Models whose layers mix tokens by a state or a short convolution, with attention in some layers or in none."""
