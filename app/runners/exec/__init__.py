"""The exec runner: runs a stage as processes of its machine. It has no access to the database."""
