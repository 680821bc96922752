"""The input and output of the commands at a terminal."""
