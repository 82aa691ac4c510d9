"""What a server of adapters preallocates for them."""
