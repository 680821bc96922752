"""A repository, for it has sealed values."""

from tests.repos.conftest import owner, repo

__all__ = ["owner", "repo"]
