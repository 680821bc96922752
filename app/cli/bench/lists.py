"""Long lists: adds many repositories, accounts, builds and waiting stages to the database of a stopped server."""

import asyncio
from dataclasses import dataclass
from itertools import repeat

from app.cli.bench import scene
from app.cli.bench.history import NUMBERS, copy
from app.cli.bench.load import Load
from app.cli.bench.server import Api, Server
from app.db import accounts, schema
from app.db.connect import connect
from app.db.tx import Tx, one, run

#: Builds of each repository that is added.
EACH = 50

REPOS = f"""{NUMBERS}
    {copy(schema.repos, name="old.name || '-' || (:last + n)", uid="old.uid || '-' || (:last + n)", counter=str(EACH))}
    FROM numbers CROSS JOIN repos old WHERE old.id = 1 ORDER BY n
"""
NAME = "'user-' || (:last + n)"
USERS = f"""{NUMBERS}
    {copy(accounts.users, login=NAME, admin="FALSE")}
    FROM numbers CROSS JOIN users old WHERE old.id = 1 ORDER BY n
"""
RIGHTS = """
    INSERT INTO permissions (user_id, repo_id, can_read, can_write, can_admin, created, updated)
    SELECT users.id, repos.id, TRUE, TRUE, FALSE, 1, 1 FROM users CROSS JOIN repos WHERE (users.id = 1 OR repos.id = 1)
    ON CONFLICT DO NOTHING
"""
BUILDS = f"""{NUMBERS}
    {copy(schema.builds, repo_id="repos.id", number="n")}
    FROM numbers CROSS JOIN repos JOIN builds old ON old.id = 1 WHERE repos.id > 1 ORDER BY n, repos.id
"""
WAITING = f"""
    {copy(schema.stages, repo_id="recent.repo_id", build_id="recent.id", status="'pending'", machine="''", runner="''")}
    FROM (SELECT id, repo_id FROM builds ORDER BY id DESC LIMIT :waiting) AS recent CROSS JOIN stages old
    WHERE old.build_id = 1 AND old.number = 1 ORDER BY recent.id
"""  # noqa: S608 - names only
LAST = "SELECT max(id) AS id FROM repos"


def fill(url: str, *, repos: int, waiting: int) -> None:
    """Add `repos` repositories and as many accounts, their rights, `EACH` builds a repository, and waiting stages."""
    asyncio.run(_fill(url, repos, waiting))


async def _fill(url: str, repos: int, waiting: int) -> None:
    db = connect(url)
    await db.open()
    try:
        await db.write(_rows(repos, waiting))
    finally:
        await db.close()


def _rows(repos: int, waiting: int) -> Tx[None]:
    row = yield from one(LAST)
    last = row["id"] if row else 0
    yield from run(REPOS, copies=repos, last=last)
    yield from run(USERS, copies=repos, last=last)
    yield from run(RIGHTS)
    yield from run(BUILDS, copies=EACH)
    yield from run(WAITING, waiting=waiting)


@dataclass(slots=True)
class Read:
    """The measures so far of reading one list over one connection."""

    server: Server
    path: str
    #: Items of one answer.
    rows: int
    load: Load

    @classmethod
    def begin(cls, server: Server, path: str) -> "Read":
        """Read the list once, to count its items."""
        return cls(server, path, len(server.api.ask("GET", path)), Load())

    def go_on(self, seconds: float) -> None:
        """Read the list again and again for these seconds."""
        self.load.add(self.server.load("GET", repeat(self.path), 1, seconds))

    @property
    def median(self) -> float | None:
        """Milliseconds of the median answer."""
        return self.load.detail().get("p50_ms")

    @property
    def p99(self) -> float | None:
        """Milliseconds of the 99th percentile of the answers."""
        return self.load.detail().get("p99_ms")


#: Lists that have no pages: an answer holds the whole list.
WHOLE = {
    "repositories with latest": "/api/user/repos?latest=true",
    "collaborators": f"/api/repos/{scene.SLUG}/collaborators",
    "incomplete stages": "/api/builds/incomplete/v2",
    "queue": "/api/queue",
}


def paths(api: Api) -> dict[str, str]:
    """A page of each list that has pages, from the middle of long lists, and the lists without pages."""
    middle = api.ask("GET", scene.BUILDS)[0]["number"] // 2
    repos = len(api.ask("GET", "/api/repos?per_page=1000000"))
    slug = api.ask("GET", f"/api/repos?per_page=1&page={repos // 2}")[0]["slug"]
    return {
        "builds list, by link": f"{scene.BUILDS}?cursor=after:{middle}",
        "builds list, by number": f"{scene.BUILDS}?page={middle // 25}",
        "builds list, one event": f"{scene.BUILDS}?event=promote&cursor=after:{middle}",
        "repositories": f"/api/repos?per_page=5&cursor=after:{slug}",
        "user feed": "/api/user/builds",
        "incomplete builds": "/api/builds/incomplete",
        **WHOLE,
    }
