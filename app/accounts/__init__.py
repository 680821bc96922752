"""Accounts and how a caller shows which one is theirs."""
