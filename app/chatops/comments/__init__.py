"""Commands in comments of issues and pull requests, which are answered there (contract chatops 6.5)."""
