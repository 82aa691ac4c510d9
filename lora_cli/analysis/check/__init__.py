"""Whether limits hold: the question of a CI job."""
