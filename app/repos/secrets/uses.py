"""Which steps name the secrets of a repository, in the pipeline file of its default branch as that was read last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.db.tx import Tx, one, run
from app.pipeline.uses import Use

KEEP = """
    INSERT INTO secret_uses (repo_id, number, uses) VALUES (:repo_id, :number, :uses)
    ON CONFLICT (repo_id) DO UPDATE SET number = excluded.number, uses = excluded.uses
"""
FIND = "SELECT number, uses FROM secret_uses WHERE repo_id = :repo_id"


@dataclass(frozen=True, slots=True)
class Uses:
    """The steps that name secrets, by the name of the secret in lower case, and the build that has read the file.

    The number is 0 when the file has started no build.
    """

    number: int
    by_secret: Mapping[str, Sequence[Use]]

    def of(self, name: str) -> Sequence[Use]:
        """The steps that name a secret: names of secrets differ in more than letter case."""
        return self.by_secret.get(name.lower(), ())


def keep(repo_id: int, number: int, found: Iterable[Use]) -> Tx[None]:
    """Keep what the file of a build says; the newest word stays."""
    yield from run(KEEP, repo_id=repo_id, number=number, uses=orjson.dumps([list(use) for use in found]).decode())


def find(repo_id: int) -> Tx[Uses | None]:
    """What the file said when it was read last; None when no file was read since this is kept."""
    row = yield from one(FIND, repo_id=repo_id)
    if row is None:
        return None
    by_secret: dict[str, Any] = {}
    for use in orjson.loads(row["uses"]):
        by_secret.setdefault(use[0].lower(), []).append(Use(*use))
    return Uses(row["number"], by_secret)
