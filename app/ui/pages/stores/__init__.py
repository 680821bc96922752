"""Pages of what promotions move: artifacts, build-info, release bundles."""
