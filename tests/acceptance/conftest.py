"""What acceptance tests share: a server for a module, with a git repository and its first build."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.server import Server
from tests.scm.repository import Repository

SLUG = "octocat/hello-world"
Begin = Callable[[str], tuple[Server, Repository]]


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    """Start a server with one repository that has this pipeline file, and wait until its push was built."""
    begun: list[Server] = []

    def make(pipeline: str) -> tuple[Server, Repository]:
        folder = tmp_path_factory.mktemp("acceptance")
        repository = Repository(folder / "hello-world")
        server = Server(folder / "server", git_roots=str(folder))
        begun.append(server)
        server.start()
        first_build(server, repository, pipeline)
        return server, repository

    yield make
    for server in begun:
        server.__exit__()


def first_build(server: Server, repository: Repository, pipeline: str) -> None:
    """Register the repository and build the push of its first commit."""
    sha = repository.commit({".drone.yml": pipeline}, "Add the pipeline")
    server.register(repository.url, SLUG)
    assert server.push(SLUG, sha).json()["number"] == 1
    server.finished(SLUG, 1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Server, Repository]]:
    """A server that one test may break, not yet started, and an empty repository it may read."""
    server = Server(tmp_path / "server", git_roots=str(tmp_path))
    yield server, Repository(tmp_path / "hello-world")
    server.__exit__()
