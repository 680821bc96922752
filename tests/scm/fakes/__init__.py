"""Far sides of hosts: they speak real HTTP on loopback, and their data are real git repositories."""
