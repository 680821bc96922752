"""Repositories of hosts: their list, the rights in them, and the credentials of calls about them."""
