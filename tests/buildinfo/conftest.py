"""What tests of build-info share: a real server, and for each test a project of its own."""

import itertools
from collections.abc import Iterator

import pytest

from tests.acceptance.server import Server
from tests.buildinfo.project import Project

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests."""
    with Server(tmp_path_factory.mktemp("buildinfo")) as started:
        yield started


@pytest.fixture
def project(server: Server) -> Iterator[Project]:
    """A project that nothing was published to."""
    made = Project(server, f"p{next(_numbers)}")
    yield made
    made.close()
