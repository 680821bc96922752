"""Which of several accounts may read which of several repositories, in one question: for readers of live changes."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

from app.accounts.model import User
from app.db.tx import Row, Tx, many
from app.repos import aged
from app.repos.access import refuse
from app.repos.model import Permissions, Repo

#: Searches by id in one statement: accounts, their tokens and sessions, repositories, and the rights between them.
_AUDIENCE = """
    SELECT 'account' AS kind, id AS own_id, 0 AS repo_id, '' AS word, admin AS flag
        FROM users WHERE id IN ({users}) AND active
    UNION ALL SELECT 'token', id, 0, '', FALSE FROM tokens WHERE id IN ({tokens})
    UNION ALL SELECT 'session', id, 0, '', FALSE FROM sessions WHERE id IN ({sessions})
    UNION ALL SELECT 'repo', 0, id, visibility, FALSE FROM repos WHERE id IN ({repos})
    UNION ALL SELECT 'right', user_id, repo_id, '', can_read
        FROM permissions WHERE user_id IN ({users}) AND repo_id IN ({repos}) AND {counts}
"""


@dataclass(frozen=True, slots=True)
class Who:
    """A reader: the ids of an account, and of the token or the session that the reader showed; 0 for none."""

    user_id: int = 0
    token_id: int = 0
    session_id: int = 0


@dataclass(frozen=True, slots=True)
class Audience:
    """The rights of some accounts in some repositories, as they were when the database was asked."""

    users: dict[int, User] = field(default_factory=dict)
    tokens: set[int] = field(default_factory=set)
    sessions: set[int] = field(default_factory=set)
    repos: dict[int, Repo] = field(default_factory=dict)
    rights: dict[tuple[int, int], Permissions] = field(default_factory=dict)

    def knows(self, who: Who) -> bool:
        """Whether the reader's account is there and active, and still has the token or the session of the reader."""
        if not who.user_id:
            return True
        proven = who.token_id in self.tokens | {0} and who.session_id in self.sessions | {0}
        return who.user_id in self.users and proven

    def may_read(self, who: Who, repo_id: int) -> bool:
        """Whether the reader may read the repository, if `knows` is true for the reader."""
        user, given = self.users.get(who.user_id), self.rights.get((who.user_id, repo_id))
        return refuse(user, self.repos.get(repo_id), given, "read") is None

    def add(self, row: Row) -> None:
        """Take a row of the statement."""
        kind, own_id, repo_id, word, flag = row
        if kind == "account":
            self.users[own_id] = User(own_id, "", admin=bool(flag))
        elif kind == "token":
            self.tokens.add(own_id)
        elif kind == "session":
            self.sessions.add(own_id)
        elif kind == "repo":
            self.repos[repo_id] = Repo(repo_id, "", "", visibility=word)
        else:
            self.rights[own_id, repo_id] = Permissions(read=bool(flag))


def find(readers: Collection[Who], repos: Collection[int], now: int) -> Tx[Audience]:
    """The rights of these readers in these repositories, given by id, that count at a time (`aged`)."""
    ids = {
        "users": _padded({who.user_id for who in readers}),
        "tokens": _padded({who.token_id for who in readers}),
        "sessions": _padded({who.session_id for who in readers}),
        "repos": _padded(repos),
    }
    sql = _sql(*((kind, len(some)) for kind, some in ids.items()))
    values = {f"{kind}{number}": one for kind, some in ids.items() for number, one in enumerate(some)}
    found = Audience()
    for row in (yield from many(sql, since=aged.since(now), **values)):
        found.add(row)
    return found


def _padded(ids: Collection[int]) -> list[int]:
    """The ids, with the first repeated up to the next power of two, so that there are only few different statements."""
    known = list(ids) or [0]
    return known + known[:1] * ((1 << (len(known) - 1).bit_length()) - len(known))


@lru_cache(maxsize=256)
def _sql(*counts: tuple[str, int]) -> str:
    names = {kind: ", ".join(f":{kind}{number}" for number in range(count)) for kind, count in counts}
    return _AUDIENCE.format(**names, counts=aged.COUNTS)
