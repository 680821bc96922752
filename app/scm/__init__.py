"""Git repositories and their hosts."""
