"""The settings of a repository, for its administrators: one subject a page."""
