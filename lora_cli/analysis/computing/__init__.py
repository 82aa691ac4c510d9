"""Arrays and cores."""
