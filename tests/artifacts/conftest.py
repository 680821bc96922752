"""What tests of artifacts share: a server for a module, and those who call it."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.acceptance.server import Server

NOW = 1_700_000_000_000
REPOSITORIES = "/artifactory/api/repositories"


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
