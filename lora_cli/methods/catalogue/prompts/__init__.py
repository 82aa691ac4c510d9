"""Methods that add virtual tokens to a model and adapt none of its modules."""
