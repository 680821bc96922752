"""What must be remembered: who did what to what, row after row, in a chain of hashes that shows every later change."""
