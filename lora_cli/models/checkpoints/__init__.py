"""Safetensors checkpoints: headers, shards, packed weights, and what they say of a model."""
