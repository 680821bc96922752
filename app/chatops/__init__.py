"""Promotion from a chat: commands that people type, buttons that they press, and messages that follow a promotion."""
