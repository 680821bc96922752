"""Who may do what in a namespace: rights follow from those in its repositories."""

import pytest

from app.accounts import proofs
from app.accounts import store as accounts
from app.accounts.auth import Claim
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.db.connect import Database
from app.errors import Forbidden, Unauthorized
from app.repos import namespaces, store
from app.repos.aged import DAY
from app.repos.model import Permissions, Repo
from app.repos.namespaces import Standing
from tests.accounts.farside import owners

NOW = 1_700_000_000
READ, WRITE, ADMIN = Permissions(True), Permissions(True, True), Permissions(True, True, True)


@pytest.fixture
async def repos(db: Database) -> list[Repo]:
    """Two repositories of `acme`, one of `other`, all of root's."""
    root = await db.write(accounts.create("root", token="root", now=NOW, admin=True))
    names = [("acme", "web"), ("acme", "api"), ("other", "thing")]
    return [await db.write(store.create(Repo(0, namespace, name, user_id=root.id))) for namespace, name in names]


async def allowed(db: Database, repos: list[Repo], standing: Standing, *rights: Permissions) -> bool:
    """Whether somebody with these rights, repository by repository, is let in."""
    user = await db.write(accounts.create("kim", token="kim", now=NOW))
    for repo, given in zip(repos, rights, strict=False):
        await db.write(store.grant(repo.id, user.id, given, NOW))
    try:
        found = await db.read(namespaces.find(Claim(token_hash=proofs.hash_token("kim")), "acme", standing, owners(db)))
    except Forbidden:
        return False
    return found.user == user


@pytest.mark.parametrize(
    ("rights", "member", "owner"),
    [
        ((), False, False),
        ((READ, READ), False, False),
        ((WRITE,), True, False),
        ((READ, WRITE), True, False),
        ((ADMIN, WRITE), True, False),
        ((ADMIN,), True, False),
        ((ADMIN, ADMIN), True, True),
        ((Permissions(), Permissions(), ADMIN), False, False),
    ],
)
@pytest.mark.parametrize("standing", ["member", "owner"])
async def test_rights_follow_from_those_in_the_repositories(
    db: Database, repos: list[Repo], rights: tuple[Permissions, ...], member: bool, owner: bool, standing: Standing
) -> None:
    assert await allowed(db, repos, standing, *rights) is {"member": member, "owner": owner}[standing]


@pytest.mark.parametrize(("age", "let_in"), [(3600, True), (DAY + 1, False)])
async def test_rights_that_a_host_has_not_confirmed_for_a_day_are_none(
    db: Database, repos: list[Repo], age: int, let_in: bool
) -> None:
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    await db.write(store.grant(repos[0].id, kim.id, WRITE, NOW, synced=NOW))
    finding = namespaces.find(Claim(token_hash=proofs.hash_token("kim"), now=NOW + age), "acme", "member", owners(db))

    if let_in:
        assert (await db.read(finding)).user == kim
    else:
        with pytest.raises(Forbidden, match="log in again"):
            await db.read(finding)


@pytest.mark.parametrize(
    ("hosts", "scm", "own"),
    [
        ({}, "github", True),
        ({"github": "kim"}, "github", True),
        ({"github": "KIM"}, "github", True),
        ({"github": "kim"}, "", True),
        ({"github": "kimberly"}, "github", False),
        ({"gitea": "kim"}, "github", False),
        ({"gitea": "kim", "github": "kim"}, "github", True),
    ],
)
async def test_a_login_is_no_namespace_where_it_is_somebody_elses(
    db: Database, hosts: dict[str, str], scm: str, own: bool
) -> None:
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    root = await db.write(accounts.create("root", token="root", now=NOW))
    await db.write(store.create(Repo(0, "kim", "web", scm=scm, uid="7", user_id=root.id)))
    for host, login in hosts.items():
        await db.write(hosted.link(HostAccount(0, kim.id, host, "1", login, "bearer", b"", b"")))

    try:
        await db.read(namespaces.find(Claim(token_hash=proofs.hash_token("kim")), "kim", "owner", owners(db)))
        found = True
    except Forbidden:
        found = False

    assert found == own


@pytest.mark.parametrize("standing", ["member", "owner"])
async def test_administrators_and_the_login_of_that_name_are_always_let_in(db: Database, standing: Standing) -> None:
    await db.write(accounts.create("root", token="root", now=NOW, admin=True))
    await db.write(accounts.create("acme", token="acme", now=NOW))

    for token in ("root", "acme"):
        claim = Claim(token_hash=proofs.hash_token(token))
        assert (await db.read(namespaces.find(claim, "acme", standing, owners(db)))).user.login == token
    with pytest.raises(Forbidden):
        await db.read(namespaces.find(Claim(token_hash=proofs.hash_token("acme")), "nobody", standing, owners(db)))


async def test_strangers_are_nobody(db: Database) -> None:
    with pytest.raises(Unauthorized):
        await db.read(namespaces.find(Claim(), "acme", "member", owners(db)))
