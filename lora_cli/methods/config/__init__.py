"""From an adapter_config.json or options to one config."""
