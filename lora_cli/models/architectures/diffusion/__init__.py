"""Models of diffusers, which make images and videos."""
