"""Whether limits hold."""
