"""Deliveries of pushes: each becomes one build at most, and waits while its repository cannot be read."""
