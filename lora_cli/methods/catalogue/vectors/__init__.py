"""Methods that train vectors, rows or whole parameters."""
