"""The tables of git repositories, builds and the outbox, as objects of SQLAlchemy: for queries whose filters vary, and
for the test of the migrations. The other tables are in `accounts`, `chats`, `holdings`, `records`, `releases` and
`webhooks`.
"""

from sqlalchemy import BigInteger, Column, Index, Table, Text, and_, func, not_

from app.db import accounts as accounts  # the metadata is whole only with these tables
from app.db import chats as chats
from app.db import holdings as holdings
from app.db import records as records
from app.db import releases as releases
from app.db import webhooks as webhooks
from app.db.columns import (
    belongs_to,
    flags,
    ident,
    index_of_some,
    insert_sql,
    may_belong_to,
    metadata,
    numbers,
    octets,
    sql,
    table,
    texts,
)

__all__ = ["insert_sql", "metadata", "sql"]

schema_versions = Table(
    "schema_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    *numbers("applied"),
)

repos = table(
    "repos",
    ident(),
    *texts("namespace", "name", "uid"),
    *numbers("user_id"),
    *texts("scm", "git_http_url", "git_ssh_url", "link", "default_branch", "visibility"),
    *flags("active"),
    *texts("config_path"),
    *flags("trusted", "protected", "ignore_forks", "ignore_pull_requests"),
    *flags("auto_cancel_pull_requests", "auto_cancel_pushes", "auto_cancel_running"),
    *numbers("timeout", "throttle", "counter", "synced", "created", "updated", "version"),
    *octets("signer", "secret"),
    *numbers("unbroken_from"),
    *texts("parameters"),
    *flags("deployments"),
    *numbers("poll"),
    *flags("git_notes", "git_tags", "workflow_deployments"),
)
Index("repos_slug", repos.c.namespace, repos.c.name, unique=True)
Index("repos_name", func.lower(repos.c.name), repos.c.namespace)
Index("repos_owner", repos.c.user_id)
_of_a_host = repos.c.scm != ""
index_of_some("repos_uid", repos.c.scm, repos.c.uid, unique=True, where=_of_a_host)

hook_keys = table("hook_keys", ident(), belongs_to("repos", "repo_id"), *octets("key"), *numbers("until"))
Index("hook_keys_repo", hook_keys.c.repo_id, hook_keys.c.id)

git_credentials = table(
    "git_credentials",
    ident(),
    belongs_to("repos", "repo_id"),
    *texts("kind", "name", "fingerprint", "known_hosts"),
    *octets("secret"),
    *numbers("updated"),
)
Index("git_credentials_repo", git_credentials.c.repo_id, unique=True)

polls = table(
    "polls",
    ident(),
    belongs_to("repos", "repo_id"),
    *numbers("due"),
    *texts("owner"),
    *numbers("lease", "seen", "tries"),
    *texts("error"),
    *numbers("number"),
    *texts("digest", "refs"),
)
Index("polls_repo", polls.c.repo_id, unique=True)
Index("polls_due", polls.c.due, polls.c.id)

permissions = Table(
    "permissions",
    metadata,
    belongs_to("users", "user_id", primary_key=True),
    belongs_to("repos", "repo_id", primary_key=True),
    *flags("can_read", "can_write", "can_admin"),
    *numbers("created", "updated", "synced"),
)
Index("permissions_repo", permissions.c.repo_id)

secrets = table(
    "secrets",
    ident(),
    belongs_to("repos", "repo_id"),
    *texts("name"),
    *octets("data"),
    *flags("pull_request", "pull_request_push"),
)
Index("secrets_name", secrets.c.repo_id, func.lower(secrets.c.name), unique=True)

builds = table(
    "builds",
    ident(),
    belongs_to("repos", "repo_id"),
    *numbers("number"),
    *texts("trigger_by"),
    *numbers("parent"),
    *texts("status", "error", "event", "action", "link"),
    *numbers("timestamp"),
    *texts("title", "message", "before_sha", "after_sha", "ref", "source_repo", "source", "target"),
    *texts("author_login", "author_name", "author_email", "author_avatar", "sender"),
    *texts("params", "cron", "deploy_to"),
    *numbers("deploy_id"),
    *flags("debug"),
    *numbers("started", "finished", "created", "updated", "version"),
    *flags("found_late", "blocked"),
    *texts("via"),
)
Index("builds_number", builds.c.repo_id, builds.c.number, unique=True)
Index("builds_ref", builds.c.repo_id, builds.c.ref, builds.c.number)
Index("builds_event", builds.c.repo_id, builds.c.event, builds.c.number)
Index("builds_status", builds.c.repo_id, builds.c.status, builds.c.number)
Index("builds_after", builds.c.repo_id, builds.c.after_sha, builds.c.number)
_deployed = builds.c.deploy_to != ""
index_of_some("builds_deploy_to", builds.c.repo_id, builds.c.deploy_to, builds.c.number, where=_deployed)

index_of_some("builds_blocked", builds.c.id, where=builds.c.blocked)
index_of_some("builds_blocked_number", builds.c.repo_id, builds.c.number, where=builds.c.blocked)
_succeeded = and_(_deployed, builds.c.status == "success")
index_of_some(
    "builds_current", builds.c.repo_id, builds.c.deploy_to, builds.c.finished, builds.c.number, where=_succeeded
)

latest = Table(
    "latest",
    metadata,
    belongs_to("repos", "repo_id", primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    belongs_to("builds", "build_id"),
    *numbers("first_number"),
)
Index("latest_build", latest.c.build_id)

requests = Table(
    "requests",
    metadata,
    belongs_to("repos", "repo_id", primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    *texts("said"),
    belongs_to("builds", "build_id"),
)
Index("requests_build", requests.c.build_id)
declared_targets = Table(
    "declared_targets",
    metadata,
    belongs_to("repos", "repo_id", primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    *texts("name"),
)
Index("declared_targets_name", declared_targets.c.repo_id, declared_targets.c.name, unique=True)

secret_uses = Table(
    "secret_uses", metadata, belongs_to("repos", "repo_id", primary_key=True), *numbers("number"), *texts("uses")
)

stages = table(
    "stages",
    ident(),
    *numbers("repo_id"),
    belongs_to("builds", "build_id"),
    *numbers("number"),
    *texts("name", "kind", "type", "status", "error"),
    *flags("errignore"),
    *numbers("exit_code"),
    *texts("machine", "os", "arch", "variant", "kernel"),
    *numbers("limit_count", "throttle", "started", "stopped", "created", "updated", "version"),
    *flags("on_success", "on_failure"),
    *texts("depends_on", "labels", "runner"),
    *numbers("offered"),
    *texts("peer"),
    *numbers("seen"),
)
Index("stages_number", stages.c.build_id, stages.c.number, unique=True)
_queued = stages.c.status.in_(["pending", "running"])
index_of_some("stages_queue", stages.c.id, where=_queued)

steps = table(
    "steps",
    ident(),
    belongs_to("stages", "stage_id"),
    *numbers("number"),
    *texts("name", "status", "error"),
    *flags("errignore"),
    *numbers("exit_code", "started", "stopped", "version"),
    *texts("depends_on", "image"),
    *flags("detached"),
    *texts("card_schema"),
)
Index("steps_number", steps.c.stage_id, steps.c.number, unique=True)

org_secrets = table(
    "org_secrets",
    ident(),
    *texts("namespace", "name"),
    *octets("data"),
    *flags("pull_request", "pull_request_push"),
)
Index("org_secrets_name", org_secrets.c.namespace, func.lower(org_secrets.c.name), unique=True)
Index("org_secrets_all", func.lower(org_secrets.c.name), org_secrets.c.namespace)

templates = table("templates", ident(), *texts("namespace", "name", "data"), *numbers("created", "updated"))
Index("templates_name", templates.c.namespace, templates.c.name, unique=True)
Index("templates_by_name", templates.c.name, templates.c.namespace)

crons = table(
    "crons",
    ident(),
    belongs_to("repos", "repo_id"),
    *texts("name", "expr"),
    *numbers("next", "prev"),
    *texts("event", "branch", "target", "parent"),
    *flags("disabled"),
    *numbers("created", "updated", "version"),
    *flags("hurried"),
    *texts("zone"),
)
Index("crons_name", crons.c.repo_id, crons.c.name, unique=True)
_enabled = not_(crons.c.disabled)
index_of_some("crons_due", crons.c.next, where=_enabled)

deliveries = table(
    "deliveries",
    ident(),
    belongs_to("repos", "repo_id"),
    *texts("name", "ref", "before", "after", "sender", "options", "address", "request"),
    *numbers("received", "build", "due", "tries"),
    *texts("error"),
    *texts("host", "event", "action", "facts"),
    *numbers("twin"),
    *flags("found_late"),
    *texts("digest"),
)
Index("deliveries_name", deliveries.c.repo_id, deliveries.c.name, unique=True)
Index("deliveries_repo", deliveries.c.repo_id, deliveries.c.id)
Index("deliveries_after", deliveries.c.repo_id, deliveries.c.after, deliveries.c.ref, deliveries.c.received)
Index("deliveries_received", deliveries.c.received)
_signed = deliveries.c.digest != ""
index_of_some(
    "deliveries_digest", deliveries.c.repo_id, deliveries.c.digest, deliveries.c.event, deliveries.c.id, where=_signed
)
_waits = deliveries.c.due != 0
index_of_some("deliveries_ref", deliveries.c.repo_id, deliveries.c.ref, deliveries.c.id, where=_waits)
index_of_some("deliveries_waiting", deliveries.c.id, where=_waits)

looks = Table(
    "looks",
    metadata,
    belongs_to("repos", "repo_id", primary_key=True),
    *texts("server"),
    *numbers("enabled", "looked", "due", "tries"),
)
Index("looks_due", looks.c.server, looks.c.due, looks.c.repo_id)

seen_refs = Table(
    "seen_refs",
    metadata,
    belongs_to("repos", "repo_id", primary_key=True),
    Column("ref", Text, primary_key=True),
    *texts("oid"),
)

outbox = table(
    "outbox",
    ident(),
    may_belong_to("repos", "repo_id"),
    *texts("kind", "host", "subject", "part", "payload", "state"),
    *numbers("created", "due", "tries"),
    *texts("error", "owner"),
    *numbers("version"),
)
Index("outbox_subject", outbox.c.repo_id, outbox.c.kind, outbox.c.subject, outbox.c.part, unique=True)
Index("outbox_due", outbox.c.state, outbox.c.host, outbox.c.due, outbox.c.id)
Index("outbox_order", outbox.c.state, outbox.c.host, outbox.c.id)
Index("outbox_state", outbox.c.state, outbox.c.created, outbox.c.id)

cards = Table("cards", metadata, belongs_to("steps", "step_id", primary_key=True), *texts("data"))

unsigned = Table("unsigned", metadata, belongs_to("builds", "build_id", primary_key=True), *texts("digest"))

decisions = Table(
    "decisions",
    metadata,
    belongs_to("repos", "repo_id", primary_key=True),
    Column("digest", Text, primary_key=True),
    *flags("approved"),
    *numbers("number", "decided"),
)

converted = Table("converted", metadata, belongs_to("builds", "build_id", primary_key=True), *texts("text"))

retired = Table(
    "retired",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    *numbers("counter"),
)

switches = Table("switches", metadata, Column("name", Text, primary_key=True), *numbers("since"))
