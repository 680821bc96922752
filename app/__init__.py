"""Gantry: a self-hosted promotion server that Drone's clients can talk to."""

#: The name under which the package index knows this project; `importlib.metadata` tells the version of that name.
DISTRIBUTION = "gantry-server"
