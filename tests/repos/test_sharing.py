"""Of two groups of one name, the one at the host that is known first has what the namespace shares."""

import pytest

from app.accounts import proofs
from app.accounts import store as accounts
from app.accounts.auth import Claim
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.model import User
from app.db.connect import Database
from app.errors import Forbidden
from app.repos import namespaces, store
from app.repos.model import Permissions, Repo
from app.repos.namespaces import Standing
from app.repos.secrets import store as secrets
from app.repos.templates import store as templates
from app.repos.templates.store import Template
from tests.accounts.farside import SEAL, owners

NOW = 1_700_000_000
ADMIN = Permissions(True, True, True)


async def made(db: Database, name: str, scm: str, namespace: str = "acme") -> Repo:
    root = await db.read(accounts.find("root"))
    uid = f"{scm}-{name}" if scm else ""
    return await db.write(store.create(Repo(0, namespace, name, uid, root.id, scm)))


@pytest.fixture(autouse=True)
async def root(db: Database) -> User:
    return await db.write(accounts.create("root", token="root", now=NOW, admin=True))


@pytest.fixture
async def repos(db: Database) -> dict[str, Repo]:
    """The group `acme` at GitHub, that at GitLab, which is known later, and plain git."""
    hosts = {"plain": "", "first": "github", "theirs": "gitlab", "later": "github", "more": "gitlab", "last": ""}
    return {name: await made(db, name, scm) for name, scm in hosts.items()}


@pytest.mark.parametrize(
    ("name", "shares"),
    [("plain", True), ("first", True), ("theirs", False), ("later", True), ("more", False), ("last", True)],
)
async def test_builds_of_the_host_that_was_known_first_get_secrets_and_templates(
    db: Database, repos: dict[str, Repo], name: str, shares: bool
) -> None:
    sealed = SEAL.seal("x", secrets.SHARED_DATA)
    owner = secrets.of_namespace("acme")
    await db.write(secrets.create(owner, "token", sealed, pull_request=True, pull_request_push=False))
    await db.write(templates.create(Template(0, "acme", "deploy.yaml", "kind: pipeline")))
    repo = repos[name]

    opened = await db.read(secrets.for_build(repo, SEAL, pull_request=False))
    template = await db.read(templates.for_build("acme", repo.scm, "deploy.yaml"))

    assert (len(opened), template is not None) == (shares, shares)


async def test_a_group_that_nobody_else_has_shares(db: Database, repos: dict[str, Repo]) -> None:
    await made(db, "web", "gitlab", "other")
    await db.write(templates.create(Template(0, "other", "deploy.yaml", "kind: pipeline")))

    assert await db.read(templates.for_build("other", "gitlab", "deploy.yaml")) is not None
    assert await db.read(templates.for_build("other", "gitlab", "nope.yaml")) is None
    assert await db.read(templates.for_build("other", "github", "deploy.yaml")) is None


async def let_in(db: Database, standing: Standing, login: str = "kim", namespace: str = "acme") -> bool:
    try:
        await db.read(namespaces.find(Claim(token_hash=proofs.hash_token(login)), namespace, standing, owners(db)))
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("names", "member", "owner"),
    [
        (["theirs", "more"], False, False),
        (["first"], True, False),
        (["first", "later", "plain", "last"], True, True),
        (["theirs", "more", "first", "later"], True, False),
    ],
)
async def test_rights_in_repositories_of_another_host_count_for_nothing(
    db: Database, repos: dict[str, Repo], names: list[str], member: bool, owner: bool
) -> None:
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    for name in names:
        await db.write(store.grant(repos[name].id, kim.id, ADMIN, NOW))

    assert (await let_in(db, "member"), await let_in(db, "owner")) == (member, owner)


@pytest.mark.parametrize(("first", "own"), [("github", True), ("gitlab", False)])
async def test_a_login_is_the_accounts_own_namespace_at_the_host_that_was_known_first(
    db: Database, first: str, own: bool
) -> None:
    """Kim is kim at GitHub; at GitLab, somebody has a group of that name."""
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    await db.write(hosted.link(HostAccount(0, kim.id, "github", "1", "kim", "bearer", b"", b"")))
    for scm in sorted(["github", "gitlab"], key=lambda scm: scm != first):
        await made(db, f"at-{scm}", scm, "kim")

    assert await let_in(db, "owner", namespace="kim") is own
