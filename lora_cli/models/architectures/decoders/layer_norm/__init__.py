"""Decoders whose norms are LayerNorms: those before Llama, and later ones of that kind."""
