"""PEFT's rules: which modules a config means."""
