"""The command line's clients of the server."""
