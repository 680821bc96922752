"""Plain git repositories: the first host."""
