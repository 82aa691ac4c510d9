"""What forward passes share: encoders, the heads of classes, and how much of a head is rotated."""
