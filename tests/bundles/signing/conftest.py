"""What tests of keys and signatures share."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.acceptance.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose administrator is `octocat`."""
    with Server(tmp_path_factory.mktemp("signing") / "server") as started:
        yield started


@pytest.fixture(scope="module")
def ada(server: Server) -> Iterator[httpx2.Client]:
    """A client of an account that is granted nothing."""
    with server.account("ada") as client:
        yield client
