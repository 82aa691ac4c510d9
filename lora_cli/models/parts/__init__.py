"""What families are built of: layers, attention, feed-forward blocks, experts, bodies and heads."""
