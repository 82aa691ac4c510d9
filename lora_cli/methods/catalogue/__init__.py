"""One file per PEFT method, in folders by family."""
