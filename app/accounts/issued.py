"""The SQL of tokens that the server issues as JWTs: tokens of an account like others, named by their ids.

A refresh token makes one new token in place of an old one, and is good once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from app.accounts import store
from app.accounts.model import Token, User
from app.accounts.proofs import LOCK, TOKEN_MAPPER, add_row
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound, Unauthorized

#: How the names of issued tokens begin; the id follows.
PREFIX = "jwt-"
#: Issued tokens of one account at most, of which none is over.
MOST = 10_000
#: Seconds for which a token that is over can still be refreshed.
REFRESHABLE = 90 * 24 * 3600

ADD_REFRESH = "INSERT INTO refresh_tokens (hash, token_id) VALUES (:hash, :token_id)"
#: Of two requests that show one refresh token, one gets the row.
TAKE = "DELETE FROM refresh_tokens WHERE hash = :hash RETURNING token_id"
BY_ID = "SELECT * FROM tokens WHERE id = :id"
#: Issued tokens that are over, and cannot be refreshed any more.
TIDY = """
    DELETE FROM tokens WHERE user_id = :user_id AND name LIKE 'jwt-%' AND expires > 0 AND (
        expires <= :long_ago
        OR (expires <= :now AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE token_id = tokens.id))
    )
"""
COUNT = "SELECT count(*) AS total FROM tokens WHERE user_id = :user_id AND name LIKE 'jwt-%'"
ALL = "SELECT * FROM tokens WHERE name LIKE 'jwt-%' ORDER BY id DESC LIMIT 1000"
OF_USER = "SELECT * FROM tokens WHERE user_id = :user_id AND name LIKE 'jwt-%' ORDER BY id DESC LIMIT 1000"
LOGINS = "SELECT id, login FROM users WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS asked)"
BY_NAME = "SELECT * FROM tokens WHERE name = :name AND (:user_id = 0 OR user_id = :user_id)"
BY_HASH = "SELECT * FROM tokens WHERE hash = :hash AND name LIKE 'jwt-%' AND (:user_id = 0 OR user_id = :user_id)"
DELETE = "DELETE FROM tokens WHERE id = :id"
REFRESHABLE_AMONG = (
    "SELECT token_id FROM refresh_tokens WHERE token_id IN (SELECT id FROM :rows(ids; id bigint) AS asked)"
)


@dataclass(frozen=True, slots=True)
class Issue:
    """A token to store: its row, and the hashes of both texts; `refresh_hash` is empty without a refresh token."""

    token: Token
    token_hash: str
    refresh_hash: str = ""


def issue(new: Issue, now: int) -> Tx[Token]:
    """Store a token; those of the account that are over go. Unauthorized for an account that is not active."""
    user_id = new.token.user_id
    row = yield from one(LOCK, user_id=user_id)
    if row is None or not row["active"]:
        raise Unauthorized
    yield from run(TIDY, user_id=user_id, now=now, long_ago=now - REFRESHABLE)
    count = yield from one(COUNT, user_id=user_id)
    if count is not None and count["total"] >= MOST:
        raise Conflict(f"the account has {MOST} issued tokens; revoke some, or let them expire", code="too_many_tokens")
    made = yield from add_row(new.token, new.token_hash)
    if new.refresh_hash:
        yield from run(ADD_REFRESH, hash=new.refresh_hash, token_id=made.id)
    return made


def refresh(refresh_hash: str, renew: Callable[[User, Token], Issue], now: int) -> Tx[tuple[User, Token, Token]]:
    """Issue a token in place of the one that a refresh token belongs to: the account, the old token and the new one.

    `renew` makes the new token of the account and the old token. Unauthorized for a refresh token that is not known, or
    that was used.
    """
    taken = yield from one(TAKE, hash=refresh_hash)
    row = (yield from one(BY_ID, id=taken["token_id"])) if taken is not None else None
    if row is None:
        raise Unauthorized("this refresh token is not known, or was used already")
    old = TOKEN_MAPPER.make(row)
    user = yield from store.find_by_id(old.user_id)
    if user is None or (0 < old.expires <= now - REFRESHABLE):
        raise Unauthorized("this refresh token is too old")
    yield from run(DELETE, id=old.id)
    return user, old, (yield from issue(renew(user, old), now))


def list_issued(user_id: int) -> Tx[list[tuple[Token, bool]]]:
    """The newest issued tokens of an account, of all accounts for 0, each with whether it can be refreshed."""
    rows = yield from (many(OF_USER, user_id=user_id) if user_id else many(ALL))
    tokens = [TOKEN_MAPPER.make(row) for row in rows]
    known = yield from _refreshable(tokens)
    return [(token, token.id in known) for token in tokens]


def logins_of(tokens: Iterable[Token]) -> Tx[dict[int, str]]:
    """The logins of the accounts of tokens, by the ids of the accounts."""
    ids = str([[user_id] for user_id in {token.user_id for token in tokens}])
    return {row["id"]: row["login"] for row in (yield from many(LOGINS, ids=ids))}


def _refreshable(tokens: Sequence[Token]) -> Tx[set[int]]:
    ids = str([[token.id] for token in tokens])
    return {row["token_id"] for row in (yield from many(REFRESHABLE_AMONG, ids=ids))}


def find(token_id: str, user_id: int) -> Tx[tuple[Token, bool]]:
    """The issued token of an id, of this account, of any for 0, and whether it can be refreshed. NotFound."""
    row = yield from one(BY_NAME, name=f"{PREFIX}{token_id}", user_id=user_id)
    if row is None:
        raise NotFound(f"token {token_id} not found")
    token = TOKEN_MAPPER.make(row)
    return token, bool((yield from _refreshable([token])))


def revoke(token_id: str, user_id: int) -> Tx[tuple[User, Token]]:
    """Remove an issued token of this account, of any account for 0. NotFound."""
    token, _ = yield from find(token_id, user_id)
    return (yield from _removed(token))


def revoke_text(token_hash: str, user_id: int) -> Tx[tuple[User, Token] | None]:
    """Remove the issued token with this hash of its text, as `revoke`; None when there is none."""
    row = yield from one(BY_HASH, hash=token_hash, user_id=user_id)
    return (yield from _removed(TOKEN_MAPPER.make(row))) if row is not None else None


def _removed(token: Token) -> Tx[tuple[User, Token]]:
    user = yield from store.find_by_id(token.user_id)
    assert user is not None
    yield from run(DELETE, id=token.id)
    return user, token
