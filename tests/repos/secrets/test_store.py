"""Secrets: sealed where they lie, opened for a runner alone."""

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
from app.repos.secrets.wire import secret_json
from app.sealing import CannotOpen, Seal

SEAL = Seal("a key of the test")
VALUE = "correct horse ☃ battery\nstaple"


def new(repo: Repo, name: str, value: str = VALUE, **flags: bool) -> Tx[Secret]:
    flags = {"pull_request": False, "pull_request_push": False} | flags
    return secrets.create(repo.id, name, SEAL.seal(value, secrets.PURPOSE), **flags)


async def test_a_value_goes_in_and_comes_out_for_a_runner_alone(db: Database, repo: Repo) -> None:
    made = await db.write(new(repo, "token"))

    assert made == Secret(made.id, repo.id, "token")
    assert await db.read(secrets.find(repo.id, "token")) == made
    assert await db.read(secrets.list_of(repo.id)) == [made]
    assert await db.read(secrets.opened(repo.id, SEAL, pull_request=False)) == (replace(made, data=VALUE),)


async def test_nothing_in_the_database_holds_the_value(db: Database, repo: Repo) -> None:
    await db.write(new(repo, "token"))

    rows: Any = await db.read(many("SELECT * FROM secrets"))

    assert VALUE.encode() not in rows[0]["data"]
    assert "battery" not in repr([list(row) for row in rows])


async def test_the_same_value_twice_does_not_look_the_same(db: Database, repo: Repo) -> None:
    await db.write(new(repo, "one"))
    await db.write(new(repo, "two"))

    first, second = await db.read(many("SELECT data FROM secrets"))

    assert first["data"] != second["data"]


async def test_a_name_is_taken_in_any_letter_case(db: Database, repo: Repo) -> None:
    await db.write(new(repo, "Token"))

    for name in ("Token", "token", "TOKEN"):
        with pytest.raises(Conflict, match="exists already") as refused:
            await db.write(new(repo, name, "other"))
        assert refused.value.code == "secret_exists"
        assert (await db.read(secrets.find(repo.id, name))).name == "Token"

    (only,) = await db.read(secrets.opened(repo.id, SEAL, pull_request=False))
    assert only.data == VALUE


async def test_the_same_name_many_times_at_one_moment_is_made_once(db: Database, repo: Repo) -> None:
    outcomes = await asyncio.gather(*(db.write(new(repo, "token")) for _ in range(10)), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 9 + ["Secret"]


async def test_each_repository_has_its_own(db: Database, repo: Repo, owner: User) -> None:
    other = await db.write(store.create(Repo(0, "octocat", "other", user_id=owner.id)))
    await db.write(new(repo, "token", "mine"))
    await db.write(new(other, "token", "theirs"))

    await db.write(secrets.delete(repo.id, "token"))

    assert await db.read(secrets.list_of(repo.id)) == []
    (left,) = await db.read(secrets.opened(other.id, SEAL, pull_request=False))
    assert left.data == "theirs"


async def test_they_are_listed_by_name_whatever_its_letter_case(db: Database, repo: Repo) -> None:
    for name in ("b", "C", "a", "D"):
        await db.write(new(repo, name))

    assert [secret.name for secret in await db.read(secrets.list_of(repo.id))] == ["a", "b", "C", "D"]


async def test_a_pull_request_gets_only_what_is_meant_for_it(db: Database, repo: Repo) -> None:
    await db.write(new(repo, "closed", pull_request_push=True))
    await db.write(new(repo, "open", pull_request=True))

    every = await db.read(secrets.opened(repo.id, SEAL, pull_request=False))
    few = await db.read(secrets.opened(repo.id, SEAL, pull_request=True))

    assert [secret.name for secret in every] == ["closed", "open"]
    assert [secret.name for secret in few] == ["open"]


async def test_what_is_not_there_is_not_found(db: Database, repo: Repo) -> None:
    with pytest.raises(NotFound, match="secret nope not found"):
        await db.read(secrets.find(repo.id, "nope"))
    with pytest.raises(NotFound, match="secret nope not found"):
        await db.write(secrets.delete(repo.id, "nope"))


async def test_a_deleted_name_is_free_again(db: Database, repo: Repo) -> None:
    await db.write(new(repo, "token"))
    await db.write(secrets.delete(repo.id, "TOKEN"))

    assert (await db.write(new(repo, "token"))).name == "token"


async def test_another_key_does_not_open_them(db: Database, repo: Repo) -> None:
    await db.write(new(repo, "token"))

    with pytest.raises(CannotOpen, match="GANTRY_SECRET_KEY"):
        await db.read(secrets.opened(repo.id, Seal("another key of the test"), pull_request=False))


async def test_a_value_that_was_moved_here_from_another_column_does_not_open(db: Database, repo: Repo) -> None:
    moved = SEAL.seal(VALUE, "repos.signer")
    await db.write(secrets.create(repo.id, "token", moved, pull_request=False, pull_request_push=False))

    with pytest.raises(CannotOpen, match="damaged"):
        await db.read(secrets.opened(repo.id, SEAL, pull_request=False))


async def test_they_go_with_their_repository(db: Database, repo: Repo) -> None:
    await db.write(new(repo, "token"))
    await db.write(run("DELETE FROM repos"))

    assert await db.read(many("SELECT * FROM secrets")) == []


def test_a_client_never_reads_a_value() -> None:
    secret = Secret(1, 2, "token", "hush", pull_request=True)

    assert secret_json(secret) == {"id": 1, "repo_id": 2, "name": "token", "pull_request": True}
    assert secret_json(Secret(1, 2, "t", pull_request_push=True))["pull_request_push"] is True
    assert "hush" not in repr(secret)
