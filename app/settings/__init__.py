"""The settings of the server and of a runner: the only readers of the environment, read once, frozen."""
