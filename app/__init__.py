"""Gantry: a self-hosted promotion server that Drone's clients can talk to."""
