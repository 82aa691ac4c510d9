"""A file per format."""
