"""Routes of repositories."""
