"""Gogs: its API and its webhooks."""
