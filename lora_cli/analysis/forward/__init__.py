"""A forward pass, merged and factored."""
