"""A name is the repository's that is meant: after a rename, the old name may be another repository's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from app.errors import AppError, NotFound, Unreadable
from app.scm import served
from app.scm.forge import Compares, Credential, Deployment, Deployments, Status, Statuses
from app.scm.host import Source
from tests.scm.fakes.project import Project
from tests.scm.forge.conftest import SLUG, Served, Side

TARGET = "https://ci.example.com/hook"
#: Hosts that are asked for a repository by its id, and so follow a rename.
FOLLOWING = {"github", "gitea", "gitlab"}

Reads = Callable[[Served, Source], Awaitable[object]]
READS: dict[str, Reads] = {
    "branch": lambda host, source: host.branch(source, "main"),
    "commit of a branch": lambda host, source: host.commit(source, "main"),
    "commit of a ref": lambda host, source: host.commit(source, "refs/heads/main"),
    "commit of HEAD": lambda host, source: host.commit(source, "HEAD"),
    "commit of a tag": lambda host, source: host.commit(source, "refs/tags/v1"),
    "default branch": lambda host, source: host.default_branch(source),
    "tips": lambda host, source: host.tips(source, "main"),
    "address": lambda host, source: host.found(source),
}


@dataclass
class Renamed:
    """A repository that was renamed at its host, and the one that has its old name now."""

    side: Side
    project: Project
    newcomer: Project
    #: The repository as it is known here, by its old name.
    source: Source

    @property
    def host(self) -> Served:
        return self.side.host


@pytest.fixture
def renamed(side: Side) -> Renamed:
    side.project.push({".drone.yml": "kind: pipeline"}, "ours")
    side.project.tag("v1")
    source = replace(side.source, uid=str(side.project.id))
    side.far.rename(side.project, "octocat/moved")
    newcomer = side.far.add_project(SLUG, default_branch="trunk")
    for branch in ("main", "trunk"):
        newcomer.push({".drone.yml": "kind: evil"}, "theirs", branch)
    newcomer.tag("v1")
    side.far.requests.clear()
    return Renamed(side, side.project, newcomer, source)


@pytest.mark.parametrize("what", READS)
async def test_what_a_name_means_is_read_from_the_repository_that_is_meant(renamed: Renamed, what: str) -> None:
    if renamed.side.name not in FOLLOWING:
        with pytest.raises(Unreadable, match="another repository by now: synchronise") as caught:
            await READS[what](renamed.host, renamed.source)
        assert caught.value.code == "another_repository"
        return
    there = Source(1, renamed.side.far.clone_url(renamed.project), renamed.side.name)

    found = await READS[what](renamed.host, renamed.source)

    assert found == await READS[what](renamed.side.again(), there)
    assert found != await READS[what](renamed.side.again(), replace(renamed.source, uid=""))


async def test_a_file_and_a_commit_of_an_id_are_not_those_of_the_newcomer(renamed: Renamed) -> None:
    ours, theirs = (one.resolve("refs/heads/main") or "" for one in (renamed.project, renamed.newcomer))

    with pytest.raises(AppError):
        await renamed.host.read_file(renamed.source, theirs, ".drone.yml")
    with pytest.raises(AppError):
        await renamed.host.commit(renamed.source, theirs)
    if renamed.side.name in FOLLOWING:
        assert await renamed.host.read_file(renamed.source, ours, ".drone.yml") == "kind: pipeline"
        assert (await renamed.host.commit(renamed.source, ours)).message.strip() == "ours"
        assert isinstance(renamed.host, Compares)
        assert await renamed.host.changed(renamed.source, ours) == (".drone.yml",)


async def test_nothing_is_written_to_the_newcomer(renamed: Renamed) -> None:
    host, source = renamed.host, renamed.source
    sha = renamed.project.resolve("refs/heads/main") or ""
    renamed.newcomer.git("fetch", "-q", str(renamed.project.bare), "main")  # it has our commit, too
    writes = [host.install_hook(source, TARGET, "a key"), host.remove_hook(source, f"{TARGET}/other")]
    if isinstance(host, Statuses):
        writes.append(host.put_status(source, Status(sha, "ci/push", "success", "passing", "https://ci.example.com/1")))
    if isinstance(host, Deployments):
        deployment = Deployment(sha, "refs/heads/main", "production", "running", "x", "https://ci.example.com/1")
        writes.append(_made(host.put_deployment(source, "", deployment)))

    for write in writes:
        if renamed.side.name in FOLLOWING:
            await write
        else:
            with pytest.raises(Unreadable, match="another repository"):
                await write

    theirs, ours = renamed.newcomer, renamed.project
    assert (theirs.hooks, theirs.statuses, theirs.deployments) == ([], [], [])
    follows = renamed.side.name in FOLLOWING
    assert len(ours.hooks) == follows
    assert len(ours.statuses) == (follows and isinstance(host, Statuses))
    assert len(ours.deployments) == (follows and isinstance(host, Deployments))


async def _made(making: Awaitable[str]) -> None:
    assert await making


@pytest.mark.parametrize("what", READS)
async def test_of_a_repository_that_is_gone_nothing_is_read(renamed: Renamed, what: str) -> None:
    renamed.side.far.remove(renamed.project)

    with pytest.raises((NotFound, Unreadable)):
        await READS[what](renamed.host, renamed.source)


async def test_the_rights_in_a_repository_are_those_in_the_one_that_is_meant(renamed: Renamed) -> None:
    shown = Credential("bearer", "octocat-token")

    found = await renamed.host.repository(shown, SLUG, str(renamed.project.id))

    follows = renamed.side.name in FOLLOWING
    assert found.uid == str((renamed.project if follows else renamed.newcomer).id)


async def test_a_host_is_asked_once_more_at_most(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked more is asked anew a short time later: then a newcomer is found out."""
    sha = side.project.push({"a": "1"})
    source = replace(side.source, uid=str(side.project.id))
    now = [1_000_000.0]
    side.clients[0].clock = lambda: now[0]

    for _ in range(3):
        assert (await side.host.branch(source, "main")).sha == sha

    assert len(side.far.requests) == 3 + (side.name in {"gitea", "gogs"})
    side.far.rename(side.project, "octocat/moved")
    side.far.add_project(SLUG).push({"a": "2"})
    now[0] += served.FRESH
    if side.name in FOLLOWING:
        assert (await side.host.branch(source, "main")).sha == sha
    else:
        with pytest.raises(Unreadable, match="another repository"):
            await side.host.branch(source, "main")


async def test_a_repository_whose_id_is_not_known_is_asked_for_by_its_name(side: Side) -> None:
    side.project.push({"a": "1"})

    await side.host.branch(side.source, "main")

    (asked,) = side.far.requests
    assert "hello-world" in asked.path
