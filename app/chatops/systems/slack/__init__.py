"""Slack: a slash command, buttons, and messages that change (contract gantry-chatops 2)."""
