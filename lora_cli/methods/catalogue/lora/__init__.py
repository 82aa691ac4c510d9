"""LoRA and the methods that share its configuration."""
