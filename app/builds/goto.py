"""*Go to*: the repositories, builds, commits and targets that a few typed words may mean.

`web` and `acme/web` are repositories, `web#42`, `web 42` and `web/42` builds, `5fcb01b` is a commit, `production` and
`web production` are targets. Each search reads the names of repositories, or looks once into an index for each of them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.accounts.model import User
from app.builds.model import Build
from app.builds.store import MAPPER
from app.db.tx import Row, Tx, many
from app.repos import store as repos
from app.repos.model import Repo

#: Things that are found at most, and characters of what is searched for.
MOST, LONGEST = 8, 300

#: Repositories by their names, the best first; this reads an index, and no whole row.
_MATCHING = """
    WITH matching AS (
        SELECT id AS repo_id, CASE
            WHEN lower(name) = :word OR lower(namespace || '/' || name) = :word THEN 0
            WHEN lower(name) :glob(beginning) OR lower(namespace || '/' || name) :glob(beginning) THEN 1
            ELSE 2
        END AS distance
        FROM repos WHERE lower(namespace || '/' || name) :glob(pattern)
    )
"""
NAMED = f"""
    {_MATCHING}
    SELECT repos.* FROM matching CROSS JOIN repos WHERE repos.id = matching.repo_id AND {repos.MAY_READ}
    ORDER BY distance, namespace, name LIMIT :limit
"""  # noqa: S608 - SQL of ours
NUMBERED = f"""
    {_MATCHING}
    SELECT repos.*, builds.* FROM matching CROSS JOIN builds JOIN repos ON repos.id = matching.repo_id
    WHERE builds.repo_id = matching.repo_id AND builds.number = :number AND {repos.MAY_READ}
    ORDER BY distance, namespace, name LIMIT :limit
"""  # noqa: S608 - SQL of ours
#: Targets that were promoted to, and those that the pipeline file of the default branch declares.
TARGETS = f"""
    {_MATCHING}, named AS (
        SELECT matching.repo_id, distance, latest.name FROM matching CROSS JOIN latest
        WHERE latest.repo_id = matching.repo_id AND latest.kind = 'deployment'
            AND substr(lower(latest.name), 1, :length) = :beginning_of_target
        UNION
        SELECT matching.repo_id, distance, declared.name FROM matching CROSS JOIN declared_targets declared
        WHERE declared.repo_id = matching.repo_id
            AND substr(lower(declared.name), 1, :length) = :beginning_of_target
    )
    SELECT repos.*, named.name AS target FROM named CROSS JOIN repos
    WHERE repos.id = named.repo_id AND {repos.MAY_READ}
    ORDER BY distance, namespace, repos.name, target LIMIT :limit
"""  # noqa: S608 - SQL of ours
#: The newest build of a commit in each repository. `beyond` is the first text after all ids that begin with `least`.
COMMITS = f"""
    WITH newest AS (
        SELECT (
            SELECT builds.id FROM builds
            WHERE builds.repo_id = repos.id AND builds.after_sha >= :least AND builds.after_sha < :beyond
            ORDER BY builds.after_sha DESC, builds.number DESC LIMIT 1
        ) AS build_id FROM repos
    )
    SELECT repos.*, builds.* FROM newest CROSS JOIN builds JOIN repos ON repos.id = builds.repo_id
    WHERE builds.id = newest.build_id AND {repos.MAY_READ} ORDER BY builds.id DESC LIMIT :limit
"""  # noqa: S608 - SQL of ours

_NUMBER = re.compile(r"(?P<repo>\S.*?)\s*[#/\s]\s*#?(?P<number>[1-9][0-9]{0,17})", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
#: What can be a part of a repository's slug.
_PART = re.compile(r"[a-z0-9._/-]+", re.ASCII)

Kind: TypeAlias = Literal["repository", "build", "commit", "target"]


@dataclass(frozen=True, slots=True)
class Found:
    """Something that the words may mean; the build is that of a number, or the newest one of a commit."""

    kind: Kind
    repo: Repo
    build: Build | None = None
    target: str = ""


def find(words: str, user: User | None, now: int) -> Tx[Sequence[Found]]:
    """What the words may mean and the account may read, None being anybody: at most MOST, the most exact first."""
    words = words.strip().lower()
    if not words or len(words) > LONGEST or not words.isprintable():
        return []
    found = list[Found]()
    for kind, sql, values in _searches(words):
        rows = yield from many(sql, limit=MOST, **repos.reader(user, now), **values)
        found += [_made(kind, row) for row in rows]
    return found[:MOST]


def _searches(words: str) -> Iterator[tuple[Kind, str, dict[str, object]]]:
    if (numbered := _NUMBER.fullmatch(words)) and (named := _named(numbered["repo"])):
        yield "build", NUMBERED, {**named, "number": int(numbered["number"])}
    if named := _named(words):
        yield "repository", NAMED, named
    if _COMMIT.fullmatch(words):
        yield "commit", COMMITS, {"least": words, "beyond": f"{words}g"}
    repo, _, target = words.rpartition(" ")
    if named := _named(repo.strip()) if repo else {"word": "", "beginning": "*", "pattern": "*"}:
        yield "target", TARGETS, {**named, "beginning_of_target": target, "length": len(target)}


def _named(words: str) -> dict[str, object]:
    """The values of _MATCHING for a part of a slug; empty for words that no slug has."""
    if not _PART.fullmatch(words):
        return {}
    return {"word": words, "beginning": f"{words}*", "pattern": f"*{words}*"}


def _made(kind: Kind, row: Row) -> Found:
    repo = repos.made(row)
    if kind in ("build", "commit"):
        return Found(kind, repo, build=MAPPER.make(row, repos.WIDTH))
    return Found(kind, repo, target=row["target"] if kind == "target" else "")
