"""What the database is asked for stays as much as it is, however long the history grows.

SQLite counts its own instructions, so that this is told without a clock.
"""

import importlib
import itertools
import pkgutil
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeVar

import pytest

import app
from app.accounts.auth import Claim
from app.accounts.model import User
from app.builds import (
    board,
    claims,
    everywhere,
    flow,
    goto,
    lists,
    progress,
    purge,
    requests,
    stages,
    steps,
    store,
    targets,
)
from app.builds.everywhere import Filters
from app.builds.model import Build, Stage
from app.builds.requests import Once
from app.db.migrate import VERSIONS, versions
from app.db.parameters import marked
from app.db.tx import Statement, Tx
from app.db.window import Window
from app.main.maintenance import SEALED
from app.repos import access
from app.repos import store as repos
from app.repos.model import Repo
from app.repos.secrets import store as secrets
from app.sealing.renew import statements
from tests.builds.farside import NOW, RUNNER, ended, pushed, started

T = TypeVar("T")
SIZES = {"short": 400, "long": 4000}
REPOS, USERS, UNFINISHED = 8, 40, 16
#: Modules of the server; the benchmark's own statements serve nobody.
MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(app.__path__, "app.")
    if not found.name.startswith(("app.cli", "app.__main__", "app.db"))
]
SQL = re.compile(r"\s*(WITH|SELECT|UPDATE|INSERT|DELETE)\b")
BIG = re.compile(
    r"SCAN (builds|stages|steps|repos|permissions|users|host_accounts|secrets|latest|org_secrets|templates|crons|cards"
    r"|converted|audit|tokens|sessions|group_members|refresh_tokens|api_keys|stage_tokens|items|blobs|properties|property_sets"
    r"|item_stats|runs|module_artifacts|module_dependencies|run_parts|build_promotions|build_promotion_messages"
    r"|deliveries|looks|seen_refs|bundles|bundle_artifacts|bundle_promotions|bundle_claims|bundle_evidence|outbox|webhooks"
    r"|webhook_events|webhook_deliveries|declared_targets|secret_uses)\b"
)
#: Whole tables that are read, by statement: what the plan says, and why it may.
SCANS = {
    "migrate.store.UNBROKEN": "once, at the end of a move from another server",
    "migrate.store.COUNT_ON": "once, at the end of a move from another server",
    "migrate.store.FIRST_NUMBERS": "once, at the end of a move from another server",
    "repos.store.USED_SINCE": "once an hour, in the background, to find the mirrors that nobody uses",
    "builds.lists.COUNTS": "counts of whole tables, for /metrics; of builds and stages only the unfinished ones",
    "builds.claims.SAME_NAME_AHEAD": "the partial index stages_queue holds only what is unfinished",
    "builds.claims.OF_RUNNER": "the partial index stages_queue holds only what is unfinished; once a start",
    "builds.claims.SEE_ALL": "the partial index stages_queue holds only what is unfinished; once a start",
    "builds.claims.SILENT": "the partial index stages_queue holds only what is unfinished; every few seconds",
    "builds.steps.RUNNING": "the partial index stages_queue holds only what is unfinished; once a start",
    "builds.claims.WAIT_ANEW": "the partial index stages_queue holds only what is unfinished; when a queue is resumed",
    "builds.claims.UNTAKEN": "the partial index stages_queue holds only what is unfinished; every few seconds",
    "builds.cron.store.SOONEST": "a page from the start of the partial index crons_due",
    "builds.deliveries.store.DUE": "the partial index deliveries_waiting holds only what waits",
    "builds.missed.store.HASTEN": "once a start",
    "builds.missed.store.SERVERS": "the index of looks, of which each repository has one; in the background",
    "builds.stages.HELD": "the partial index stages_queue holds only what is unfinished",
    "builds.stages.ROWS": "the partial index stages_queue holds only what is unfinished",
    "builds.stages.PLATFORMS": "the partial index stages_queue holds only what is unfinished",
    "builds.goto.NAMED": "the index of names, of which each repository has one",
    "builds.goto.NUMBERED": "the index of names, of which each repository has one",
    "builds.goto.TARGETS": "the index of names, of which each repository has one",
    "builds.goto.COMMITS": "an index of repositories, in which each is looked for once in the index of commits",
    "accounts.store.ADMINISTRATORS": "the partial index users_admins holds only administrators",
    "repos.reserved.NAMESPACES": "once a start",
    "repos.store.ALL": "a page of the whole table, in the order of its index",
    "repos.secrets.store.ALL_OF_NAMESPACES": "the answer is the whole table, in the order of its index",
    "accounts.store.ALL": "the answer is the whole table, in the order of its index",
    "repos.templates.store.ALL": "the answer is the whole table, in the order of its index",
    "accounts.store.COUNT": "the answer is how many there are",
    "notify.webhooks.store.ACTIVE": "the answer is all that are active; at the start and after changes",
    "notify.webhooks.store.INACTIVE": "the answer is all that are not active; every minute, in the background",
    "audit.chain.ANY_UNSEALED": "the partial index audit_unsealed holds only the newest rows",
    "audit.chain.UNSEALED": "a page from the start of the partial index audit_unsealed",
    "audit.chain.COUNT_UNSEALED": "the partial index audit_unsealed holds only the newest rows",
    "accounts.issued.ALL": "the newest 1,000, from the end of the table",
    "artifacts.listing.TOTALS": "totals of all repositories, for the summary of what is stored",
    "artifacts.listing.BLOBS": "totals of all repositories, for the summary of what is stored",
    "bundles.gauges.VERSIONS": "counts of a whole index, for /metrics",
    "outbox.store.RELEASE_ALL": "once a start",
    "main.backup_blobs.PLACES": "a backup takes all bytes along",
}
#: Texts that statements begin with.
BEGINNINGS = {"ITEMS", "CURRENT_OF", "KNOWN", "_MATCHING", "_APPROVABLE", "_DEPLOYED", "_READABLE"}
#: Orders that no index has, by statement: what is sorted, which is no more than what is answered or unfinished. A
#: statement that is given rows may sort what it finds for them.
SORTS = {
    "notify.webhooks.deliveries.NEWEST": "the newest deliveries of each of 50 webhooks at most",
    "repos.hosted.disconnect.READ_BY": "the repositories of one account",
    "builds.lists.RECENT": "the newest 100 builds of all",
    "outbox.store.TAKE_IN_ORDER": "the oldest entries of one host, as many as are taken",
    "outbox.lists.REFUSED": "what has not left of one repository",
    "builds.lists.FEED": "the newest build of each repository of an account, then those of 25 repositories",
    "builds.lists.INCOMPLETE": "the builds of what is unfinished",
    "builds.goto.NAMED": "the repositories whose names match",
    "builds.goto.NUMBERED": "the repositories whose names match",
    "builds.goto.TARGETS": "the targets that match",
    "builds.goto.COMMITS": "one build of each repository",
    "builds.stages.HELD": "what is unfinished of one repository",
    "builds.targets.LANE": "what is unfinished of one repository",
    "repos.store.WRITERS": "the accounts of a repository",
    "builds.stages.OF_BUILD": "the stages of one build",
    "builds.steps.OF_BUILD": "the steps of one build",
    "builds.steps.OF_STAGE": "the steps of one stage",
    "builds.stages.ROWS": "what is unfinished; the answer is all of it",
    "builds.stages.PLATFORMS": "what is unfinished, by platform",
    "repos.store.OF_USER": "the repositories of an account; the answer is all of them",
    "repos.store.COLLABORATORS": "the accounts of a repository; the answer is all of them",
    "repos.store.COLLABORATORS_AFTER": "the accounts of a repository; the answer is all of them",
    "repos.store.COLLABORATORS_BEFORE": "the accounts of a repository; the answer is all of them",
    "repos.store.ADMINISTRATORS": "those who have rights in one repository",
    "accounts.groups.MEMBERS": "the accounts of a group; the answer is all of them",
    "accounts.groups.OF_USER": "the groups of an account; the answer is all of them",
    "accounts.issued.OF_USER": "the issued tokens of an account, of which there are 10,000 at most",
    "artifacts.blobs.verification.FROZEN": "the unsigned versions with one damaged blob; the answer is all of them",
    "artifacts.environments.NAMED_BY": "the permission targets with an environment",
    "buildinfo.linking.BY_PROPERTIES": "the files of a run; the answer is all of them",
    "buildinfo.removal.PROMOTIONS": "the promotions of a build; the answer is all of them",
    "bundles.signing.store.ALL": "all keys, those in use first",
    "bundles.transfer.export.BLOBS": "the blobs of a version; the answer is all of them",
    "buildinfo.store.NEWEST": "the builds of a repository; the answer is all of them",
    "buildinfo.store.NEWEST_VISIBLE": "the builds of a repository; the answer is all of them",
}


@dataclass
class Asked:
    """What a transaction asked for, and how many instructions SQLite ran for it."""

    statements: list[str]
    instructions: int
    result: Any


def drive(raw: sqlite3.Connection, tx: Tx[Any]) -> Asked:
    """Run a transaction by hand, counting."""
    asked = Asked([], 0, None)

    def count() -> int:
        asked.instructions += 1
        return 0

    raw.execute("BEGIN")
    raw.set_progress_handler(count, 1)
    try:
        statement: Statement = next(tx)
        while True:
            asked.statements.append(statement[0])
            text, arguments = marked(statement[0])
            statement = tx.send(raw.execute(text, arguments(statement[1])).fetchall())
    except StopIteration as end:
        asked.result = end.value
        return asked
    finally:
        raw.set_progress_handler(None, 1)
        raw.execute("ROLLBACK")


def fill(raw: sqlite3.Connection, table: str, count: int, **values: str) -> None:
    """So many rows, `n` from 0; SQL for some columns, and nothing for the rest."""
    empty = {"TEXT": "''", "BLOB": "x''"}
    columns = {row["name"]: empty.get(row["type"], "0") for row in raw.execute(f"PRAGMA table_info({table})")}
    columns = {name: "n + 1" if name == "id" else value for name, value in columns.items()} | values
    raw.execute(
        f"WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < {count}) "
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM c"
    )


def history(builds: int) -> sqlite3.Connection:
    """A database with so many builds, evenly over the repositories; the last ones are not over."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.row_factory = sqlite3.Row
    raw.create_function("regexp", 2, lambda *_: False)
    for statement in (VERSIONS, *itertools.chain(*versions("sqlite"))):
        raw.execute(statement)
    each = builds // REPOS
    status = f"iif({{}} < {builds - UNFINISHED}, 'success', 'pending')"
    fill(raw, "users", USERS, login="'u' || n", active="1")
    fill(raw, "tokens", USERS, user_id="n + 1", scope="'admin'", repos="'{}'", hash="'h' || n")
    fill(raw, "sessions", USERS, user_id="n + 1", token_id="n + 1", hash="'h' || n")
    fill(
        raw,
        "repos",
        REPOS,
        namespace="'o'",
        name="'r' || n",
        counter=str(each),
        visibility="'private'",
        parameters="'[]'",
    )
    fill(raw, "permissions", USERS * REPOS, user_id=f"n / {REPOS} + 1", repo_id=f"n % {REPOS} + 1", can_read="1")
    fill(raw, "secrets", REPOS * 5, repo_id="n / 5 + 1", name="'s' || n")
    fill(raw, "org_secrets", REPOS * 5, namespace="'o' || (n / 5)", name="'s' || n")
    fill(
        raw,
        "builds",
        builds,
        repo_id=f"n % {REPOS} + 1",
        number=f"n / {REPOS} + 1",
        status=status.format("n"),
        event=f"iif(n / {REPOS} % 2, 'push', 'promote')",
        ref="'refs/heads/main'",
        deploy_to=f"iif(n / {REPOS} % 2, '', 'production')",
        params="'{}'",
        version="1",
    )
    fill(raw, "latest", REPOS * 3, repo_id="n / 3 + 1", kind="'branch'", name="'b' || n", build_id="n + 1")
    deployed = {"kind": "'deployment'", "name": "'production'", "first_number": "1"}
    fill(raw, "latest", REPOS, repo_id="n + 1", build_id="n + 1", **deployed)
    own = status.format("n / 2")
    names = "'[]'"
    fill(
        raw,
        "stages",
        builds * 2,
        build_id="n / 2 + 1",
        number="n % 2 + 1",
        repo_id=f"n / 2 % {REPOS} + 1",
        name="'s' || (n % 2)",
        status=own,
        depends_on=names,
        labels="'{}'",
        version="1",
    )
    fill(raw, "steps", builds * 4, stage_id="n / 2 + 1", number="n % 2 + 1", depends_on=names, version="1")
    return raw


@pytest.fixture(scope="module")
def histories() -> Iterator[dict[str, sqlite3.Connection]]:
    made = {name: history(size) for name, size in SIZES.items()}
    yield made
    for raw in made.values():
        raw.close()


def constants(module: ModuleType) -> Iterator[tuple[str, str]]:
    for name, value in vars(module).items():
        place = f"{module.__name__.removeprefix('app.')}.{name}"
        whole = name.isupper() and name not in BEGINNINGS
        if whole and isinstance(value, str) and SQL.match(value) and "{" not in value:
            yield place, value  # what has braces is tested where they are filled
        elif isinstance(value, secrets.Statements):
            yield from ((f"{place}.{verb}", sql) for verb, sql in value._asdict().items())


STATEMENTS = [statement for module in MODULES for statement in constants(module)]
WAYS: tuple[lists.Way, ...] = ("down", "up", "skip")
LISTS = [
    (f"{','.join((*filters, waiting)).strip(',') or 'all'} {way}", lists._page_sql(filters, way, waiting))
    for count in range(len(lists.FILTERS) + 2)
    for filters in itertools.combinations(sorted((*lists.FILTERS, "by")), count)
    for waiting in (("", "pending") if "status" in filters else ("", "blocked"))
    for way in WAYS
]


def plan(raw: sqlite3.Connection, sql: str) -> list[str]:
    text, arguments = marked(sql)
    values: dict[str, Any] = defaultdict(lambda: "[]")  # also an array, where the parameter is a table
    return [row["detail"] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", arguments(values))]


def test_the_statements_of_all_rooms_are_looked_at() -> None:
    assert len(STATEMENTS) > 60
    assert len(LISTS) == 384


@pytest.mark.parametrize(("name", "sql"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_a_statement_is_served_by_an_index(histories: dict[str, sqlite3.Connection], name: str, sql: str) -> None:
    steps = plan(histories["long"], sql)

    scans = [step for step in steps if BIG.match(step)]
    assert bool(scans) == (name in SCANS), steps
    assert not [step for step in scans if re.match("SCAN (builds|steps)", step)], steps
    assert not [step for step in scans if step.startswith("SCAN stages") and "stages_queue" not in step], steps


@pytest.mark.parametrize(("name", "sql"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_a_list_comes_in_the_order_of_its_index(histories: dict[str, sqlite3.Connection], name: str, sql: str) -> None:
    sorts = [step for step in plan(histories["long"], sql) if "TEMP B-TREE" in step]

    assert bool(sorts) == (name in SORTS) or ":rows(" in sql, sorts


@pytest.mark.parametrize(("name", "sql"), LISTS, ids=[name for name, _ in LISTS])
def test_a_list_is_served_by_an_index_in_its_order(
    histories: dict[str, sqlite3.Connection], name: str, sql: str
) -> None:
    (step,) = plan(histories["long"], sql)

    assert re.match(r"SEARCH builds USING (COVERING )?INDEX builds_", step)
    assert "number" in step or name.endswith("skip")


@pytest.mark.parametrize("purpose", SEALED)
def test_sealed_values_are_walked_through_by_id(histories: dict[str, sqlite3.Connection], purpose: str) -> None:
    sql, table = statements(purpose), purpose.partition(".")[0]

    assert plan(histories["long"], sql.after) == [f"SEARCH {table} USING INTEGER PRIMARY KEY (rowid>?)"]
    assert plan(histories["long"], sql.update) == [f"SEARCH {table} USING INTEGER PRIMARY KEY (rowid=?)"]


def test_every_exception_is_one() -> None:
    assert set(SCANS) | set(SORTS) <= {name for name, _ in STATEMENTS}


def last(raw: sqlite3.Connection) -> int:
    number: int = raw.execute("SELECT counter FROM repos").fetchone()[0]
    return number


def newest(raw: sqlite3.Connection) -> Stage:
    """The last stage, which is not over."""
    stage_id = raw.execute("SELECT max(id) FROM stages").fetchone()[0]
    stage: Stage = drive(raw, stages.find(stage_id)).result
    return stage


def promotion(raw: sqlite3.Connection) -> Tx[Build]:
    """What a promotion that starts two stages writes."""
    repo = Repo(1, "o", "r0")
    draft = replace(pushed(repo, "a" * 40), event="promote", deploy_to="production")
    two = [Stage(0, 1, 0, number, f"s{number}", status="pending") for number in (1, 2)]
    return flow._insert(draft, two)


REPO = Repo(1, "o", "r0")


def middle(raw: sqlite3.Connection) -> int:
    """A build in the middle of the history."""
    return last(raw) // 2


def deep(raw: sqlite3.Connection) -> Tx[Any]:
    """A page by its number, as deep in the history as can be."""
    return lists.page(replace(REPO, counter=last(raw)), {}, Window(25, last(raw) - 25))


#: What clients, runners and pages ask for most.
WORK: dict[str, Callable[[sqlite3.Connection], Tx[Any]]] = {
    "who may read": lambda _: access.find(Claim(token_hash="h3"), "o", "r3", "read"),
    "list": lambda _: lists.page(REPO, {}, Window(25)),
    "list by event": lambda _: lists.page(REPO, {"event": "promote"}, Window(25)),
    "list by target": lambda _: lists.page(REPO, {"deploy_to": "production"}, Window(25)),
    "list by ref": lambda _: lists.page(REPO, {"ref": "refs/heads/main"}, Window(25)),
    "deep page": deep,
    "list, followed": lambda raw: lists.page(REPO, {}, Window(25, after=str(middle(raw)))),
    "list, followed back": lambda raw: lists.page(REPO, {}, Window(25, before=str(middle(raw)))),
    "list by event, followed": lambda raw: lists.page(REPO, {"event": "promote"}, Window(25, after=str(last(raw)))),
    "all repositories": lambda _: repos.list_all(Window(25)),
    "incomplete builds": lambda _: lists.incomplete(50),
    "incomplete stages": lambda _: stages.rows(),
    "unfinished stages": lambda _: stages.unfinished(0, 500),
    "platforms": lambda _: stages.platforms(),
    "old builds": lambda _: purge._next(1, 0, 40, purge.OVER),
    "builds that expire": lambda _: purge._next(1, 0, 40, purge.EXPIRED, ended=NOW),
    "one build": lambda raw: store.versions(1, last(raw)),
    "latest": lambda _: store.latest_of_ref(1, "refs/heads/main"),
    "branches": lambda _: lists.remembered(1, "branch"),
    "list of what is blocked": lambda _: lists.page(REPO, {"status": "blocked"}, Window(25)),
    "approvals of an administrator": lambda _: lists.approvals(User(1, "u0", admin=True), Window(25), NOW),
    "approvals": lambda _: lists.approvals(User(1, "u0"), Window(25), NOW),
    "approvals of others": lambda _: lists.unapprovable(User(1, "u0"), Window(25), NOW),
    "who administers": lambda _: repos.people(1, "admin", 6, NOW),
    "targets": lambda _: targets.of_repo(1),
    "what runs in a target": lambda _: targets.current(1, "production"),
    "board": lambda _: board.page(User(1, "u0"), board.Filter(show="differs"), Window(25), NOW),
    "board of failures": lambda _: board.page(User(1, "u0"), board.Filter(show="failed"), Window(25), NOW),
    "what may be promoted": lambda _: targets.promotable([REPO]),
    "lane of a target": lambda _: targets.lane(1, "production", 20),
    "a request that is sent again": lambda _: requests._made(1, Once(1, "k", "")),
    "targets of all repositories": lambda _: targets.page(User(1, "u0"), Window(25), NOW),
    "go to a build": lambda _: goto.find("r1#7", User(1, "u0"), NOW),
    "go to a commit": lambda _: goto.find("a" * 10, User(1, "u0"), NOW),
    "go to a target": lambda _: goto.find("o production", User(1, "u0"), NOW),
    "builds everywhere": lambda _: everywhere.stretch(User(1, "u0"), Filters(), 25, NOW, among=100),
    "promotions everywhere": lambda _: everywhere.stretch(
        User(1, "u0"), Filters(deployed=True, target="none"), 25, NOW, among=100
    ),
    "what is blocked everywhere": lambda _: everywhere.stretch(User(1, "u0"), Filters(status="blocked"), 25, NOW),
    "feed": lambda _: lists.feed(1, 25, NOW),
    "newest": lambda _: lists.newest(1, NOW),
    "counts": lambda _: lists.counts(),
    "queue": lambda _: claims.queued("exec", 0, 100, now=NOW),
    "limit and throttle": lambda raw: claims.ahead(newest(raw)),
    "promote": promotion,
    "accept": lambda raw: claims.take(newest(raw).id, "lab", runner="r1", peer="", now=NOW),
    "start": lambda raw: progress._start(started(newest(raw)), RUNNER, NOW),
    "finish": lambda raw: progress._finish(ended(newest(raw)), RUNNER, NOW),
    "find a log": lambda raw: steps.find_by_numbers(1, last(raw), 1, 1),
}


@pytest.mark.parametrize("name", WORK)
def test_work_does_not_grow_with_the_history(histories: dict[str, sqlite3.Connection], name: str) -> None:
    short, long = (drive(raw, WORK[name](raw)) for raw in histories.values())

    assert short.statements == long.statements
    assert long.instructions <= short.instructions * 1.05 + 20


def test_this_would_notice(histories: dict[str, sqlite3.Connection]) -> None:
    def scan() -> Tx[Any]:
        return (yield "SELECT max(message) FROM builds WHERE repo_id = 1", {})

    short, long = (drive(raw, scan()) for raw in histories.values())

    assert long.instructions > short.instructions * 5


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("who may read", 2),
        ("list", 1),
        ("deep page", 1),
        ("incomplete builds", 2),  # there are fewer than asked for
        ("incomplete stages", 1),
        ("one build", 1),
        ("latest", 3),
        ("branches", 1),
        ("targets", 3),
        ("targets of all repositories", 4),
        ("approvals", 1),
        ("approvals of others", 1),
        ("feed", 1),
        ("newest", 1),
        ("promote", 5),  # number, build, newest of its target, two stages
        ("accept", 1),
        ("find a log", 1),
    ],
)
def test_statements_are_few(histories: dict[str, sqlite3.Connection], name: str, most: int) -> None:
    raw = histories["long"]

    assert len(drive(raw, WORK[name](raw)).statements) == most
