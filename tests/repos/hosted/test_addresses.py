"""Steps clone the repository that is meant, also when another one has its old name at the host."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.errors import Unreadable
from app.repos.hosted import addresses
from app.repos.hosted.addresses import Addresses
from app.repos.model import Repo
from app.scm.forge import Credential
from app.scm.gitea.host import Gitea
from app.scm.gogs.host import Gogs
from app.scm.hosts import Hosts
from tests.builds.farside import FakeHost
from tests.scm.fakes.forge import Forge
from tests.scm.fakes.gitea import Gitea as FakeGitea
from tests.scm.fakes.gogs import Gogs as FakeGogs
from tests.scm.fakes.project import Project
from tests.scm.fakes.serving import serving
from tests.scm.forge.conftest import Shown, client


@dataclass
class Scene:
    far: Forge
    project: Project
    repo: Repo
    addresses: Addresses
    shown: Shown


@pytest.fixture(params=["gitea", "gogs"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    """A repository at a host that can be asked by the id, and at one that cannot."""
    name: str = request.param
    far = FakeGitea(tmp_path) if name == "gitea" else FakeGogs(tmp_path)
    with serving(far):
        calling, shown = client(name, attempts=1), Shown(Credential("token", "octocat-token"))
        made = Gitea if name == "gitea" else Gogs
        project = far.add_project("octocat/web", private=True)
        repo = Repo(1, "octocat", "web", str(project.id), scm=name, git_http_url=far.clone_url(project))
        found = Addresses(Hosts(FakeHost(), made(calling, shown, server=far.url)), shown)
        yield Scene(far, project, repo, found, shown)
        await calling.close()


async def test_a_repository_that_has_its_name_has_its_addresses(scene: Scene) -> None:
    assert await scene.addresses(scene.repo) is scene.repo


async def test_a_newcomer_at_the_old_name_is_never_cloned(scene: Scene) -> None:
    scene.far.rename(scene.project, "octocat/moved")
    scene.far.add_project("octocat/web")

    if scene.repo.scm == "gogs":
        with pytest.raises(Unreadable, match="another repository by now"):
            await scene.addresses(scene.repo)
    else:
        found = await scene.addresses(scene.repo)
        assert (found.git_http_url, found.slug) == (f"{scene.far.url}/octocat/moved.git", "octocat/web")


async def test_a_repository_that_is_gone_is_not_cloned(scene: Scene) -> None:
    scene.far.remove(scene.project)

    with pytest.raises(Unreadable) as caught:
        await scene.addresses(scene.repo)

    assert caught.value.code == "repository_gone"


@pytest.mark.parametrize("fault", ["500", "limit", "silent"])
async def test_a_host_that_does_not_tell_is_not_waited_for(
    scene: Scene, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PATIENCE", 0.2)
    scene.far.fail(fault)

    assert await scene.addresses(scene.repo) is scene.repo


async def test_who_may_not_see_a_private_repository_is_told_nothing(scene: Scene) -> None:
    scene.shown.credential = None

    assert await scene.addresses(scene.repo) is scene.repo
    assert scene.far.requests == []


async def test_plain_git_and_what_no_host_of_the_settings_has_stays(scene: Scene) -> None:
    for repo in (Repo(2, "plain", "git", "plain/git"), Repo(3, "an", "other", "7", scm="github")):
        assert await scene.addresses(repo) is repo
