"""Gitea and Forgejo: its API and its webhooks."""
