"""The audit record: one row for each moment, in a chain of hashes that shows every later change of a row."""
