"""The output of steps: files, and text made of them."""
