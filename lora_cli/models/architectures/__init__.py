"""A file for each model family, in folders by kind; `lora_cli.models.registry` finds them by their names."""
