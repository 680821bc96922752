"""Routes of release bundles."""
