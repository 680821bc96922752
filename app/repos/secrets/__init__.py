"""Secrets: named values for steps. They are sealed in the database, never shown, and opened only for a runner."""
