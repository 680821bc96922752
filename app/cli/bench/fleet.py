"""A data folder for pages: many repositories with targets and a history, people who may read all of them, and a log."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.builds.logs import logs
from app.cli.bench import scene
from app.cli.bench.browser import sign_in
from app.cli.bench.history import COPY_STAGES, COPY_STEPS, LAST, NUMBERS, copy
from app.cli.bench.place import Bench
from app.cli.bench.server import Server
from app.db import schema
from app.db.connect import connect
from app.db.tx import Tx, many, one, rows_of, run

#: The name of the data folder.
NAME = "pages"
TARGETS = ("test", "integration", "staging", "canary", "production", "archive")
#: Commits of the git repository, and builds of a repository at one commit: so all its targets are at one commit, as
#: it is git that takes the time to count commits.
COMMITS, AT_ONE = 1_000, 50
#: Builds that are added by one statement; and the fewest of a repository, so that each target has one.
CHUNK, FEWEST = 10_000, 4 * len(TARGETS)
#: Seconds between two builds of a repository.
BETWEEN = 1_800
#: One repository in so many has a newest build that waits for approval, and one that waits for a runner.
BLOCKED, PENDING = 8, 5
#: The build of `scene.SLUG` whose log is long: the stage and the step of the log.
LOGGED = (3, 2, 2)

REPOS = f"""{NUMBERS}
    {copy(schema.repos, name="old.name || '-' || n", uid="old.uid || '-' || n", counter=":each", unbroken_from="1")}
    FROM numbers CROSS JOIN repos old WHERE old.id = 1 ORDER BY n
"""
RIGHTS = """
    INSERT INTO permissions (user_id, repo_id, can_read, can_write, can_admin, created, updated)
    SELECT users.id, repos.id, TRUE, TRUE, TRUE, 1, 1 FROM users CROSS JOIN repos WHERE TRUE
    ON CONFLICT DO NOTHING
"""
_BUILD = {
    name: f"entry.{name}"
    for name in ("repo_id", "number", "event", "status", "deploy_to", "parent", "after_sha", "ref", "message", "params")
}
BUILDS = f"""
    {
    copy(
        schema.builds,
        **_BUILD,
        blocked="entry.blocked <> 0",
        trigger_by="entry.who",
        author_login="entry.who",
        author_name="entry.who",
        title="''",
        created="entry.created",
        started="entry.created + 2",
        updated="entry.created + 45",
        finished="entry.created + 45",
    )
}
    FROM :rows(entries; repo_id bigint, number bigint, event text, status text, deploy_to text, parent bigint,
        after_sha text, ref text, message text, params text, blocked bigint, who text, created bigint) AS entry
    CROSS JOIN builds old WHERE old.id = :id
"""
LATEST = """
    INSERT INTO latest (repo_id, kind, name, build_id, first_number)
    SELECT repo_id, 'deployment', deploy_to, max(id), min(number) FROM builds
    WHERE repo_id > 1 AND deploy_to <> '' GROUP BY repo_id, deploy_to
"""
WAITING = """
    UPDATE stages SET status = :status, machine = '', runner = '', started = 0, stopped = 0 WHERE build_id IN (
        SELECT id FROM builds WHERE repo_id > 1 AND status = 'pending' AND blocked = (:status = 'blocked')
    )
"""
ADDED = "SELECT id, namespace || '/' || name AS slug FROM repos WHERE id > 1 ORDER BY id"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is in the data folder: the cookies of people, one each; and repositories, each with a build of `number`."""

    cookies: Sequence[str]
    slugs: Sequence[str]
    number: int
    #: The ids of all commits, oldest first.
    commits: Sequence[str]


def make(bench: Bench) -> Fleet:
    """Make the data folder, as `Sizes` says: `fleet` repositories with `history` builds, `readers` people."""
    sizes = bench.sizes
    pipelines = scene.PIPELINES.replace("  - production\n", "".join(f"  - {name}\n" for name in TARGETS))
    repository = scene.make_repository(bench.folder / "fleet", pipelines)
    commits = scene.add_commits(repository, COMMITS)
    bench.say(f"{sizes.readers} people who sign in")
    with bench.server(NAME, capacity=2) as server:
        scene.register(server.api, repository)
        model, logged = (_promoted(server) for _ in range(2))
        cookies = [_person(server, f"person-{number}") for number in range(sizes.readers)]
    each = max(sizes.history // sizes.fleet, FEWEST)
    bench.say(f"adding {sizes.fleet:,} repositories with {each:,} builds each")
    _write_log(bench, logged)
    url = f"sqlite:///{bench.folder / NAME / 'gantry.sqlite'}"
    slugs = asyncio.run(_fill(url, model["id"], sizes.fleet, each, commits))
    return Fleet(cookies, sorted(slugs), each, commits)


def _promoted(server: Server) -> Any:
    number = server.api.ask("POST", next(scene.promotions()))["number"]
    return scene.last(scene.watch(server.api, number, 0.02))


def _person(server: Server, login: str) -> str:
    made = server.api.ask("POST", "/api/users", json.dumps({"login": login}).encode())
    return sign_in(server.port, made["token"])


def _write_log(bench: Bench, build: Any) -> None:
    """Put a long log in the place of that of a step."""
    number, stage, step = LOGGED
    assert build["number"] == number
    step_id = build["stages"][stage - 1]["steps"][step - 1]["id"]
    texts = ("GET /basket 200", "\x1b[32mok\x1b[0m 12 of 12", "warning: the cache is cold", "POST /orders 201 in 42 ms")
    lines = [
        {"pos": pos, "out": f"{pos:06} {texts[pos % len(texts)]}\n", "time": pos // 1000}
        for pos in range(bench.sizes.logged)
    ]
    logs.place(bench.folder / NAME / "logs", step_id).write_bytes(orjson.dumps(lines))


async def _fill(url: str, model: int, repos: int, each: int, commits: Sequence[str]) -> Sequence[str]:
    db = connect(url)
    await db.open()
    try:
        return await db.alter(_rows(model, repos, each, commits))
    finally:
        await db.close()


def _rows(model: int, repos: int, each: int, commits: Sequence[str]) -> Tx[Sequence[str]]:
    row = yield from one(LAST)
    last = row["id"] if row else 0
    yield from run(REPOS, copies=repos, each=each)
    yield from run(RIGHTS)
    added = yield from many(ADDED)
    builds = list(_builds([row["id"] for row in added], each, commits, int(time.time())))
    for at in range(0, len(builds), CHUNK):
        yield from run(BUILDS, id=model, entries=rows_of(builds[at : at + CHUNK]))
    yield from run(COPY_STAGES, id=model, last=last)
    yield from run(COPY_STEPS, id=model, last=last)
    yield from run(WAITING, status="blocked")
    yield from run(WAITING, status="pending")
    yield from run(LATEST)
    yield from run("ANALYZE")
    return [row["slug"] for row in added]


def _builds(repos: Sequence[int], each: int, commits: Sequence[str], now: int) -> Iterator[tuple[object, ...]]:
    """The rows of the builds of all repositories, oldest first: each push is promoted to one target after another."""
    for number in range(1, each + 1):
        for at, repo_id in enumerate(repos):
            created = now - (each - number) * BETWEEN - at
            target = TARGETS[number // 2 % len(TARGETS)] if number % 2 == each % 2 else ""
            status, blocked = _status(number, at, each)
            yield (
                *(repo_id, number, "promote" if target else "push", status, target, number - 1 if target else 0),
                commits[(5 * at + (each - number) // AT_ONE) % len(commits)],
                f"refs/tags/v1.{at}.{number}" if target else "refs/heads/main",
                f"Change {number} of the basket: keep what people put there while they sign in",
                json.dumps({"VERSION": f"1.{at}.{number}", "REGION": "eu"} if target else {}),
                *(blocked, f"person-{(at + number) % 20}", created),
            )


def _status(number: int, at: int, each: int) -> tuple[str, bool]:
    """The status of a build, and whether it waits for approval."""
    if number == each and at % BLOCKED == 0:
        return "pending", True
    if number == each and at % PENDING == 0:
        return "pending", False
    return "failure" if (number + at) % 9 == 0 else "success", False
