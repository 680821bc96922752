"""Searches in AQL, the language of Artifactory's queries (contract artifactory-storage 7)."""
