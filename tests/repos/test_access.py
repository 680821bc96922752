"""The access matrix (contract drone-rest 1.2 with the improvements of 8), cell by cell."""

import itertools
from typing import get_args

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.accounts import proofs
from app.accounts import store as accounts
from app.accounts.auth import Caller, Claim
from app.accounts.model import Token, User
from app.db.connect import Database
from app.db.tx import Tx, run
from app.errors import AppError, Forbidden, NotFound, Unauthorized
from app.repos import access, store
from app.repos.access import Access
from app.repos.aged import DAY
from app.repos.model import Permissions, Repo, Right, Visibility
from app.repos.paths import NAME, OWNER
from app.repos.store import RepoRights
from app.web.path import Path
from app.web.route import Endpoint
from tests.accounts import farside
from tests.repos.conftest import NOW
from tests.web.asgi import serving

PATHS = ("/all", "/about/octocat/open", "/octocat/open")
USER, ADMINISTRATOR = User(1, "ada"), User(2, "root", admin=True)
NOBODY = None
#: What each kind of right lets an account do.
RIGHTS: dict[str, Permissions | None] = {
    "none": None,
    "no flag": Permissions(),
    "read": Permissions(read=True),
    "write": Permissions(read=True, write=True),
    "admin": Permissions(read=True, write=True, admin=True),
}


def refused(user: User | None, visibility: Visibility | None, rights: str, right: Right) -> type[AppError] | None:
    repo = Repo(1, "octocat", "hello", visibility=visibility) if visibility else None
    refusal = access.refuse(user, repo, RIGHTS[rights], right)
    return type(refusal) if refusal else None


OK = None
#: Visibility, rights of the account, and what becomes of a read, a write and an administration.
MATRIX = [
    ("public", "none", OK, NotFound, NotFound),
    ("public", "no flag", OK, NotFound, NotFound),
    ("public", "read", OK, Forbidden, Forbidden),
    ("public", "write", OK, OK, Forbidden),
    ("public", "admin", OK, OK, OK),
    ("internal", "none", OK, NotFound, NotFound),
    ("internal", "no flag", OK, NotFound, NotFound),
    ("internal", "read", OK, Forbidden, Forbidden),
    ("internal", "write", OK, OK, Forbidden),
    ("internal", "admin", OK, OK, OK),
    ("private", "none", NotFound, NotFound, NotFound),
    ("private", "no flag", NotFound, NotFound, NotFound),
    ("private", "read", OK, Forbidden, Forbidden),
    ("private", "write", OK, OK, Forbidden),
    ("private", "admin", OK, OK, OK),
    (None, "none", NotFound, NotFound, NotFound),
]


@pytest.mark.parametrize(
    ("visibility", "rights", "read", "write", "admin"), MATRIX, ids=[f"{row[0]}-{row[1]}" for row in MATRIX]
)
def test_an_account_may_do_what_its_rights_and_the_visibility_allow(
    visibility: Visibility | None,
    rights: str,
    read: type[AppError] | None,
    write: type[AppError] | None,
    admin: type[AppError] | None,
) -> None:
    assert [refused(USER, visibility, rights, right) for right in get_args(Right)] == [read, write, admin]


def test_the_matrix_has_every_case() -> None:
    cells = {(row[0], row[1]) for row in MATRIX}

    assert cells == {*itertools.product(get_args(Visibility), RIGHTS), (None, "none")}


@pytest.mark.parametrize("right", get_args(Right))
@pytest.mark.parametrize("visibility", get_args(Visibility))
@pytest.mark.parametrize("rights", RIGHTS)
def test_an_administrator_may_do_everything(visibility: Visibility, rights: str, right: Right) -> None:
    assert refused(ADMINISTRATOR, visibility, rights, right) is None


@pytest.mark.parametrize("right", get_args(Right))
def test_what_is_not_there_is_not_there_for_administrators_either(right: Right) -> None:
    assert refused(ADMINISTRATOR, None, "none", right) is NotFound


@pytest.mark.parametrize("right", get_args(Right))
@pytest.mark.parametrize("visibility", [*get_args(Visibility), None])
def test_nobody_may_only_read_what_is_public(visibility: Visibility | None, right: Right) -> None:
    allowed = visibility == "public" and right == "read"

    assert refused(NOBODY, visibility, "none", right) is (None if allowed else Unauthorized)


@pytest.mark.parametrize("user", [USER, NOBODY])
@pytest.mark.parametrize("right", get_args(Right))
def test_a_hidden_repository_answers_like_one_that_does_not_exist(user: User | None, right: Right) -> None:
    hidden = access.refuse(user, Repo(1, "octocat", "hello"), None, right)
    missing = access.refuse(user, None, None, right)

    assert hidden is not None
    assert missing is not None
    assert (type(hidden), hidden.message) == (type(missing), missing.message)


@pytest.mark.parametrize("right", ["write", "admin"])
def test_who_may_read_is_told_which_right_is_missing(right: Right) -> None:
    refusal = access.refuse(USER, Repo(1, "octocat", "hello"), Permissions(read=True), right)

    assert refusal is not None
    assert refusal.message == f"{right} access to octocat/hello is needed"


def shows(token: str) -> Claim:
    return Claim(token_hash=proofs.hash_token(token))


async def test_the_owner_is_found_with_every_right(db: Database, repo: Repo, owner: User) -> None:
    found = await db.read(access.find(shows("a token of octocat"), "octocat", "hello", "admin"))

    assert (found.repo, found.user, found.user_id) == (repo, owner, owner.id)
    assert (found.by.kind, found.by.name, found.by.id, found.by.way) == ("person", "octocat", owner.id, "token")
    assert not found.is_system
    assert found.permissions == Permissions(True, True, True)


async def test_nobody_finds_a_public_repository_and_has_no_account(db: Database, owner: User) -> None:
    await db.write(store.create(Repo(0, "octocat", "open", user_id=owner.id, visibility="public")))

    found = await db.read(access.find(Claim(), "octocat", "open", "read"))

    assert (found.user, found.user_id, found.permissions) == (None, 0, None)
    assert not found.is_system


async def test_the_letter_case_of_a_slug_matters(db: Database, repo: Repo) -> None:
    with pytest.raises(NotFound):
        await db.read(access.find(shows("a token of octocat"), "Octocat", "hello", "read"))


async def test_an_unknown_token_is_refused_even_where_nobody_may_read(db: Database, owner: User) -> None:
    await db.write(store.create(Repo(0, "octocat", "open", user_id=owner.id, visibility="public")))

    with pytest.raises(Unauthorized):
        await db.read(access.find(shows("never given out"), "octocat", "open", "read"))


@pytest.mark.parametrize("right", get_args(Right))
async def test_an_inactive_account_is_refused_whatever_its_rights(db: Database, repo: Repo, right: Right) -> None:
    await db.write(run("UPDATE users SET active = FALSE"))

    with pytest.raises(Forbidden, match="not active"):
        await db.read(access.find(shows("a token of octocat"), "octocat", "hello", right))


async def test_rights_that_were_taken_away_are_gone_at_once(db: Database, repo: Repo, owner: User) -> None:
    await db.write(store.revoke(repo.id, owner))

    with pytest.raises(NotFound):
        await db.read(access.find(shows("a token of octocat"), "octocat", "hello", "read"))


def test_a_right_in_a_repository_needs_a_path_that_names_one() -> None:
    async def handler(request: Request[access.State], found: Access) -> Response:
        raise AssertionError("never asked")

    with pytest.raises(ValueError, match=r"\['name'\]"):
        Endpoint("GET", Path.of("/api") / OWNER, handler, needs=access.READ)


@pytest.mark.parametrize(
    ("private_mode", "token", "status"),
    [(False, "", 200), (False, "a token of octocat", 200), (True, "", 401), (True, "a token of octocat", 200)],
)
async def test_in_private_mode_strangers_see_nothing(
    db: Database, owner: User, private_mode: bool, token: str, status: int
) -> None:
    await db.write(store.create(Repo(0, "octocat", "open", user_id=owner.id, visibility="public")))

    async def of_all(_: Request[access.State], caller: Caller | None) -> Response:
        return Response(str(caller))

    async def of_one(_: Request[access.State], __: Access, slug: str) -> Response:
        return Response(slug)

    routes = [
        Endpoint("GET", "/all", of_all, needs=access.ADMITTED),
        Endpoint("GET", Path.of("/about") / OWNER / NAME, of_all, needs=access.ADMITTED_TO),
        Endpoint("GET", Path() / OWNER / NAME, of_one, needs=access.READ, reads=_slug),
    ]
    async with serving(routes, **farside.state(db, private_mode=private_mode)) as client:
        answers = [await client.get(path, headers={"Authorization": token}) for path in PATHS]

    assert [answer.status_code for answer in answers] == [status] * 3


async def test_a_token_for_some_repositories_is_not_admitted_to_others(db: Database, repo: Repo, owner: User) -> None:
    limited = Token(0, owner.id, "ci", repos={repo.id: repo.slug})
    await db.write(proofs.add_token(limited, proofs.hash_token("a limited token")))

    async def of_all(_: Request[access.State], caller: Caller | None) -> Response:
        return Response(str(caller))

    routes = [Endpoint("GET", Path() / OWNER / NAME, of_all, needs=access.ADMITTED_TO)]
    async with serving(routes, **farside.state(db, private_mode=False)) as client:
        client.headers["Authorization"] = "a limited token"
        answers = [await client.get(path) for path in ("/octocat/hello", "/octocat/missing")]

    assert [answer.status_code for answer in answers] == [200, 404]


def _slug(_: Request[access.State], found: Access) -> Tx[str]:
    yield from ()
    return found.repo.slug


@pytest.mark.parametrize("right", get_args(Right))
@pytest.mark.parametrize(("age", "counts"), [(DAY, True), (DAY + 1, False)])
async def test_rights_of_a_host_where_the_account_has_none_any_more_end_after_a_day(
    db: Database, owner: User, repo: Repo, right: Right, age: int, counts: bool
) -> None:
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    await db.write(store.grant(repo.id, kim.id, RIGHTS["admin"] or Permissions(), NOW, synced=NOW))
    finding = access.find(
        Claim(token_hash=proofs.hash_token("kim"), now=NOW + age), repo.namespace, repo.name, right, renew=_never
    )

    if counts:
        assert (await db.read(finding)).permissions == RIGHTS["admin"]
    else:
        with pytest.raises(NotFound):
            await db.read(finding)


@pytest.mark.parametrize(("rights", "more"), [("read", set()), ("write", {"write"}), ("admin", {"write", "admin"})])
async def test_who_was_found_with_one_right_knows_the_others(
    db: Database, repo: Repo, owner: User, rights: str, more: set[Right]
) -> None:
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    await db.write(store.grant(repo.id, kim.id, RIGHTS[rights] or Permissions(), NOW))

    found = await db.read(access.find(shows("kim"), repo.namespace, repo.name, "read", renew=_never))

    assert {right for right in get_args(Right) if found.may(right)} == {"read", *more}


@pytest.mark.parametrize("right", get_args(Right))
@pytest.mark.parametrize("rights", RIGHTS)
async def test_an_account_that_asks_elsewhere_may_do_what_it_may_here(
    db: Database, repo: Repo, owner: User, rights: str, right: Right
) -> None:
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    await db.write(store.grant(repo.id, kim.id, RIGHTS[rights] or Permissions(), NOW))
    asking = access.of_account(kim, repo.namespace, repo.name, right, NOW, _never)

    if (error := refused(kim, repo.visibility, rights, right)) is None:
        assert (await db.read(asking)).repo.id == repo.id
    else:
        with pytest.raises(error):
            await db.read(asking)


async def test_an_account_that_asks_elsewhere_finds_no_unknown_repository(db: Database, owner: User) -> None:
    with pytest.raises(NotFound):
        await db.read(access.of_account(owner, "nobody", "nothing", "read", NOW, _never))


@pytest.mark.parametrize(("age", "counts"), [(DAY, True), (DAY + 1, False)])
async def test_rights_of_a_host_end_after_a_day_for_an_account_that_asks_elsewhere(
    db: Database, owner: User, repo: Repo, age: int, counts: bool
) -> None:
    kim = await db.write(accounts.create("kim", token="kim", now=NOW))
    await db.write(store.grant(repo.id, kim.id, RIGHTS["admin"] or Permissions(), NOW, synced=NOW))
    asking = access.of_account(kim, repo.namespace, repo.name, "write", NOW + age, _never)

    if counts:
        assert (await db.read(asking)).rights == RIGHTS["admin"]
    else:
        with pytest.raises(NotFound):
            await db.read(asking)


async def _never(_: RepoRights, __: User) -> None:
    raise AssertionError


async def test_a_right_that_was_granted_is_told_from_what_everybody_may(db: Database, repo: Repo, owner: User) -> None:
    await db.write(store.create(Repo(0, "octocat", "open", user_id=owner.id, visibility="public")))

    yours = await db.read(access.find(shows("a token of octocat"), "octocat", "open", "read"))
    everybody_s = await db.read(access.find(Claim(), "octocat", "open", "read"))

    assert (yours.is_granted, everybody_s.is_granted) == (True, False)
