"""The sources that a model can be read from. Each has a reader, and `read_model` chooses one."""
