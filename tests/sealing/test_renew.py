"""All that is sealed: whether its keys are at hand, and sealing it anew."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import LargeBinary

from app.accounts import store as accounts
from app.accounts.artifactory import keys
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import REFRESH, TOKEN, HostAccount
from app.bundles.signing import store as key_pairs
from app.bundles.signing.store import KeyPair
from app.chatops import requests
from app.db import schema
from app.db.connect import Database
from app.db.tx import many, run
from app.main.maintenance import SEALED
from app.notify.webhooks import store as webhooks
from app.repos import credentials, store
from app.repos import keys as hook_keys
from app.repos.model import SECRET, SIGNER, Repo
from app.repos.secrets import store as secrets
from app.sealing import renew as sealed
from app.sealing.seal import CannotOpen, Seal

OLD, NEW = "the old key of the test", "the new key of the test"
VALUES = {
    SIGNER: "hook key ☃",
    SECRET: "x" * 32,
    "secrets.data": "a\nb",
    "org_secrets.data": "hush",
    keys.DATA: "AKCp8 and more",
    key_pairs.DATA: "-----BEGIN PRIVATE KEY-----",
    TOKEN: "gho_and_more",
    REFRESH: "",
    hook_keys.KEY: "another hook key",
    credentials.SECRET: "glpat and more",
    requests.PLACE: "https://hooks.slack.com/commands/T1/1/abc",
    webhooks.URL: "https://hooks.slack.com/services/T1/B1/abc",
    webhooks.SECRETS: "[]",
}


_REQUEST = """
    INSERT INTO chat_requests (key, system, tenant, chat_user, channel, user_id, created, state, answer, repo_id,
        build_id, intent, place, host, follows, shown, posts, note)
    VALUES (:number, 'slack', '', '', '', 0, 0, 'answered', '', 0, 0, '', :place, '', FALSE, '', 0, '')
"""
_WEBHOOK = """
    INSERT INTO webhooks (repo_id, namespace, url, format, secrets, events, targets, statuses, active, reason,
        failing_since, created, updated, creator)
    VALUES (NULL, :number, :url, 'standard', :secrets, '[]', '[]', '[]', TRUE, '', 0, 0, 0, '')
"""


async def fill(db: Database, repo: Repo, seal: Seal) -> None:
    """Two of everything that is sealed."""
    for number in (1, 2):
        signer, secret = (seal.seal(VALUES[purpose], purpose) for purpose in (SIGNER, SECRET))
        made = await db.write(store.create(replace(repo, name=f"r{number}", signer=signer, secret=secret)))
        token = seal.seal(VALUES[credentials.SECRET], credentials.SECRET)
        await db.write(credentials.set_credentials(made.id, "https", "bot", token, 1))
        await db.write(hook_keys.allow(made.id, seal.seal(VALUES[hook_keys.KEY], hook_keys.KEY), 1))
        for owner in (secrets.of_repo(made.id), secrets.of_namespace(f"n{number}")):
            value = seal.seal(VALUES[owner.purpose], owner.purpose)
            await db.write(secrets.create(owner, "token", value, pull_request=False, pull_request_push=False))
        user = await db.write(accounts.create(f"u{number}", token=f"token {number}", now=1))
        await db.write(run(keys.ADD, user_id=user.id, data=seal.seal(VALUES[keys.DATA], keys.DATA)))
        pair = KeyPair(0, f"k{number}", "id", "ED25519", "", "public", created=1)
        assert await db.write(key_pairs.add(pair, seal.seal(VALUES[key_pairs.DATA], key_pairs.DATA)))
        token, refresh = (seal.seal(VALUES[purpose], purpose) for purpose in (TOKEN, REFRESH))
        place, url, texts = (seal.seal(VALUES[name], name) for name in (requests.PLACE, webhooks.URL, webhooks.SECRETS))
        await db.write(run(_REQUEST, number=str(number), place=place))
        await db.write(run(_WEBHOOK, number=str(number), url=url, secrets=texts))
        account = HostAccount(0, user.id, "github", f"{number}", user.login, "bearer", token, refresh)
        assert await db.write(hosted.link(account))


@pytest.fixture
async def full(db: Database, repo: Repo) -> Database:
    await db.write(run("DELETE FROM repos"))
    await fill(db, repo, Seal(OLD))
    return db


async def stored(db: Database) -> list[tuple[str, bytes]]:
    """Every sealed value with its purpose."""
    found: list[Any] = []
    for purpose in SEALED:
        table, column = purpose.split(".")
        found += [(purpose, row["value"]) for row in await db.read(many(f"SELECT {column} AS value FROM {table}"))]
    return found


def test_every_column_of_bytes_is_known() -> None:
    columns = [column for table in schema.metadata.tables.values() for column in table.columns]

    assert set(SEALED) == set(VALUES) == {str(column) for column in columns if isinstance(column.type, LargeBinary)}


async def test_an_empty_database_opens_with_any_key(db: Database) -> None:
    await db.read(sealed.check(Seal(NEW), SEALED))
    assert await db.write(sealed.renew(Seal(NEW), SEALED)) == 0


async def test_everything_is_sealed_anew_and_opens_with_the_new_key_alone(full: Database) -> None:
    assert await full.write(sealed.renew(Seal(NEW, OLD), SEALED)) == 2 * len(VALUES)
    assert await full.write(sealed.renew(Seal(NEW, OLD), SEALED)) == 0

    values = await stored(full)
    assert len(values) == 2 * len(VALUES)
    assert all(Seal(NEW).open(value, purpose) == VALUES[purpose] for purpose, value in values)
    await full.read(sealed.check(Seal(NEW), SEALED))
    with pytest.raises(CannotOpen, match="another key"):
        await full.read(sealed.check(Seal(OLD), SEALED))


async def test_only_what_another_key_sealed_is_sealed_anew(full: Database, repo: Repo) -> None:
    before = await stored(full)
    changed = secrets.update(
        secrets.of_namespace("n2"),
        "token",
        sealed=Seal(NEW).seal("fresh", "org_secrets.data"),
        pull_request=None,
        pull_request_push=None,
    )
    await full.write(changed)

    assert await full.write(sealed.renew(Seal(NEW, OLD), SEALED)) == 2 * len(VALUES) - 1
    assert not {value for _, value in before} & {value for _, value in await stored(full)}


@pytest.mark.parametrize("purpose", SEALED)
async def test_one_value_of_another_key_is_noticed_wherever_it_is(full: Database, purpose: str) -> None:
    table, column = purpose.split(".")
    value = Seal(NEW).seal("x", purpose)
    await full.write(run(f"UPDATE {table} SET {column} = :value WHERE id = (SELECT max(id) FROM {table})", value=value))

    with pytest.raises(CannotOpen, match=f"a value of {purpose} was sealed with another key"):
        await full.read(sealed.check(Seal(OLD), SEALED))
    await full.read(sealed.check(Seal(OLD, NEW), SEALED))


@pytest.mark.parametrize("key", [OLD, "a third key of the test"])
async def test_a_value_that_does_not_open_stops_it_all(full: Database, key: str) -> None:
    value = Seal(key).seal("moved here", "another.column")
    await full.write(run("UPDATE org_secrets SET data = :value WHERE namespace = 'n2'", value=value))
    before = await stored(full)

    with pytest.raises(CannotOpen, match=r"a value of org_secrets.data .*: the value is in the row with id \d+"):
        await full.write(sealed.renew(Seal(NEW, OLD), SEALED))

    assert await stored(full) == before
