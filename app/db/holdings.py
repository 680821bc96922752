"""The tables of artifacts and of build-info."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from app.db.columns import BINARY, belongs_to, binary_texts, flags, ident, metadata, numbers, table, texts

artifact_repos = table(
    "artifact_repos",
    ident(),
    *texts("key", "kind", "package_type", "project", "system"),
    *texts("description", "notes", "includes", "excludes", "layout", "environments"),
    *flags("immutable"),
    *numbers("deploy_to"),
    *texts("settings"),
    *numbers("created", "updated"),
)
Index("artifact_repos_key", artifact_repos.c.key, unique=True)

virtual_members = Table(
    "virtual_members",
    metadata,
    belongs_to("artifact_repos", "virtual_id", primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    belongs_to("artifact_repos", "member_id"),
)
Index("virtual_members_member", virtual_members.c.member_id)

blobs = table(
    "blobs", ident(), *binary_texts("sha256", "sha1", "md5"), *numbers("size"), *texts("place"), *numbers("used")
)
Index("blobs_sha256", blobs.c.sha256, unique=True)
Index("blobs_sha1", blobs.c.sha1)
Index("blobs_md5", blobs.c.md5)
Index("blobs_used", blobs.c.used)
Index("blobs_place", blobs.c.place, unique=True)

property_sets = table("property_sets", ident(), *texts("digest"))
Index("property_sets_digest", property_sets.c.digest, unique=True)

properties = Table(
    "properties",
    metadata,
    belongs_to("property_sets", "set_id", primary_key=True),
    Column("key", BINARY, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    *binary_texts("value"),
)
Index("properties_value", properties.c.key, properties.c.value, properties.c.set_id)

items = table(
    "items",
    ident(),
    belongs_to("artifact_repos", "repo_id"),
    *binary_texts("path", "name"),
    *flags("folder"),
    *numbers("depth"),
    # The only column that may be NULL, in folders: a row never names bytes that are not there.
    Column("blob_id", BigInteger, ForeignKey("blobs.id")),
    Column("set_id", BigInteger, ForeignKey("property_sets.id"), nullable=False),
    *texts("mime", "sent"),
    *numbers("created"),
    *texts("created_by"),
    *numbers("modified"),
    *texts("modified_by"),
    *numbers("updated"),
)
Index("items_path", items.c.repo_id, items.c.path, items.c.name, unique=True)
Index("items_blob", items.c.blob_id)
Index("items_set", items.c.set_id)

item_stats = Table(
    "item_stats",
    metadata,
    belongs_to("items", "item_id", primary_key=True),
    *numbers("downloads", "last"),
    *texts("last_by"),
)

groups = table("groups", ident(), *texts("name", "description"), *flags("auto_join"), *texts("settings"))
Index("groups_name", groups.c.name, unique=True)

group_members = Table(
    "group_members",
    metadata,
    belongs_to("groups", "group_id", primary_key=True),
    belongs_to("users", "user_id", primary_key=True),
)
Index("group_members_user", group_members.c.user_id)

permission_targets = table("permission_targets", ident(), *texts("name"), *numbers("created", "updated"))
Index("permission_targets_name", permission_targets.c.name, unique=True)

permission_sections = Table(
    "permission_sections",
    metadata,
    belongs_to("permission_targets", "target_id", primary_key=True),
    Column("section", Text, primary_key=True),
    *texts("repositories", "includes", "excludes"),
)

grants = Table(
    "grants",
    metadata,
    belongs_to("permission_targets", "target_id", primary_key=True),
    Column("section", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    *texts("actions"),
)
Index("grants_subject", grants.c.kind, grants.c.subject_id)

environments = Table("environments", metadata, Column("name", Text, primary_key=True), *numbers("created"))

projects = Table(
    "projects", metadata, Column("key", Text, primary_key=True), *texts("name", "settings"), *numbers("created")
)

stage_tokens = Table(
    "stage_tokens",
    metadata,
    Column("hash", Text, primary_key=True),
    belongs_to("repos", "repo_id"),
    *texts("name"),
    belongs_to("stages", "stage_id"),
    *numbers("expires"),
)
Index("stage_tokens_repo", stage_tokens.c.repo_id)
Index("stage_tokens_stage", stage_tokens.c.stage_id)

runs = table(
    "runs",
    ident(),
    belongs_to("artifact_repos", "repo_id"),
    belongs_to("items", "item_id"),
    *binary_texts("name", "number"),
    *numbers("started"),
    *texts("started_text"),
    *numbers("published"),
    *texts("published_by", "statuses"),
    *numbers("version"),
)
Index("runs_started", runs.c.repo_id, runs.c.name, runs.c.number, runs.c.started, unique=True)
Index("runs_name", runs.c.repo_id, runs.c.name, runs.c.started)
Index("runs_item", runs.c.item_id, unique=True)
Index("runs_published", runs.c.repo_id, runs.c.published)

module_artifacts = Table(
    "module_artifacts",
    metadata,
    belongs_to("runs", "run_id", primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    *texts("module", "name", "type", "path", "repo"),
    *binary_texts("sha1", "md5", "sha256"),
)
Index("module_artifacts_sha1", module_artifacts.c.sha1)

module_dependencies = Table(
    "module_dependencies",
    metadata,
    belongs_to("runs", "run_id", primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    *texts("module", "name", "type", "scopes", "repo"),
    *binary_texts("sha1", "md5", "sha256"),
)
Index("module_dependencies_sha1", module_dependencies.c.sha1)

build_retention = Table(
    "build_retention",
    metadata,
    belongs_to("artifact_repos", "repo_id", primary_key=True),
    Column("name", Text, primary_key=True),
    *texts("settings"),
)

build_promotions = table(
    "build_promotions",
    ident(),
    belongs_to("artifact_repos", "repo_id"),
    *binary_texts("name", "number"),
    *numbers("started", "at", "by_id"),
    *texts("by_name", "ci_user", "status", "comment", "source", "target"),
    *flags("copy"),
    *texts("result"),
    *numbers("files", "failures"),
    *texts("request"),
)
Index(
    "build_promotions_number",
    build_promotions.c.repo_id,
    build_promotions.c.name,
    build_promotions.c.number,
    build_promotions.c.id,
)

build_promotion_messages = Table(
    "build_promotion_messages",
    metadata,
    belongs_to("build_promotions", "promotion_id", primary_key=True),
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    *texts("messages"),
)

run_parts = Table(
    "run_parts",
    metadata,
    belongs_to("runs", "run_id", primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    *binary_texts("module", "sha1"),
)
Index("run_parts_module", run_parts.c.module)
