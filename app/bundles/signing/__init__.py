"""Keys, signatures and signed statements."""
