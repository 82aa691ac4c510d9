"""What the programs that load adapters refuse or leave out: a file of the catalogue for each of them."""
