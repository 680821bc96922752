"""Artifacts: blobs, the repositories and items that name them, their properties, search, and who may do what."""
