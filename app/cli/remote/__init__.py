"""The server from the side of the command line."""
