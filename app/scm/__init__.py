"""Where the code lives: git repositories and their hosts."""
