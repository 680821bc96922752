"""Secrets, a repository's and a namespace's: sealed where they lie, opened for a runner alone."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.accounts.model import User
from app.db.connect import Database
from app.db.tx import Tx, many, run
from app.errors import Conflict, NotFound
from app.repos import store
from app.repos.model import Repo, Secret
from app.repos.secrets import store as secrets
from app.repos.secrets.store import Owner
from app.repos.secrets.wire import secret_json
from app.sealing.seal import CannotOpen, Seal

SEAL = Seal("a key of the test")
VALUE = "correct horse ☃ battery\nstaple"


@pytest.fixture(params=["repository", "namespace"])
def owner_of(request: pytest.FixtureRequest, repo: Repo) -> Owner:
    """Whose secrets: of each kind in turn."""
    return secrets.of_repo(repo.id) if request.param == "repository" else secrets.of_namespace("octocat")


@pytest.fixture
async def other(db: Database, owner: User, owner_of: Owner) -> Owner:
    """Another one of the same kind."""
    if isinstance(owner_of.key, str):
        return secrets.of_namespace("Octocat")
    return secrets.of_repo((await db.write(store.create(Repo(0, "octocat", "other", user_id=owner.id)))).id)


def new(owner: Owner, name: str, value: str = VALUE, **flags: bool) -> Tx[Secret]:
    flags = {"pull_request": False, "pull_request_push": False} | flags
    return secrets.create(owner, name, SEAL.seal(value, owner.purpose), **flags)


def change(owner: Owner, name: str, value: str | None = None, **flags: bool | None) -> Tx[Secret]:
    said: dict[str, Any] = {"pull_request": None, "pull_request_push": None} | flags
    sealed = None if value is None else SEAL.seal(value, owner.purpose)
    return secrets.update(owner, name, sealed=sealed, **said)


async def opened(db: Database, repo: Repo, *, seal: Seal = SEAL, pull_request: bool = False) -> dict[str, str]:
    """What a build of the repository gets, in order."""
    found = await db.read(secrets.for_build(repo, seal, pull_request=pull_request))
    assert len({secret.name for secret in found}) == len(found)
    return {secret.name: secret.data for secret in found}


async def test_a_value_goes_in_and_comes_out_for_a_runner_alone(db: Database, repo: Repo, owner_of: Owner) -> None:
    made = await db.write(new(owner_of, "token"))

    whose = {"namespace": "octocat"} if isinstance(owner_of.key, str) else {"repo_id": repo.id}
    assert made == replace(Secret(made.id, 0, "token"), **whose)
    assert await db.read(secrets.find(owner_of, "token")) == made
    assert await db.read(secrets.list_of(owner_of)) == [made]
    assert await db.read(secrets.for_build(repo, SEAL, pull_request=False)) == (replace(made, data=VALUE),)


async def test_nothing_in_the_database_holds_the_value(db: Database, owner_of: Owner) -> None:
    await db.write(new(owner_of, "token"))

    table = owner_of.purpose.partition(".")[0]
    (row,) = await db.read(many(f"SELECT * FROM {table}"))

    assert VALUE.encode() not in row["data"]
    assert "battery" not in repr(list(row))


async def test_the_same_value_twice_does_not_look_the_same(db: Database, repo: Repo) -> None:
    await db.write(new(secrets.of_repo(repo.id), "one"))
    await db.write(new(secrets.of_repo(repo.id), "two"))

    first, second = await db.read(many("SELECT data FROM secrets"))

    assert first["data"] != second["data"]


async def test_a_name_is_taken_in_any_letter_case(db: Database, repo: Repo, owner_of: Owner) -> None:
    await db.write(new(owner_of, "Token"))

    for name in ("Token", "token", "TOKEN"):
        with pytest.raises(Conflict, match="exists already") as refused:
            await db.write(new(owner_of, name, "other"))
        assert refused.value.code == "secret_exists"
        assert (await db.read(secrets.find(owner_of, name))).name == "Token"

    assert await opened(db, repo) == {"Token": VALUE}


async def test_the_same_name_many_times_at_one_moment_is_made_once(db: Database, owner_of: Owner) -> None:
    outcomes = await asyncio.gather(*(db.write(new(owner_of, "token")) for _ in range(10)), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 9 + ["Secret"]


async def test_each_owner_has_its_own(db: Database, repo: Repo, owner_of: Owner, other: Owner) -> None:
    await db.write(new(owner_of, "token", "mine"))
    theirs = await db.write(new(other, "token", "theirs"))

    await db.write(change(owner_of, "token", "mine still"))
    assert await opened(db, repo) == {"token": "mine still"}
    await db.write(secrets.delete(owner_of, "token"))

    assert await db.read(secrets.list_of(owner_of)) == []
    assert await db.read(secrets.list_of(other)) == [theirs]
    assert await opened(db, repo) == {}


async def test_they_are_listed_by_name_whatever_its_letter_case(db: Database, owner_of: Owner) -> None:
    for name in ("b", "C", "a", "D"):
        await db.write(new(owner_of, name))

    assert [secret.name for secret in await db.read(secrets.list_of(owner_of))] == ["a", "b", "C", "D"]


async def test_those_of_all_namespaces_are_listed_by_name(db: Database, repo: Repo) -> None:
    await db.write(new(secrets.of_repo(repo.id), "a"))
    for namespace, name in [("z", "B"), ("z", "c"), ("x", "b"), ("y", "A")]:
        await db.write(new(secrets.of_namespace(namespace), name))

    listed = await db.read(secrets.list_of_namespaces())

    found = [(secret.namespace, secret.name, secret.repo_id, secret.data) for secret in listed]
    assert found == [("y", "A", 0, ""), ("x", "b", 0, ""), ("z", "B", 0, ""), ("z", "c", 0, "")]


async def test_what_is_said_is_changed_and_nothing_else(db: Database, repo: Repo, owner_of: Owner) -> None:
    made = await db.write(new(owner_of, "Token", pull_request=True))

    assert await db.write(change(owner_of, "token")) == made
    assert await db.write(change(owner_of, "TOKEN", "fresh", pull_request_push=True)) == replace(
        made, pull_request_push=True
    )
    assert await opened(db, repo, pull_request=True) == {"Token": "fresh"}
    assert await db.write(change(owner_of, "token", pull_request=False)) == replace(
        made, pull_request=False, pull_request_push=True
    )
    assert await opened(db, repo) == {"Token": "fresh"}


async def test_a_pull_request_gets_only_what_is_meant_for_it(db: Database, repo: Repo, owner_of: Owner) -> None:
    await db.write(new(owner_of, "closed", pull_request_push=True))
    await db.write(new(owner_of, "open", pull_request=True))

    assert list(await opened(db, repo)) == ["closed", "open"]
    assert list(await opened(db, repo, pull_request=True)) == ["open"]


async def test_a_build_gets_its_repositorys_secrets_first_and_its_namespaces_of_other_names(
    db: Database, repo: Repo
) -> None:
    own, shared = secrets.of_repo(repo.id), secrets.of_namespace("octocat")
    for name in ("m", "Token"):
        await db.write(new(own, name, f"own {name}"))
    for name in ("TOKEN", "b", "a"):
        await db.write(new(shared, name, f"shared {name}", pull_request=True))
    await db.write(new(secrets.of_namespace("acme"), "c"))

    found = await opened(db, repo)

    assert list(found.items()) == [("m", "own m"), ("Token", "own Token"), ("a", "shared a"), ("b", "shared b")]
    assert list(await opened(db, repo, pull_request=True)) == ["a", "b", "TOKEN"]


async def test_what_is_not_there_is_not_found(db: Database, owner_of: Owner, other: Owner) -> None:
    await db.write(new(other, "nope"))

    with pytest.raises(NotFound, match="secret nope not found"):
        await db.read(secrets.find(owner_of, "nope"))
    for missing in (secrets.delete(owner_of, "nope"), change(owner_of, "nope", "x")):
        with pytest.raises(NotFound, match="secret nope not found"):
            await db.write(missing)


async def test_a_deleted_name_is_free_again(db: Database, owner_of: Owner) -> None:
    await db.write(new(owner_of, "token"))
    await db.write(secrets.delete(owner_of, "TOKEN"))

    assert (await db.write(new(owner_of, "token"))).name == "token"


async def test_another_key_does_not_open_them(db: Database, repo: Repo, owner_of: Owner) -> None:
    await db.write(new(owner_of, "token"))

    with pytest.raises(CannotOpen, match="GANTRY_SECRET_KEY"):
        await opened(db, repo, seal=Seal("another key of the test"))


async def test_a_value_that_was_moved_here_from_another_column_does_not_open(
    db: Database, repo: Repo, owner_of: Owner
) -> None:
    moved = SEAL.seal(VALUE, "repos.signer")
    await db.write(secrets.create(owner_of, "token", moved, pull_request=False, pull_request_push=False))

    with pytest.raises(CannotOpen, match="damaged"):
        await opened(db, repo)


async def test_a_repositorys_go_with_it_and_its_namespaces_stay(db: Database, repo: Repo) -> None:
    await db.write(new(secrets.of_repo(repo.id), "token"))
    await db.write(new(secrets.of_namespace("octocat"), "token"))
    await db.write(run("DELETE FROM repos"))

    assert await db.read(many("SELECT * FROM secrets")) == []
    assert len(await db.read(secrets.list_of_namespaces())) == 1


def test_a_client_never_reads_a_value() -> None:
    secret = Secret(1, 2, "token", "hush", pull_request=True)

    assert secret_json(secret) == {"id": 1, "repo_id": 2, "name": "token", "pull_request": True}
    shared = replace(secret, repo_id=0, namespace="acme")
    assert secret_json(shared) == {"id": 1, "namespace": "acme", "name": "token", "pull_request": True}
    assert secret_json(Secret(1, 2, "t", pull_request_push=True))["pull_request_push"] is True
    assert "hush" not in repr(secret)


@pytest.mark.parametrize(("first", "second", "shared"), [
    ("github", "github", True),
    ("github", "gitlab", False),
    ("", "gitlab", True),
    ("github", "", True),
])  # fmt: skip
async def test_another_hosts_namespace_of_the_same_name_does_not_share_secrets(
    db: Database, owner: User, first: str, second: str, shared: bool
) -> None:
    """Anybody may make a group at a host that has the name of a group at another one."""
    await db.write(new(secrets.of_namespace("acme"), "token"))
    older, newer = [
        await db.write(store.create(Repo(0, "acme", name, uid=name, user_id=owner.id, scm=scm)))
        for name, scm in (("web", first), ("trap", second))
    ]

    assert await opened(db, older) == {"token": VALUE}
    assert await opened(db, newer) == ({"token": VALUE} if shared else {})
