"""What plain git keeps of builds: notes and tags in a real repository, through the outbox."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.builds import flow
from app.builds.model import Build
from app.builds.moments import Moments
from app.db.connect import Database
from app.db.tx import run
from app.moments import Recorders
from app.notify.git import Marker, Marking, tag_of
from app.outbox.worker import Worker
from app.repos import settings
from app.scm.git.host import Git
from app.scm.hosts import Hosts
from tests.builds.farside import OCTOCAT, pipeline
from tests.counting import Counting
from tests.notify.farside import URL, Scene, laid
from tests.scm.repository import Repository


class GitScene(Scene):
    """A scene that sends notes and tags."""

    def worker(self) -> Worker:
        return Worker(self.ports.db, Marker(self.ports.db, self.hosts, URL).channels, "w", self.now_ms, alone=True)


class Marked:
    """A scene whose repository is one of plain git, and wants notes and tags."""

    def __init__(self, scene: Scene, repository: Repository) -> None:
        self.scene = scene
        self.repository = repository

    async def set(self, **changed: Any) -> None:
        db = self.scene.ports.db
        self.scene.repo = await db.write(settings.update(self.scene.repo.id, changed, self.scene.clock()))

    async def pushed(self, status: Any = "success") -> Build:
        """The build of a new commit, which has ended."""
        sha = self.repository.commit()
        self.scene.host.files[sha], self.scene.host.messages[sha] = pipeline(), "change"
        build = await self.scene.push(after=sha)
        await self.scene.run(build.stages[0], status)
        return await self.scene.build(build.number)

    async def promoted(self, number: int, target: str = "production", status: Any = "success") -> Build:
        old = await self.scene.build(number)
        build = await flow.promote(self.scene.ports, self.scene.repo, old, target=target, by=OCTOCAT, params={})
        await self.scene.run(build.stages[0], status)
        return build

    async def leaves(self) -> None:
        await self.scene.leaves()

    def tags(self) -> list[str]:
        return self.repository.git("tag", "-l").split()

    def note(self, sha: str) -> str:
        return self.repository.git("notes", "--ref=ci", "show", sha)


@pytest.fixture
async def marked(db: Database, tmp_path: Path) -> Marked:
    repository = Repository(tmp_path / "root" / "demo")
    repository.commit()
    scene = await laid(db, tmp_path)
    git = Git(tmp_path / "mirrors", [tmp_path / "root"], environ={"PATH": os.environ["PATH"]})
    moments = Moments(db, scene.ports.logs, Recorders(Marking(scene.now_ms).recorder))
    scene = GitScene(**{**vars(scene), "ports": replace(scene.ports, moments=moments), "hosts": Hosts(git)})
    await db.write(run("UPDATE repos SET scm = '', git_http_url = :url", url=repository.url))
    made = Marked(scene, repository)
    await made.set(git_notes=True, git_tags=True)
    return made


async def test_the_end_of_a_build_without_notes_and_tags_costs_one_read_more(marked: Marked) -> None:
    """That of its repository, which says whether it wants any; the start of a build costs nothing."""
    await marked.set(git_notes=False, git_tags=False)
    asked = []
    for recorders in [(), (Marking(marked.scene.now_ms).recorder,)]:
        counting: Any = Counting(marked.scene.ports.db)
        moments = Moments(counting, marked.scene.ports.logs, Recorders(*recorders))
        scene = replace(marked.scene, ports=replace(marked.scene.ports, db=counting, moments=moments))
        await scene.run((await marked.scene.push()).stages[0])
        asked.append(len(counting.statements))

    assert asked[1] - asked[0] == 1
    assert await marked.scene.entries() == []


async def test_a_note_tells_how_all_builds_of_its_commit_have_ended(marked: Marked) -> None:
    build = await marked.pushed()
    await marked.leaves()
    assert marked.note(build.after) == f"1 push success {URL}/octocat/hello-world/1"

    await marked.promoted(1)
    await marked.promoted(1, "staging", "failure")
    await marked.leaves()

    assert marked.note(build.after).splitlines() == [
        f"1 push success {URL}/octocat/hello-world/1",
        f"2 promote production success {URL}/octocat/hello-world/2",
        f"3 promote staging failure {URL}/octocat/hello-world/3",
    ]


async def test_a_promotion_that_succeeds_tags_its_commit(marked: Marked) -> None:
    build = await marked.pushed()
    await marked.promoted(1)
    await marked.promoted(1, "staging", "failure")
    await marked.leaves()

    assert marked.tags() == ["deploy/production/2"]
    assert marked.repository.git("rev-parse", "deploy/production/2^{commit}") == build.after
    told = marked.repository.git("tag", "-l", "--format=%(contents)%(taggeremail)", "deploy/production/2")
    assert told == (
        "Build 2 has brought this commit to production, as build 1 had made it\n\n"
        f"{URL}/octocat/hello-world/2\n<noreply@drone.example.com>"
    )


@pytest.mark.parametrize("of_host", [True, False])
async def test_a_repository_that_does_not_ask_gets_nothing(marked: Marked, of_host: bool) -> None:
    if of_host:
        marked.scene.repo = replace(marked.scene.repo, scm="forge")
        await marked.scene.ports.db.write(run("UPDATE repos SET scm = 'forge'"))
    else:
        await marked.set(git_notes=False, git_tags=False)
    await marked.pushed()

    assert await marked.scene.entries() == []


async def test_what_is_switched_off_before_it_leaves_does_not_leave(marked: Marked) -> None:
    await marked.pushed()
    await marked.promoted(1)
    assert [entry.kind for entry in await marked.scene.entries()] == ["note", "tag"]
    await marked.set(git_notes=False, git_tags=False)
    await marked.leaves()

    assert await marked.scene.entries() == []
    assert marked.tags() == []


async def test_a_repository_that_is_away_gets_its_notes_later(marked: Marked) -> None:
    build = await marked.pushed()
    aside = marked.repository.path.rename(marked.repository.path.with_name("aside"))
    await marked.leaves()
    [entry] = await marked.scene.entries()
    assert (entry.tries, entry.state, entry.host) == (1, "waiting", "git:local")
    assert "not a git repository" in entry.error

    aside.rename(marked.repository.path)
    marked.scene.clock.time += 3600
    await marked.leaves()

    assert await marked.scene.entries() == []
    assert marked.note(build.after).startswith("1 push success")


async def test_a_tag_that_somebody_else_has_made_is_told_of(marked: Marked) -> None:
    await marked.pushed()
    marked.repository.git("tag", "deploy/production/2", "HEAD~1")
    await marked.promoted(1)
    await marked.leaves()

    [entry] = await marked.scene.entries()
    assert (entry.kind, entry.state) == ("tag", "dead")
    assert "deploy/production/2 already" in entry.error


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("production", "deploy/production/7"),
        ("eu/west 1", "deploy/eu-west-1/7"),
        ("..hidden.lock", "deploy/hidden/7"),
        ("a..b~^:?*[\\", "deploy/a-b/7"),
        ("größe", "deploy/größe/7"),
        ("...", "deploy/target/7"),
        ("-x", "deploy/x/7"),
    ],
)
def test_targets_become_names_of_tags(target: str, name: str) -> None:
    assert tag_of(target, 7) == name
