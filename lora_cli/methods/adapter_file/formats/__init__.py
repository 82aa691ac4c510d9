"""One file for each format of adapter files, found by its name."""
