"""Accounts, and how a request shows the account of its caller."""
