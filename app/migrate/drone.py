"""What Drone's database looks like, and whether a database is one (Drone 2.25, on all three engines).

Drone writes the name of each change of its schema into the table `migrations`; the names differ a little between the
engines. A name that is not known stands for a schema that is not known, and a column that lacks for an older Drone.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from app.db.foreign import BadSource, Reader

#: A row of Drone, by the names of its columns.
Row: TypeAlias = dict[str, Any]

#: Rows that are read together.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """A table of Drone, the columns of it that are read, and the column whose numbers divide it into pieces."""

    name: str
    key: str
    columns: tuple[str, ...]


def _table(name: str, key: str, prefix: str, columns: str) -> Table:
    return Table(name, prefix + key, tuple(prefix + column for column in columns.split()))


USERS = _table(
    "users",
    "id",
    "user_",
    "id login email admin machine active avatar synced created updated last_login oauth_token hash",
)
REPOS = _table(
    "repos",
    "id",
    "repo_",
    "id uid user_id namespace name clone_url ssh_url html_url active private visibility branch counter config timeout "
    "trusted protected synced created updated version signer secret no_forks no_pulls cancel_pulls cancel_push "
    "throttle cancel_running",
)
PERMS = _table("perms", "user_id", "perm_", "user_id repo_uid read write admin created updated")
SECRETS = _table("secrets", "id", "secret_", "id repo_id name data pull_request pull_request_push")
ORG_SECRETS = _table("orgsecrets", "id", "secret_", "id namespace name data pull_request pull_request_push")
CRON = _table(
    "cron", "id", "cron_", "id repo_id name expr next prev event branch target disabled created updated version"
)
TEMPLATES = _table("templates", "id", "template_", "id name namespace data created updated")
BUILDS = _table(
    "builds",
    "id",
    "build_",
    "id repo_id trigger number parent status error event action link timestamp title message before after ref "
    "source_repo source target author author_name author_email author_avatar sender deploy params started finished "
    "created updated version debug cron deploy_id",
)
STAGES = _table(
    "stages",
    "id",
    "stage_",
    "id repo_id build_id number kind type name status error errignore exit_code limit os arch variant kernel machine "
    "started stopped created updated version on_success on_failure depends_on labels limit_repo",
)
STEPS = _table(
    "steps",
    "id",
    "step_",
    "id stage_id number name status error errignore exit_code started stopped version depends_on image detached schema",
)
CARDS = _table("cards", "id", "card_", "id data")
LATEST = _table("latest", "repo_id", "latest_", "repo_id build_id type name")
LOGS = _table("logs", "id", "log_", "id data")
TABLES = (
    *(USERS, REPOS, PERMS, SECRETS, ORG_SECRETS, CRON, TEMPLATES),
    *(BUILDS, STAGES, STEPS, CARDS, LATEST, LOGS),
)
#: The changes of schema of Drone 2.25, without `create-` and `alter-table-` before their names.
_CREATED = """
    table-users table-repos table-perms index-perms-user index-perms-repo table-builds index-builds-repo
    index-builds-author index-builds-sender index-builds-ref index-build-incomplete index-builds-incomplete table-stages
    index-stages-build index-stages-status table-unfinished trigger-stage-insert trigger-stage-update table-steps
    index-steps-stage table-logs table-cron index-cron-repo index-cron-next table-secrets index-secrets-repo
    index-secrets-repo-name table-nodes table-org-secrets table-latest index-latest-repo table-templates table-template
    index-template-namespace table-cards index-cards-card_build index-cards-card-build index-cards-card_step
    new-table-cards
"""
_ALTERED = """
    repos-add-column-no-fork repos-add-column-no-pulls repos-add-column-cancel-pulls repos-add-column-cancel-push
    repos-add-column-throttle repos-add-column-cancel-running builds-add-column-debug builds-add-column-cron
    builds-add-column-deploy-id builds-alter-column-deploy-id stages-add-column-limit-repos
    steps-add-column-step-depends-on steps-add-column-step-image steps-add-column-step-detached
    steps-add-column-step_schema
"""
KNOWN = frozenset(
    {f"create-{name}" for name in _CREATED.split()}
    | {f"alter-table-{name}" for name in _ALTERED.split()}
    | {"drop-table-cards"}
)
#: Tables of Drone 0.8, which was another program.
_OLD = {"procs", "registry", "sender_perms", "config"}


async def recognise(source: Reader) -> None:
    """Refuse a database that is not Drone's, or of a Drone whose schema is not known; BadSource says what is wrong."""
    tables = await source.tables()
    if "migrations" not in tables or not {"users", "repos", "builds"} <= tables:
        if "schema_versions" in tables:
            raise BadSource("the source is a database of Gantry, not of Drone", code="foreign_source")
        found = ", ".join(sorted(tables)[:5]) or "none"
        raise BadSource(f"the source is not Drone's database; its tables: {found}", code="foreign_source")
    if _OLD & tables and "stages" not in tables:
        raise BadSource(_older("it is of Drone 0.8"), code="unknown_version")
    applied = {_name(name) for (name,) in await source.rows("SELECT name FROM migrations")}
    if "create-table-users" not in applied:
        raise BadSource("the source is not Drone's database: it is of another program", code="foreign_source")
    if unknown := sorted(applied - KNOWN):
        words = f"the source is of a newer Drone than 2.25, with {_some(unknown)}, which this version does not know"
        raise BadSource(f"{words}: upgrade Gantry", code="unknown_version")
    lacking = [name async for name in _lacking(source)]
    if lacking:
        raise BadSource(_older(f"it lacks {_some(lacking)}"), code="unknown_version")


async def _lacking(source: Reader) -> AsyncIterator[str]:
    for table in TABLES:
        found = await source.columns(table.name)
        for column in table.columns:
            if column not in found:
                yield f"{table.name}.{column}"


def _older(reason: str) -> str:
    return f"the source is of an older Drone than 2.25 ({reason}): let Drone 2.25 start on it once, and stop it"


def _some(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


async def fingerprint(source: Reader) -> str:
    """A text that tells databases apart, and one from itself after Drone has worked on it."""
    accounts = await source.rows("SELECT user_id, user_login, user_hash FROM users ORDER BY user_id")
    repos = await source.rows("SELECT repo_id, repo_slug, repo_counter, repo_version FROM repos ORDER BY repo_id")
    sizes = [await _size(source, table) for table in TABLES]
    facts = [[[_name(value) for value in row] for row in rows] for rows in (accounts, repos, sizes)]
    return hashlib.sha256(orjson.dumps(facts)).hexdigest()[:32]


async def _size(source: Reader, table: Table) -> Sequence[Any]:
    (found,) = await source.rows(f"SELECT count(*), coalesce(max({table.key}), 0) FROM {table.name}")  # noqa: S608 - names
    return found


def _name(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


async def count(source: Reader, table: Table) -> int:
    """The number of rows of a table."""
    ((found,),) = await source.rows(f"SELECT count(*) FROM {table.name}")  # noqa: S608 - names of ours
    return int(found)


async def pages(source: Reader, table: Table) -> AsyncIterator[list[Row]]:
    """All rows of a table whose key is an id, by id, some at a time."""
    after = -1
    while rows := await _read(source, table, f"> {after} ORDER BY {table.key} LIMIT {BATCH}"):
        yield rows
        after = int(rows[-1][table.key])
        if len(rows) < BATCH:
            return


async def groups(source: Reader, table: Table, keys: Iterable[int]) -> AsyncIterator[list[Row]]:
    """The rows of a table with these keys, some keys at a time."""
    ordered = sorted(keys)
    for at in range(0, len(ordered), BATCH // 10):
        some = ", ".join(str(key) for key in ordered[at : at + BATCH // 10])
        if rows := await _read(source, table, f"IN ({some})"):
            yield rows


async def _read(source: Reader, table: Table, condition: str) -> list[Row]:
    columns = ", ".join(table.columns)
    sql = f"SELECT {columns} FROM {table.name} WHERE {table.key} {condition}"  # noqa: S608 - names and numbers
    return [dict(zip(table.columns, row, strict=True)) for row in await source.rows(sql)]
