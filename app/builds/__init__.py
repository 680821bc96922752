"""Builds, their stages and steps: how they begin, advance, end and are told of."""
