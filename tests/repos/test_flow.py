"""Registering a plain git repository."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from app.accounts.model import User
from app.db.connect import Database
from app.db.window import Window
from app.errors import Conflict, Invalid, Problem, Unreadable
from app.repos import flow, model, store
from app.repos.model import Permissions, Repo
from app.scm.hook import Delivery, Notice
from app.scm.host import Commit, Source
from app.scm.hosts import Hosts
from app.sealing.seal import Seal
from tests.repos.conftest import NOW

SEAL = Seal("a key of the test")


class Host:
    """Knows every repository, and their default branch."""

    def __init__(self, branch: str = "trunk", refuses: str = "ftp://", failure: Exception | None = None) -> None:
        self.branch_of_head, self.refuses, self.failure = branch, refuses, failure
        self.asked: list[Source] = []

    name = ""

    def serves(self, url: str) -> bool:
        return True

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        raise AssertionError("there was no webhook")

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        raise AssertionError("there was no webhook")

    def check_url(self, url: str) -> None:
        if url.startswith(self.refuses):
            raise Invalid.of([Problem("git_http_url", "bad_url", "git_http_url must be file, https or ssh")])

    async def default_branch(self, source: Source) -> str:
        self.asked.append(source)
        if self.failure is not None:
            raise self.failure
        return self.branch_of_head

    async def branch(self, source: Source, name: str) -> Commit:
        raise AssertionError("nobody asked for a branch")

    async def commit(self, source: Source, name: str) -> Commit:
        raise AssertionError("nobody asked for a commit")

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        raise AssertionError("nobody asked for a file")

    async def forget(self, source: Source) -> None:
        raise AssertionError("nothing was deleted")

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        raise AssertionError("nothing was dropped")


async def register(db: Database, owner: User, host: Host | None = None, **fields: Any) -> Repo:
    keys = iter(("signing key", "sealing key"))
    given = {
        "namespace": "octocat",
        "name": "hello",
        "url": "https://git.example.com/octocat/hello.git",
        "default_branch": "",
        "config_path": ".drone.yml",
        "visibility": "private",
        "reserved": (),
    } | fields
    return await flow.register(
        db,
        Hosts(host or Host()),
        SEAL,
        owner=owner,
        public_url="https://ci.example.com",
        new_key=lambda: next(keys),
        now=NOW,
        recorded=lambda tx: tx,
        **given,
    )


async def test_a_repository_is_registered_and_enabled(db: Database, owner: User) -> None:
    made = await register(db, owner, visibility="internal", config_path="ci/deploy.yml")

    assert await db.read(store.find(made.id)) == made
    assert (made.slug, made.uid, made.user_id, made.active) == ("octocat/hello", "octocat/hello", owner.id, True)
    assert (made.visibility, made.config_path, made.default_branch) == ("internal", "ci/deploy.yml", "trunk")
    assert {made.synced, made.created, made.updated} == {NOW}
    assert (made.counter, made.version, made.timeout) == (0, 1, 60)


async def test_its_owner_has_every_right(db: Database, owner: User) -> None:
    made = await register(db, owner)

    assert await db.read(store.permissions(owner.id, made.id)) == Permissions(True, True, True)


async def test_its_keys_are_its_own_and_sealed(db: Database, owner: User) -> None:
    made = await register(db, owner)

    assert SEAL.open(made.signer, model.SIGNER) == "signing key"
    assert SEAL.open(made.secret, model.SECRET) == "sealing key"


async def test_the_host_is_asked_for_the_default_branch_only_when_it_is_not_given(db: Database, owner: User) -> None:
    host = Host()

    made = await register(db, owner, host, default_branch="main")

    assert (made.default_branch, host.asked) == ("main", [])
    await register(db, owner, host, name="other")
    assert host.asked == [Source(0, "https://git.example.com/octocat/hello.git")]


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://git.example.com/o/n.git", "https://git.example.com/o/n"),
        ("https://git.example.com/o/n", "https://git.example.com/o/n"),
        ("file:///srv/git/n.git", "https://ci.example.com/octocat/hello"),
        ("ssh://git@git.example.com/n.git", "https://ci.example.com/octocat/hello"),
    ],
)
async def test_its_link_is_where_a_browser_can_go(db: Database, owner: User, url: str, link: str) -> None:
    assert (await register(db, owner, url=url)).link == link


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "ä", "a\n", "a\0", "x" * 101, "%2e", "a?b", "a#"])
async def test_a_name_that_cannot_stand_in_an_address_is_refused(db: Database, owner: User, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        await register(db, owner, namespace=text, name=text)

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [
        ("namespace", "bad_name"),
        ("name", "bad_name"),
    ]


@pytest.mark.parametrize("text", ["a", "A.b-c_1", "...", "-", "x" * 100, ".github"])
async def test_a_name_that_can_passes(db: Database, owner: User, text: str) -> None:
    assert (await register(db, owner, namespace=text, name=text)).slug == f"{text}/{text}"


async def test_a_namespace_with_a_first_word_of_the_server_s_paths_is_refused(db: Database, owner: User) -> None:
    with pytest.raises(Invalid) as refused:
        await register(db, owner, namespace="docs", name="docs", reserved={"docs", "api"})

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("namespace", "reserved_name")]
    assert "choose another namespace" in refused.value.message
    assert (await register(db, owner, namespace="Docs", name="docs", reserved={"docs"})).slug == "Docs/docs"


async def test_all_problems_are_told_at_once_and_nobody_is_asked(db: Database, owner: User) -> None:
    host = Host()

    with pytest.raises(Invalid) as refused:
        await register(db, owner, host, namespace="..", url="ftp://x", default_branch="a..b")

    assert [problem.field for problem in refused.value.problems] == ["namespace", "default_branch", "git_http_url"]
    assert host.asked == []


async def test_a_slug_is_registered_once(db: Database, owner: User) -> None:
    first = await register(db, owner)

    with pytest.raises(Conflict, match="octocat/hello exists already") as refused:
        await register(db, owner, url="https://elsewhere.example.com/x")

    assert refused.value.code == "repo_exists"
    assert (await db.read(store.list_all(Window(10)))).items == [first]


async def test_of_many_at_one_moment_one_is_registered(db: Database, owner: User) -> None:
    outcomes = await asyncio.gather(*(register(db, owner) for _ in range(10)), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 9 + ["Repo"]


async def test_a_repository_that_does_not_answer_is_not_registered(db: Database, owner: User) -> None:
    with pytest.raises(Unreadable):
        await register(db, owner, Host(failure=Unreadable("no such repository")))

    assert (await db.read(store.list_all(Window(10)))).items == []


def test_a_repository_is_read_by_whichever_address_it_has() -> None:
    assert model.source(Repo(7, "o", "n", git_http_url="https://x", git_ssh_url="ssh://y")) == Source(7, "https://x")
    assert model.source(Repo(7, "o", "n", git_ssh_url="ssh://y")) == Source(7, "ssh://y")
