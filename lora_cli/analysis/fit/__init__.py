"""The largest adapter inside a budget."""
