"""The names that image and video models have in the code with which they were published: a file for each model."""
