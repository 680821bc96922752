"""Sealing: encryption of values in the database, its keys, and sealing all values with a new key."""
