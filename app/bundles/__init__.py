"""Release bundles: one signed set of artifacts, promoted through environments."""
