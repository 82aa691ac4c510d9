"""The output formats, a file each. The name of a format is that of its file, and FORMAT declares it."""
