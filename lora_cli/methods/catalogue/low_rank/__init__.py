"""Other updates of low rank."""
