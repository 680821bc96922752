"""The output of steps: its files, and the plain text made from them."""
