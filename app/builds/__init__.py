"""Builds, their stages and steps: how they begin, advance and end, and how clients read them."""
