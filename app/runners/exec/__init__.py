"""The exec runner: runs a stage as processes of its machine. It knows no database."""
