"""Servers of the user's own that have a say: asked over HTTP, signed (contract drone-webhooks 4, 5, 13)."""
