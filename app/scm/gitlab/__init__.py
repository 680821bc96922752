"""GitLab: its API and its webhooks."""
