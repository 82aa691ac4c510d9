"""Text decoders within models of several modalities, which transformers also has as models."""
