"""Versions of release bundles as files: their export and their import."""
