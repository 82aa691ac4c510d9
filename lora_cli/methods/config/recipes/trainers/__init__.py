"""The trainers whose recipes are read, a declaration each."""
