"""Safetensors checkpoints: headers, shards, packed weights, and the model that they hold."""
