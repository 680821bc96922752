"""Repositories, the rights of accounts in them, and their secrets."""
