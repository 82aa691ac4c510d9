"""Models that join a tower and a text decoder of any kind by a projector, as LLaVA does."""
