"""What families are built of: layers, and what most decoders or sequence-to-sequence models share."""
