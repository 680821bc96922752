"""Accounts that people have at hosts: logging in with them, and the tokens that act for them there."""
