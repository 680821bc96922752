"""Each host in turn, with its far side and a project there."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.scm.client import Client
from app.scm.forge import Credential
from app.scm.git.host import Git
from app.scm.gitea.host import Gitea
from app.scm.github.host import GitHub
from app.scm.gitlab.host import GitLab
from app.scm.gogs.host import Gogs
from app.scm.host import Host, Source
from app.scm.oauth import Application
from tests.scm.fakes.forge import Forge
from tests.scm.fakes.gitea import Gitea as FakeGitea
from tests.scm.fakes.github import GitHub as FakeGitHub
from tests.scm.fakes.gitlab import GitLab as FakeGitLab
from tests.scm.fakes.gogs import Gogs as FakeGogs
from tests.scm.fakes.project import Project, created
from tests.scm.fakes.serving import serving

SLUG = "octocat/hello-world"
FAKES: dict[str, type[Forge]] = {"github": FakeGitHub, "gitea": FakeGitea, "gitlab": FakeGitLab, "gogs": FakeGogs}
Served = GitHub | Gitea | GitLab | Gogs


def client(name: str, *, timeout: float = 10, attempts: int = 3) -> Client:
    """A client that does not wait long between attempts."""
    return Client(name, timeout=timeout, attempts=attempts, pause=0.001)


@dataclass
class Shown:
    """What calls about repositories show, which a test may change."""

    credential: Credential | None

    async def __call__(self, source: Source) -> Credential | None:
        return self.credential


@dataclass
class Side:
    """A host, and its far side."""

    name: str
    far: Forge
    host: Served
    project: Project
    source: Source
    shown: Shown
    #: The folder for what the host keeps.
    place: Path
    #: The clients to close.
    clients: list[Client] = field(default_factory=list)

    def again(self, *, timeout: float = 10, attempts: int = 3) -> Served:
        """The host as of another server, with other limits."""
        self.clients.append(client(self.name, timeout=timeout, attempts=attempts))
        return served(self.name, self.far, self.clients[-1], self.shown, self.place)


def served(name: str, far: Forge, calling: Client, shown: Shown, place: Path) -> Served:
    """The host, with `place` for what the host keeps."""
    application = Application(far.client_id, far.client_secret, "a b" if name == "github" else "")
    match name:
        case "github":
            return GitHub(calling, shown, server=far.url, application=application)
        case "gitea":
            return Gitea(calling, shown, server=far.url, application=application)
        case "gitlab":
            return GitLab(calling, shown, server=far.url, application=application)
    return Gogs(calling, shown, server=far.url, mirrors=place / "mirrors", environ={"PATH": os.environ["PATH"]})


@pytest.fixture(params=FAKES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of the host."""
    return str(request.param)


@pytest.fixture
def far(name: str, tmp_path: Path) -> Iterator[Forge]:
    made = FAKES[name](tmp_path / "far")
    with serving(made):
        yield made


@pytest.fixture
async def side(name: str, far: Forge, tmp_path: Path) -> AsyncIterator[Side]:
    calling = client(name)
    shown = Shown(Credential("bearer", "octocat-token"))
    project = far.add_project(SLUG)
    source = Source(1, far.clone_url(project), name)
    made = Side(name, far, served(name, far, calling, shown, tmp_path), project, source, shown, tmp_path, [calling])
    yield made
    for one in made.clients:
        await one.close()


@dataclass
class Reading:
    """What every host does, also plain git."""

    name: str
    host: Host
    project: Project
    source: Source
    #: Lets the far side answer nothing any more.
    end: Callable[[], None]


@pytest.fixture(params=[*FAKES, "git"])
async def reading(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reading]:
    if request.param == "git":
        project = created(tmp_path, 1, SLUG, lambda _: "")
        (project.bare / "hooks" / "post-receive").unlink()
        host = Git(tmp_path / "mirrors", [tmp_path], environ={"PATH": os.environ["PATH"]})
        yield Reading(
            *("git", host, project, Source(1, f"file://{project.bare}")),
            end=lambda: shutil.rmtree(project.bare),
        )
        return
    far = FAKES[request.param](tmp_path / "far")
    with serving(far):
        project = far.add_project(SLUG, private=True)
        calling = client(request.param)
        shown = Shown(Credential("bearer", "octocat-token"))
        yield Reading(
            request.param,
            served(request.param, far, calling, shown, tmp_path),
            project,
            Source(1, far.clone_url(project), request.param),
            end=lambda: far.fail("500"),
        )
        await calling.close()
