"""Mattermost: a slash command, buttons, and messages that change (contract chatops 3)."""
