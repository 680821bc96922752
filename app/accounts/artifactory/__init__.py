"""Accounts, groups and tokens as clients of Artifactory ask for them."""
