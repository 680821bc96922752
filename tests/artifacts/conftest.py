"""What tests of artifacts share."""

from collections.abc import Iterator

import pytest

from tests.artifacts.site import NOW, Site

__all__ = ["NOW"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with the local repository `libs`, for all tests of a module."""
    with Site(tmp_path_factory.mktemp("artifacts")) as site:
        site.repo("libs")
        yield site
