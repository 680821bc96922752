"""The settings of the server and of a runner, read once, immutable. Only this package reads the environment."""
