"""The SQL of what opens an account: its tokens, and the sessions of its browsers."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from app.accounts.model import Proof, Session, Token, User
from app.db import accounts, schema
from app.db.mapper import Codec, Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound, Unauthorized

#: The name of the token that an account is made with, and that is renewed by rotation.
DEFAULT = "default"
#: Tokens and sessions of one account at most.
MOST_TOKENS, MOST_SESSIONS = 100, 100
#: The column `repos` of a token that is good for all repositories.
ALL, _EVERYWHERE = "{}", frozenset[int]()

BY_TOKEN = """
    SELECT users.*, tokens.id AS proof, scope, repos, expires, used
    FROM tokens JOIN users ON users.id = tokens.user_id WHERE tokens.hash = :hash
"""
BY_SESSION = """
    SELECT users.*, sessions.id AS proof, expires, seen
    FROM sessions JOIN users ON users.id = sessions.user_id
    WHERE sessions.hash = :hash AND expires > :now AND NOT machine
"""
TOKENS = "SELECT * FROM tokens WHERE user_id = :user_id ORDER BY name"
#: Without the tokens that the server issues as JWTs, which may be very many.
NAMED_TOKENS = "SELECT * FROM tokens WHERE user_id = :user_id AND name NOT LIKE 'jwt-%' ORDER BY name"
TOKEN_BY_NAME = "SELECT * FROM tokens WHERE user_id = :user_id AND name = :name"
TOKEN_BY_ID = "SELECT * FROM tokens WHERE id = :id AND user_id = :user_id"
#: Without the tokens that the server issues as JWTs, which have a limit of their own.
COUNT_TOKENS = "SELECT count(*) AS total FROM tokens WHERE user_id = :user_id AND name NOT LIKE 'jwt-%'"
ADD_TOKEN = schema.insert_sql(accounts.tokens, "ON CONFLICT DO NOTHING RETURNING *")
DELETE_TOKEN = "DELETE FROM tokens WHERE id = :id AND user_id = :user_id RETURNING *"
#: Changes nothing, and locks the row of an account until the transaction ends: what begins sessions and makes tokens,
#: and what ends both, run one after another.
LOCK = "UPDATE users SET updated = updated WHERE id = :user_id RETURNING active"
SESSIONS = "SELECT * FROM sessions WHERE user_id = :user_id AND expires > :now ORDER BY id DESC"
#: Finds nothing when the token was deleted meanwhile.
ADD_SESSION = """
    INSERT INTO sessions (user_id, token_id, created, seen, expires, browser, address, hash)
    SELECT user_id, id, :created, :created, :expires, :browser, :address, :hash
    FROM tokens WHERE id = :token_id AND user_id = :user_id RETURNING *
"""
END_SESSION = "DELETE FROM sessions WHERE id = :id AND user_id = :user_id RETURNING *"
END_SESSIONS = "DELETE FROM sessions WHERE user_id = :user_id AND id <> :but RETURNING id"
END_BY_HASH = "DELETE FROM sessions WHERE hash = :hash"
#: Ends the sessions that are over, and the oldest ones beyond the newest `most`.
TIDY_SESSIONS = """
    DELETE FROM sessions WHERE user_id = :user_id AND (
        expires <= :now
        OR id <= (SELECT id FROM sessions WHERE user_id = :user_id ORDER BY id DESC LIMIT 1 OFFSET :most)
    )
"""
USED = "UPDATE tokens SET used = :now WHERE id = :id AND used < :now"
#: When the account has shown a token or a session last, 0 for never.
LAST_USE = """
    SELECT coalesce(max(uses.at), 0) AS at FROM (
        SELECT max(used) AS at FROM tokens WHERE user_id = :user_id
        UNION ALL SELECT max(seen) FROM sessions WHERE user_id = :user_id
    ) uses
"""
SEEN = "UPDATE sessions SET seen = :now WHERE id = :id AND seen < :now"


def _dump(repos: Mapping[int, str]) -> str:
    return orjson.dumps(dict(repos), option=orjson.OPT_NON_STR_KEYS).decode()


def _repos(text: str) -> dict[int, str]:
    return {int(repo_id): slug for repo_id, slug in orjson.loads(text).items()} if text != ALL else {}


_SLUGS: Codec = (_dump, _repos)
_USERS = Mapper(User, accounts.users)
TOKEN_MAPPER = Mapper(Token, accounts.tokens, codecs={"repos": _SLUGS})
_SESSIONS = Mapper(Session, accounts.sessions)


def hash_token(token: str) -> str:
    """The hash of a token, which is stored: one round of SHA-256 is enough for the long random tokens of the server."""
    return hashlib.sha256(token.encode()).hexdigest()


def by_token(token_hash: str) -> Tx[tuple[User, Proof] | None]:
    """The account that a token opens, also when the token has expired; None without one."""
    row = yield from one(BY_TOKEN, hash=token_hash)
    if row is None:
        return None
    text = row["repos"]
    repos = frozenset(_repos(text)) if text != ALL else _EVERYWHERE
    return _USERS.make(row), Proof(row["proof"], 0, row["scope"], repos, row["expires"], row["used"])


def by_session(session_hash: str, now: int) -> Tx[tuple[User, Proof] | None]:
    """The account of a session that is not over; None without one, and for an account that is a machine's by now."""
    row = yield from one(BY_SESSION, hash=session_hash, now=now)
    return (_USERS.make(row), Proof(0, row["proof"], expires=row["expires"], seen=row["seen"])) if row else None


def list_tokens(user_id: int) -> Tx[list[Token]]:
    """The tokens of an account, by name."""
    return [TOKEN_MAPPER.make(row) for row in (yield from many(TOKENS, user_id=user_id))]


def list_named_tokens(user_id: int) -> Tx[list[Token]]:
    """As `list_tokens`, without those that the server has issued as JWTs."""
    return [TOKEN_MAPPER.make(row) for row in (yield from many(NAMED_TOKENS, user_id=user_id))]


def add_token(token: Token, token_hash: str) -> Tx[Token]:
    """A new token. Conflict when its name is taken, or the token itself, or when the account has many already."""
    yield from _lock_active(token.user_id)
    row = yield from one(COUNT_TOKENS, user_id=token.user_id)
    if row is not None and row["total"] >= MOST_TOKENS:
        raise Conflict(f"an account has at most {MOST_TOKENS} tokens; delete one first", code="too_many_tokens")
    if (yield from one(TOKEN_BY_NAME, user_id=token.user_id, name=token.name)) is not None:
        raise Conflict(f"token {token.name} exists already; delete it first, or take another name", code="token_exists")
    return (yield from add_row(token, token_hash))


def add_row(token: Token, token_hash: str) -> Tx[Token]:
    """Store a token; Conflict when the token is there already."""
    row = yield from one(ADD_TOKEN, **TOKEN_MAPPER.values(token), hash=token_hash)
    if row is None:
        raise Conflict("this token is another account's", code="token_taken")
    return TOKEN_MAPPER.make(row)


def set_default(user_id: int, token_hash: str, now: int) -> Tx[None]:
    """Give an account this default token, unless it has it; the old default token and all sessions end at once.

    The row of the account must be locked. Conflict when the token is there already, under another name or for another
    account.
    """
    old = yield from one(TOKEN_BY_NAME, user_id=user_id, name=DEFAULT)
    if old is not None and old["hash"] == token_hash:
        return
    if old is not None:
        yield from run(DELETE_TOKEN, id=old["id"], user_id=user_id)
    yield from end_sessions(user_id)
    yield from add_row(Token(0, user_id, DEFAULT, created=now), token_hash)


def default_id(user_id: int, fresh_hash: str, now: int) -> Tx[int]:
    """The id of an account's default token; an account without one gets the token of this hash, which nobody knows."""
    found = yield from one(TOKEN_BY_NAME, user_id=user_id, name=DEFAULT)
    if found is not None:
        return int(found["id"])
    return (yield from add_row(Token(0, user_id, DEFAULT, created=now), fresh_hash)).id


def delete_token(user_id: int, name: str) -> Tx[Token]:
    """Remove a token of an account, found by its name, or else by its id; the sessions that it began end. NotFound."""
    yield from run(LOCK, user_id=user_id)
    found = yield from one(TOKEN_BY_NAME, user_id=user_id, name=name)
    if found is None and name.isascii() and name.isdecimal() and len(name) < 19:
        found = yield from one(TOKEN_BY_ID, user_id=user_id, id=int(name))
    if found is None:
        raise NotFound(f"token {name} not found")
    yield from run(DELETE_TOKEN, id=found["id"], user_id=user_id)
    return TOKEN_MAPPER.make(found)


def list_sessions(user_id: int, now: int) -> Tx[list[Session]]:
    """The sessions of an account that are not over, newest first."""
    return [_SESSIONS.make(row) for row in (yield from many(SESSIONS, user_id=user_id, now=now))]


def begin_session(session: Session, session_hash: str, *, replaces: str, now: int) -> Tx[Session]:
    """A new session, in place of the one whose hash is `replaces`; beyond a limit an account's oldest sessions end.

    Unauthorized when the token of the session, or its account, is not good any more.
    """
    yield from _lock_active(session.user_id)
    if replaces:
        yield from run(END_BY_HASH, hash=replaces)
    yield from run(TIDY_SESSIONS, user_id=session.user_id, now=now, most=MOST_SESSIONS - 1)
    values: dict[str, Any] = _SESSIONS.values(session)
    del values["seen"]
    row = yield from one(ADD_SESSION, **values, hash=session_hash)
    if row is None:
        raise Unauthorized
    return _SESSIONS.make(row)


def _lock_active(user_id: int) -> Tx[None]:
    row = yield from one(LOCK, user_id=user_id)
    if row is None or not row["active"]:
        raise Unauthorized


def end_session(user_id: int, session_id: int) -> Tx[Session]:
    """End a session of an account. NotFound."""
    row = yield from one(END_SESSION, id=session_id, user_id=user_id)
    if row is None:
        raise NotFound(f"session {session_id} not found")
    return _SESSIONS.make(row)


def end_sessions(user_id: int, *, but: int = 0) -> Tx[int]:
    """End all sessions of an account, `but` that of an id; how many there were."""
    return len((yield from many(END_SESSIONS, user_id=user_id, but=but)))


def seen(proof: Proof, now: int) -> Tx[None]:
    """Store when a token or a session was last seen, unless a later time is stored."""
    if proof.session_id:
        yield from run(SEEN, id=proof.session_id, now=now)
    else:
        yield from run(USED, id=proof.token_id, now=now)


def last_use(user_id: int) -> Tx[int]:
    """When an account has shown a token or a session last, some minutes late; 0 for never."""
    row = yield from one(LAST_USE, user_id=user_id)
    return int(row["at"]) if row else 0
