"""Requests that a client may send again, as after an answer that was lost: each begins one build.

The client gives each request a key, and the same key to the request that it sends again. The key is stored in the
transaction that makes the build, and is known as long as the build is there.
"""

import hashlib
import re
from dataclasses import dataclass

import orjson

from app.builds import store
from app.builds.model import Build
from app.builds.ports import Ports
from app.db.tx import Tx, one
from app.errors import Conflict, Invalid, Problem
from app.repos.model import Repo

#: Characters of a key, at most.
LONGEST = 255
_KEY = re.compile(rf"[\x20-\x7e]{{1,{LONGEST}}}")

FIND = "SELECT build_id, said FROM requests WHERE repo_id = :repo_id AND user_id = :user_id AND key = :key"
KEEP = """
    INSERT INTO requests (repo_id, user_id, key, said, build_id) VALUES (:repo_id, :user_id, :key, :said, :build_id)
    ON CONFLICT DO NOTHING RETURNING build_id
"""


@dataclass(frozen=True, slots=True)
class Once:
    """The key of a request, which counts for one account, and the digest of what the request asks for."""

    user_id: int
    key: str
    said: str


class Repeated(Conflict):
    """Another transaction has made the build of this request: the transaction of this build must not be committed."""

    code = "key_in_use"


def once(user_id: int, key: str, *said: object, field: str = "") -> Once:
    """The key of a request that says these words, which JSON can hold. Invalid for a text that is none."""
    if not _KEY.fullmatch(key):
        text = f"{field or 'the key of the request'} must be 1 to {LONGEST} printable characters of ASCII"
        raise Invalid.of([Problem(field, "bad_request_key", text)])
    return Once(user_id, key, hashlib.sha256(orjson.dumps(said)).hexdigest())


async def known(ports: Ports, repo: Repo, request: Once | None) -> Build | None:
    """The build that a request has begun, with its stages; None for a request without a key, or with a new one.

    Conflict where the key is of a request that asked for something else.
    """
    return await ports.db.glance(_made(repo.id, request)) if request is not None else None


def _made(repo_id: int, request: Once) -> Tx[Build | None]:
    row = yield from one(FIND, repo_id=repo_id, user_id=request.user_id, key=request.key)
    if row is None:
        return None
    made = yield from store.whole(row["build_id"])
    if row["said"] != request.said:
        text = (
            f"this key is of another request, which has begun build {made.number}; give a new request a key of its own"
        )
        raise Conflict(text, code="key_reused", build=made.number)
    return made


def keep(made: Build, request: Once) -> Tx[None]:
    """Remember the build of a request; Repeated where the request has a build already.

    A second transaction with the key waits for the first one when it takes the number of its build.
    """
    values = {"user_id": request.user_id, "key": request.key, "said": request.said}
    if (yield from one(KEEP, repo_id=made.repo_id, build_id=made.id, **values)) is None:
        raise Repeated("the same request was sent twice at one moment; send it again to get its build")
