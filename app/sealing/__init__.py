"""What must not be read at rest: seals, their keys, and sealing anew."""
