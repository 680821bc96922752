"""Commands in comments of issues and pull requests, which are answered there (contract gantry-chatops 6.5)."""
