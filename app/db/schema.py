"""All tables as objects of SQLAlchemy: for queries whose filters vary, and for the test of the migrations.

Booleans, texts and numbers are never NULL: an absent value is `''`, `0` or false, as in the API.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    func,
    not_,
)
from sqlalchemy.sql.schema import SchemaItem

metadata = MetaData()


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items, sqlite_autoincrement=True)


def _id() -> Column[int]:
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Column("id", kind, Identity(), primary_key=True)


def _numbers(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in names]


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _flags(*names: str) -> list[Column[bool]]:
    return [Column(name, Boolean, nullable=False) for name in names]


def _bytes(*names: str) -> list[Column[bytes]]:
    return [Column(name, LargeBinary, nullable=False) for name in names]


def _of(table: str, name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False, **options)


schema_versions = Table(
    "schema_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    *_numbers("applied"),
)

users = _table(
    "users",
    _id(),
    *_texts("login", "email", "avatar"),
    *_flags("machine", "admin", "active"),
    *_numbers("synced", "created", "updated", "last_login"),
)
Index("users_login", func.lower(users.c.login), unique=True)

tokens = _table(
    "tokens",
    _id(),
    _of("users", "user_id"),
    *_texts("name", "scope", "repos"),
    *_numbers("created", "expires", "used"),
    *_texts("hash"),
)
Index("tokens_hash", tokens.c.hash, unique=True)
Index("tokens_name", tokens.c.user_id, tokens.c.name, unique=True)

sessions = _table(
    "sessions",
    _id(),
    _of("users", "user_id"),
    _of("tokens", "token_id"),
    *_numbers("created", "seen", "expires"),
    *_texts("browser", "address", "hash"),
)
Index("sessions_hash", sessions.c.hash, unique=True)
Index("sessions_user", sessions.c.user_id, sessions.c.id)
Index("sessions_token", sessions.c.token_id)

repos = _table(
    "repos",
    _id(),
    *_texts("namespace", "name", "uid"),
    *_numbers("user_id"),
    *_texts("scm", "git_http_url", "git_ssh_url", "link", "default_branch", "visibility"),
    *_flags("active"),
    *_texts("config_path"),
    *_flags("trusted", "protected", "ignore_forks", "ignore_pull_requests"),
    *_flags("auto_cancel_pull_requests", "auto_cancel_pushes", "auto_cancel_running"),
    *_numbers("timeout", "throttle", "counter", "synced", "created", "updated", "version"),
    *_bytes("signer", "secret"),
    *_numbers("unbroken_from"),
    *_texts("parameters"),
)
Index("repos_slug", repos.c.namespace, repos.c.name, unique=True)
Index("repos_owner", repos.c.user_id)

permissions = Table(
    "permissions",
    metadata,
    _of("users", "user_id", primary_key=True),
    _of("repos", "repo_id", primary_key=True),
    *_flags("can_read", "can_write", "can_admin"),
    *_numbers("created", "updated"),
)
Index("permissions_repo", permissions.c.repo_id)

secrets = _table(
    "secrets",
    _id(),
    _of("repos", "repo_id"),
    *_texts("name"),
    *_bytes("data"),
    *_flags("pull_request", "pull_request_push"),
)
Index("secrets_name", secrets.c.repo_id, func.lower(secrets.c.name), unique=True)

builds = _table(
    "builds",
    _id(),
    _of("repos", "repo_id"),
    *_numbers("number"),
    *_texts("trigger_by"),
    *_numbers("parent"),
    *_texts("status", "error", "event", "action", "link"),
    *_numbers("timestamp"),
    *_texts("title", "message", "before_sha", "after_sha", "ref", "source_repo", "source", "target"),
    *_texts("author_login", "author_name", "author_email", "author_avatar", "sender"),
    *_texts("params", "cron", "deploy_to"),
    *_numbers("deploy_id"),
    *_flags("debug"),
    *_numbers("started", "finished", "created", "updated", "version"),
)
Index("builds_number", builds.c.repo_id, builds.c.number, unique=True)
Index("builds_ref", builds.c.repo_id, builds.c.ref, builds.c.number)
Index("builds_event", builds.c.repo_id, builds.c.event, builds.c.number)
Index("builds_status", builds.c.repo_id, builds.c.status, builds.c.number)
_deployed = builds.c.deploy_to != ""
Index(
    "builds_deploy_to",
    builds.c.repo_id,
    builds.c.deploy_to,
    builds.c.number,
    sqlite_where=_deployed,
    postgresql_where=_deployed,
)

latest = Table(
    "latest",
    metadata,
    _of("repos", "repo_id", primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    _of("builds", "build_id"),
)
Index("latest_build", latest.c.build_id)

stages = _table(
    "stages",
    _id(),
    *_numbers("repo_id"),
    _of("builds", "build_id"),
    *_numbers("number"),
    *_texts("name", "kind", "type", "status", "error"),
    *_flags("errignore"),
    *_numbers("exit_code"),
    *_texts("machine", "os", "arch", "variant", "kernel"),
    *_numbers("limit_count", "throttle", "started", "stopped", "created", "updated", "version"),
    *_flags("on_success", "on_failure"),
    *_texts("depends_on", "labels", "runner"),
    *_numbers("offered"),
    *_texts("peer"),
    *_numbers("seen"),
)
Index("stages_number", stages.c.build_id, stages.c.number, unique=True)
_queued = stages.c.status.in_(["pending", "running"])
Index("stages_queue", stages.c.id, sqlite_where=_queued, postgresql_where=_queued)

steps = _table(
    "steps",
    _id(),
    _of("stages", "stage_id"),
    *_numbers("number"),
    *_texts("name", "status", "error"),
    *_flags("errignore"),
    *_numbers("exit_code", "started", "stopped", "version"),
    *_texts("depends_on", "image"),
    *_flags("detached"),
    *_texts("card_schema"),
)
Index("steps_number", steps.c.stage_id, steps.c.number, unique=True)

org_secrets = _table(
    "org_secrets",
    _id(),
    *_texts("namespace", "name"),
    *_bytes("data"),
    *_flags("pull_request", "pull_request_push"),
)
Index("org_secrets_name", org_secrets.c.namespace, func.lower(org_secrets.c.name), unique=True)
Index("org_secrets_all", func.lower(org_secrets.c.name), org_secrets.c.namespace)

templates = _table("templates", _id(), *_texts("namespace", "name", "data"), *_numbers("created", "updated"))
Index("templates_name", templates.c.namespace, templates.c.name, unique=True)
Index("templates_by_name", templates.c.name, templates.c.namespace)

crons = _table(
    "crons",
    _id(),
    _of("repos", "repo_id"),
    *_texts("name", "expr"),
    *_numbers("next", "prev"),
    *_texts("event", "branch", "target", "parent"),
    *_flags("disabled"),
    *_numbers("created", "updated", "version"),
    *_flags("hurried"),
)
Index("crons_name", crons.c.repo_id, crons.c.name, unique=True)
_enabled = not_(crons.c.disabled)
Index("crons_due", crons.c.next, sqlite_where=_enabled, postgresql_where=_enabled)

deliveries = _table(
    "deliveries",
    _id(),
    _of("repos", "repo_id"),
    *_texts("name", "ref", "before", "after", "sender", "options", "address", "request"),
    *_numbers("received", "build", "due", "tries"),
    *_texts("error"),
)
Index("deliveries_name", deliveries.c.repo_id, deliveries.c.name, unique=True)
Index("deliveries_received", deliveries.c.received)
_waits = deliveries.c.due != 0
Index(
    "deliveries_ref",
    deliveries.c.repo_id,
    deliveries.c.ref,
    deliveries.c.id,
    sqlite_where=_waits,
    postgresql_where=_waits,
)
Index("deliveries_waiting", deliveries.c.id, sqlite_where=_waits, postgresql_where=_waits)

cards = Table("cards", metadata, _of("steps", "step_id", primary_key=True), *_texts("data"))

unsigned = Table("unsigned", metadata, _of("builds", "build_id", primary_key=True), *_texts("digest"))

decisions = Table(
    "decisions",
    metadata,
    _of("repos", "repo_id", primary_key=True),
    Column("digest", Text, primary_key=True),
    *_flags("approved"),
    *_numbers("number", "decided"),
)

converted = Table("converted", metadata, _of("builds", "build_id", primary_key=True), *_texts("text"))

retired = Table(
    "retired",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    *_numbers("counter"),
)

switches = Table("switches", metadata, Column("name", Text, primary_key=True), *_numbers("since"))

audit = _table(
    "audit",
    _id(),
    *_numbers("at"),
    *_texts("verb", "actor_kind", "actor_name"),
    *_numbers("actor_id"),
    *_texts("address", "way", "request_id", "subject", "about"),
    *_numbers("repo_id"),
    *_texts("before", "after"),
    *_numbers("seq"),
    *_texts("previous", "hash"),
)
Index("audit_at", audit.c.at, audit.c.id)
Index("audit_verb", audit.c.verb, audit.c.at, audit.c.id)
Index("audit_actor", func.lower(audit.c.actor_name), audit.c.at, audit.c.id)
Index("audit_about", audit.c.about, audit.c.at, audit.c.id)
_of_a_repo, _sealed, _unsealed = audit.c.repo_id != 0, audit.c.seq != 0, audit.c.seq == 0
Index(
    "audit_repo",
    audit.c.repo_id,
    audit.c.at,
    audit.c.id,
    sqlite_where=_of_a_repo,
    postgresql_where=_of_a_repo,
)
Index("audit_seq", audit.c.seq, unique=True, sqlite_where=_sealed, postgresql_where=_sealed)
Index("audit_unsealed", audit.c.id, sqlite_where=_unsealed, postgresql_where=_unsealed)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    *_numbers("seq"),
    *_texts("hash"),
)


def insert_sql(table: Table, end: str = "RETURNING id") -> str:
    """An INSERT of every column but the id; its parameters are the names of the columns."""
    names = [column.name for column in table.columns if column.name != "id"]
    values = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) {end}"  # noqa: S608 - names only


def sql(query: Select[Any]) -> str:
    """The text of a query with `:name` parameters, for both engines. Callers should store it: compiling is slow."""
    return str(query.compile())
