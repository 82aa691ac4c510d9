"""The config of an adapter, and how it is read from an adapter_config.json or from options."""
