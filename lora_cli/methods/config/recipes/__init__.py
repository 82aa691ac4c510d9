"""A trainer's own configuration, read as what it means to PEFT: the base model, the adapter, and how it is trained."""
