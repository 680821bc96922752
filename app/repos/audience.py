"""Which of several accounts may read which of several repositories, in one question: for readers of live changes."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

from app.accounts.model import User
from app.db.tx import Row, Tx, many
from app.repos.access import refuse
from app.repos.model import Permissions, Repo

#: Three searches by id in one statement: accounts, repositories, and the rights between them.
_AUDIENCE = """
    SELECT 'account' AS kind, id AS user_id, 0 AS repo_id, token_hash AS word, admin AS flag
        FROM users WHERE id IN ({users}) AND active
    UNION ALL SELECT 'repo', 0, id, visibility, FALSE FROM repos WHERE id IN ({repos})
    UNION ALL SELECT 'right', user_id, repo_id, '', can_read
        FROM permissions WHERE user_id IN ({users}) AND repo_id IN ({repos})
"""


@dataclass(frozen=True, slots=True)
class Who:
    """A reader: the id of an account, 0 without an account; and the hash of the token, if the reader showed one."""

    user_id: int = 0
    token_hash: str = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """The rights of some accounts in some repositories, as they were when the database was asked."""

    users: dict[int, User] = field(default_factory=dict)
    tokens: dict[int, str] = field(default_factory=dict)
    repos: dict[int, Repo] = field(default_factory=dict)
    rights: dict[tuple[int, int], Permissions] = field(default_factory=dict)

    def knows(self, who: Who) -> bool:
        """Whether the reader's account is there and active, and its token is still the one that the reader showed."""
        if not who.user_id:
            return True
        return who.user_id in self.users and who.token_hash in ("", self.tokens[who.user_id])

    def may_read(self, who: Who, repo_id: int) -> bool:
        """Whether the reader may read the repository, if `knows` is true for the reader."""
        user, given = self.users.get(who.user_id), self.rights.get((who.user_id, repo_id))
        return refuse(user, self.repos.get(repo_id), given, "read") is None

    def add(self, row: Row) -> None:
        """Take a row of the statement."""
        kind, user_id, repo_id, word, flag = row
        if kind == "account":
            self.users[user_id], self.tokens[user_id] = User(user_id, "", admin=bool(flag)), word
        elif kind == "repo":
            self.repos[repo_id] = Repo(repo_id, "", "", visibility=word)
        else:
            self.rights[user_id, repo_id] = Permissions(read=bool(flag))


def find(users: Collection[int], repos: Collection[int]) -> Tx[Audience]:
    """The rights of these accounts in these repositories, both given by id."""
    user_ids, repo_ids = _padded(users), _padded(repos)
    values = {f"u{number}": user_id for number, user_id in enumerate(user_ids)}
    values |= {f"r{number}": repo_id for number, repo_id in enumerate(repo_ids)}
    found = Audience()
    for row in (yield from many(_sql(len(user_ids), len(repo_ids)), **values)):
        found.add(row)
    return found


def _padded(ids: Collection[int]) -> list[int]:
    """The ids, with the first repeated up to the next power of two, so that there are only few different statements."""
    known = list(ids) or [0]
    return known + known[:1] * ((1 << (len(known) - 1).bit_length()) - len(known))


@lru_cache(maxsize=256)
def _sql(users: int, repos: int) -> str:
    names = {"users": ", ".join(f":u{n}" for n in range(users)), "repos": ", ".join(f":r{n}" for n in range(repos))}
    return _AUDIENCE.format(**names)
