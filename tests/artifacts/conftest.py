"""What tests of artifacts share."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.acceptance.server import Server
from tests.artifacts.site import NOW, Site

__all__ = ["NOW"]

REPOSITORIES = "/artifactory/api/repositories"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with the local repository `libs`, for all tests of a module."""
    with Site(tmp_path_factory.mktemp("artifacts")) as site:
        site.repo("libs")
        yield site


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose administrator is `octocat`."""
    with Server(tmp_path_factory.mktemp("artifacts") / "server") as started:
        yield started


@pytest.fixture(scope="module")
def ada(server: Server) -> Iterator[httpx2.Client]:
    """A client of an account that is granted nothing at first."""
    with server.account("ada") as client:
        yield client


@pytest.fixture(scope="module")
def stranger(server: Server) -> Iterator[httpx2.Client]:
    """A client without an account."""
    with server.visitor() as client:
        yield client
