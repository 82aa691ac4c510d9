"""The files of an adapter: what PEFT writes, to the byte, and what a trained adapter on disk holds."""
