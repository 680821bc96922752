"""What the host of a private repository of plain git wants to see: one name and token, or one key, a repository.

The token or the key is sealed in the database, and is opened only for git and for the clone step.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.db.connect import Database
from app.db.tx import Row, Tx, one
from app.errors import NotFound
from app.scm.host import Access, Account, Source
from app.scm.ssh import Identity
from app.sealing.seal import Seal

Kind: TypeAlias = Literal["https", "ssh"]

#: The column of sealed tokens and keys; its name is also the purpose that they are sealed for.
SECRET = "git_credentials.secret"
SET = """
    INSERT INTO git_credentials (repo_id, kind, name, fingerprint, known_hosts, secret, updated)
    VALUES (:repo_id, :kind, :name, :fingerprint, :known_hosts, :secret, :now)
    ON CONFLICT (repo_id) DO UPDATE SET kind = excluded.kind, name = excluded.name, fingerprint = excluded.fingerprint,
        known_hosts = excluded.known_hosts, secret = excluded.secret, updated = excluded.updated
    RETURNING *
"""
FIND = "SELECT * FROM git_credentials WHERE repo_id = :repo_id"
DELETE = "DELETE FROM git_credentials WHERE repo_id = :repo_id RETURNING *"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of a repository, without the secret."""

    kind: Kind
    #: The login; of an ssh key its type, as in `ssh-ed25519`.
    name: str
    #: Of the public half of an ssh key; empty for a token.
    fingerprint: str
    #: When they were set, Unix seconds.
    updated: int


def set_credentials(
    repo_id: int, kind: Kind, name: str, sealed: bytes, now: int, *, fingerprint: str = "", known_hosts: str = ""
) -> Tx[Credentials]:
    """Set the credentials of a repository, in the place of earlier ones."""
    about = {"kind": kind, "name": name, "fingerprint": fingerprint, "known_hosts": known_hosts}
    row = yield from one(SET, repo_id=repo_id, secret=sealed, now=now, **about)
    assert row is not None
    return _credentials(row)


def find_if_any(repo_id: int) -> Tx[Credentials | None]:
    """The credentials of a repository, without the secret."""
    row = yield from one(FIND, repo_id=repo_id)
    return _credentials(row) if row is not None else None


def find(repo_id: int) -> Tx[Credentials]:
    """The same; NotFound."""
    return _found((yield from find_if_any(repo_id)))


def delete(repo_id: int) -> Tx[Credentials]:
    """Remove the credentials of a repository; NotFound."""
    row = yield from one(DELETE, repo_id=repo_id)
    return _found(_credentials(row) if row is not None else None)


def access(repo_id: int, seal: Seal) -> Tx[Access | None]:
    """With what git is let in by the host of a repository; None without credentials of its own."""
    row = yield from one(FIND, repo_id=repo_id)
    if row is None:
        return None
    secret = seal.open(row["secret"], SECRET)
    return Account(row["name"], secret) if row["kind"] == "https" else Identity(secret, row["known_hosts"])


@dataclass(frozen=True, slots=True)
class Keyring:
    """Finds what git shows to the host of a repository."""

    db: Database
    seal: Seal

    async def __call__(self, source: Source) -> Access | None:
        """See `access`."""
        return await self.db.glance(access(source.repo_id, self.seal))


def _found(found: Credentials | None) -> Credentials:
    if found is None:
        raise NotFound("the repository has no credentials of its own")
    return found


def _credentials(row: Row) -> Credentials:
    return Credentials(row["kind"], row["name"], row["fingerprint"], row["updated"])
