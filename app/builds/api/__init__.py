"""Routes of builds, their logs and their changes."""
