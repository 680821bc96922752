"""The key that signs the deliveries of a repository, and how another one takes its place.

No delivery is lost meanwhile: the new key counts before the host gets it, and the old one for another day.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import orjson

from app.db.tx import Tx, many, one, run
from app.errors import Conflict
from app.repos import settings, store
from app.repos.model import Repo

#: The column of sealed keys that count beside that of the repository; its name is also the purpose that they are
#: sealed for.
KEY = "hook_keys.key"
SEALED = (KEY,)
#: Seconds for which such a key counts: a day.
OVERLAP = 24 * 3600
#: Such keys of one repository at most: each delivery is compared with each. Beyond, the oldest is forgotten.
MOST = 20
FORGET = """
    DELETE FROM hook_keys
    WHERE until <= :now OR repo_id = :repo_id AND id <= (
        SELECT id FROM hook_keys WHERE repo_id = :repo_id ORDER BY id DESC LIMIT 1 OFFSET :kept
    )
"""
ADD = "INSERT INTO hook_keys (repo_id, key, until) VALUES (:repo_id, :key, :until)"
OF = """
    SELECT repo_id, key FROM hook_keys
    WHERE repo_id IN (SELECT told.id FROM :rows(repos; id bigint) AS told) AND until > :now ORDER BY repo_id, id
"""
EXCHANGE = "UPDATE repos SET signer = :signer, updated = :now, version = version + 1 WHERE id = :id RETURNING *"


class Rotated(NamedTuple):
    """What has become of the key of a repository."""

    key: str
    #: Whether the host of the repository has the key already.
    at_host: bool
    #: Until when the key before counts, too; Unix seconds.
    until: int


def allow(repo_id: int, sealed: bytes, now: int) -> Tx[None]:
    """Let a key count for the deliveries of a repository, beside its own one, for OVERLAP or until MOST others do."""
    yield from run(FORGET, repo_id=repo_id, now=now, kept=MOST - 1)
    yield from run(ADD, repo_id=repo_id, key=sealed, until=now + OVERLAP)


def beside(repos: Collection[int], now: int) -> Tx[Mapping[int, list[bytes]]]:
    """The sealed keys that count beside those of repositories, by the repository's id."""
    found: dict[int, list[bytes]] = {}
    for row in (yield from many(OF, repos=orjson.dumps([[repo_id] for repo_id in repos]).decode(), now=now)):
        found.setdefault(row["repo_id"], []).append(row["key"])
    return found


def exchange(repo: Repo, signer: bytes, former: bytes, now: int) -> Tx[Repo]:
    """Make another key that of the repository; `former`, the key before, counts for OVERLAP.

    NotFound; Conflict when the key is not that of `repo` any more.
    """
    if (yield from settings.lock(repo.id)).signer != repo.signer:
        words = "somebody else has exchanged the key meanwhile, and the host may have either: exchange it again"
        raise Conflict(words, code="key_changed")
    if former:
        yield from allow(repo.id, former, now)
    row = yield from one(EXCHANGE, id=repo.id, signer=signer, now=now)
    assert row is not None
    return store.made(row)
