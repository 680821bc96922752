"""The SQL of accounts."""

from app.accounts import groups, proofs
from app.accounts.model import User
from app.db import accounts, schema
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound

BY_LOGIN = "SELECT * FROM users WHERE lower(login) = lower(:login)"
BY_ID = "SELECT * FROM users WHERE id = :id"
ALL = "SELECT * FROM users ORDER BY lower(login)"
ADMINISTRATORS = "SELECT * FROM users WHERE admin AND active ORDER BY lower(login) LIMIT :limit"
CREATE = schema.insert_sql(accounts.users, "ON CONFLICT DO NOTHING RETURNING *")
#: Who has come from a host is not expected from the host of the settings any more.
BOOTSTRAP = """
    UPDATE users SET admin = :admin, machine = :machine, active = TRUE, updated = :now, expected_from = CASE
        WHEN EXISTS (SELECT 1 FROM host_accounts WHERE user_id = users.id) THEN '' ELSE :expected_from END
    WHERE lower(login) = lower(:login) RETURNING *
"""
TOUCH = "UPDATE users SET updated = :now WHERE id = :id RETURNING *"
EXPECT = "UPDATE users SET expected_from = :host, updated = :now WHERE id = :id RETURNING *"
LOG_IN = "UPDATE users SET last_login = :now WHERE id = :id"
#: An e-mail address that is there stays.
PROFILE = """
    UPDATE users SET avatar = :avatar, email = CASE WHEN email = '' THEN :email ELSE email END
    WHERE id = :id RETURNING *
"""
#: Changes nothing, and locks a row that is always there until the transaction ends: transactions that may remove an
#: administrator run one after another, and each sees the administrators that are left.
ONE_BY_ONE = "UPDATE schema_versions SET applied = applied WHERE version = 1"
#: Changes nothing when no active administrator would be left.
UPDATE = """
    UPDATE users SET email = coalesce(:email, email), admin = coalesce(:admin, admin) AND coalesce(:active, TRUE),
        active = coalesce(:active, active), updated = :now
    WHERE id = :id AND (
        (coalesce(:admin, TRUE) AND coalesce(:active, TRUE)) OR NOT (admin AND active)
        OR EXISTS (SELECT 1 FROM users other WHERE other.admin AND other.active AND other.id <> :id)
    )
    RETURNING *
"""
DELETE = """
    DELETE FROM users
    WHERE id = :id AND (
        NOT (admin AND active)
        OR EXISTS (SELECT 1 FROM users other WHERE other.admin AND other.active AND other.id <> :id)
    )
    RETURNING id
"""
COUNT = "SELECT count(*) AS total FROM users"

_MAPPER = Mapper(User, accounts.users)


def find_if_any(login: str) -> Tx[User | None]:
    """The account of a login, in any letter case; None without one."""
    row = yield from one(BY_LOGIN, login=login)
    return _MAPPER.make(row) if row else None


def find(login: str) -> Tx[User]:
    """The account of a login, in any letter case; NotFound."""
    user = yield from find_if_any(login)
    if user is None:
        raise NotFound(f"user {login} not found")
    return user


def find_named(name: str) -> Tx[User]:
    """The account of a login, in any letter case, or else of an id; NotFound."""
    user = yield from find_if_any(name)
    if user is None and name.isascii() and name.isdecimal() and len(name) < 19:
        user = yield from find_by_id(int(name))
    if user is None:
        raise NotFound(f"user {name} not found")
    return user


def find_by_id(user_id: int) -> Tx[User | None]:
    """The account of an id; None without one."""
    row = yield from one(BY_ID, id=user_id)
    return _MAPPER.make(row) if row else None


def list_all() -> Tx[list[User]]:
    """Every account, by login."""
    return [_MAPPER.make(row) for row in (yield from many(ALL))]


def list_administrators(limit: int) -> Tx[list[User]]:
    """The first active administrators of the server, by login."""
    return [_MAPPER.make(row) for row in (yield from many(ADMINISTRATORS, limit=limit))]


def count() -> Tx[int]:
    """How many accounts there are."""
    row = yield from one(COUNT)
    return int(row["total"]) if row else 0


def create(
    login: str,
    *,
    token: str,
    now: int,
    email: str = "",
    admin: bool = False,
    machine: bool = False,
    expected_from: str = "",
) -> Tx[User]:
    """A new, active account, in the groups that new accounts join; Conflict when login or token is taken.

    A login is taken in any letter case.
    """
    user = User(0, login, email, machine=machine, admin=admin, created=now, updated=now, expected_from=expected_from)
    row = yield from one(CREATE, **_MAPPER.values(user))
    if row is None:
        raise Conflict(f"user {login} exists already", code="user_exists")
    made = _MAPPER.make(row)
    yield from proofs.set_default(made.id, proofs.hash_token(token), now)
    yield from groups.join_auto(made)
    return made


def update(
    user_id: int, *, email: str | None = None, admin: bool | None = None, active: bool | None = None, now: int
) -> Tx[User]:
    """Change the given fields. An account that is made inactive is no longer an administrator, and its sessions end.

    NotFound, or Conflict when no active administrator would be left.
    """
    if admin is False or active is False:
        yield from run(ONE_BY_ONE)
    row = yield from one(UPDATE, id=user_id, email=email, admin=admin, active=active, now=now)
    if row is None:
        raise (yield from _refusal(user_id))
    if active is False:
        yield from proofs.end_sessions(user_id)
    return _MAPPER.make(row)


def expect(user: User, host: str, now: int) -> Tx[User]:
    """Say from which host the person of an account is expected; empty for none."""
    row = yield from one(EXPECT, id=user.id, host=host, now=now)
    return _MAPPER.make(row) if row else user


def log_in(user_id: int, now: int) -> Tx[None]:
    """Store the time of an account's log-in with a browser."""
    yield from run(LOG_IN, id=user_id, now=now)


def set_profile(user: User, *, avatar: str, email: str) -> Tx[User]:
    """Store what a host says of an account; an e-mail address that is there stays."""
    row = yield from one(PROFILE, id=user.id, avatar=avatar, email=email)
    return _MAPPER.make(row) if row else user


def delete(user_id: int) -> Tx[None]:
    """Remove an account with its rights, tokens and sessions.

    NotFound, or Conflict when no active administrator would be left.
    """
    yield from run(ONE_BY_ONE)
    if (yield from one(DELETE, id=user_id)) is None:
        raise (yield from _refusal(user_id))


def _refusal(user_id: int) -> Tx[Conflict | NotFound]:
    user = yield from find_by_id(user_id)
    if user is None:
        return NotFound(f"user {user_id} not found")
    words = f"{user.login} is the last active administrator; make another account an administrator first"
    return Conflict(words, code="last_administrator")


def bootstrap(login: str, *, admin: bool, machine: bool, token: str, now: int, expected_from: str = "") -> Tx[User]:
    """Create an account, or update its flags, and its token if a token is given. A new account needs a token.

    The person of the account is expected from a host, unless the account has an account at a host already.
    """
    facts = {"admin": admin, "machine": machine, "expected_from": expected_from}
    row = yield from one(BOOTSTRAP, login=login, now=now, **facts)
    if row is None:
        return (
            yield from create(login, token=token, now=now, admin=admin, machine=machine, expected_from=expected_from)
        )
    user = _MAPPER.make(row)
    if token:
        yield from set_token(user.id, token, now)
    return user


def set_token(user_id: int, token: str, now: int) -> Tx[User]:
    """Give an account another default token; the old token and the account's sessions are invalid at once.

    NotFound, or Conflict when the new token is another account's.
    """
    row = yield from one(TOUCH, id=user_id, now=now)
    if row is None:
        raise NotFound(f"user {user_id} not found")
    yield from proofs.set_default(user_id, proofs.hash_token(token), now)
    return _MAPPER.make(row)
