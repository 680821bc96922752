"""The tables of release bundles, and of the keys that sign them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from app.db.columns import (
    BINARY,
    belongs_to,
    binary_texts,
    ident,
    index_of_some,
    metadata,
    numbers,
    octets,
    table,
    texts,
)

signing_keys = table(
    "signing_keys",
    ident(),
    *texts("name", "keyid", "type", "alias", "public_key"),
    *numbers("created", "retired"),
)
_in_use = signing_keys.c.retired == 0
index_of_some("signing_keys_name", signing_keys.c.name, unique=True, where=_in_use)
Index("signing_keys_keyid", signing_keys.c.keyid)

private_keys = table("private_keys", ident(), belongs_to("signing_keys", "key_id"), *octets("data"))
Index("private_keys_key", private_keys.c.key_id, unique=True)

environment_order = Table(
    "environment_order",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    *texts("name"),
)
Index("environment_order_name", environment_order.c.name, unique=True)

section_environments = Table(
    "section_environments",
    metadata,
    belongs_to("permission_targets", "target_id", primary_key=True),
    Column("section", Text, primary_key=True),
    Column("name", Text, primary_key=True),
)

bundles = table(
    "bundles",
    ident(),
    belongs_to("artifact_repos", "repo_id"),
    *binary_texts("name", "version"),
    *texts("status"),
    *numbers("created", "by_id"),
    *texts("by_name", "signing_key", "sources", "environment"),
    *numbers("files", "size"),
    *texts("manifest", "tag", "messages"),
)
Index("bundles_version", bundles.c.repo_id, bundles.c.name, bundles.c.version, unique=True)
Index("bundles_created", bundles.c.repo_id, bundles.c.name, bundles.c.created, bundles.c.id)

bundle_artifacts = Table(
    "bundle_artifacts",
    metadata,
    belongs_to("bundles", "bundle_id", primary_key=True),
    Column("package_type", Text, primary_key=True),
    Column("path", BINARY, primary_key=True),
    Column("name", BINARY, primary_key=True),
    *texts("source"),
    Column("blob_id", BigInteger, ForeignKey("blobs.id"), nullable=False),
    Column("set_id", BigInteger, ForeignKey("property_sets.id"), nullable=False),
    *texts("mime"),
)
Index("bundle_artifacts_blob", bundle_artifacts.c.blob_id)
Index("bundle_artifacts_set", bundle_artifacts.c.set_id)

bundle_promotions = table(
    "bundle_promotions",
    ident(),
    belongs_to("bundles", "bundle_id"),
    *numbers("repo_id"),
    *binary_texts("name"),
    *numbers("created"),
    *texts("environment", "source_environment", "operation", "status"),
    *numbers("by_id"),
    *texts("by_name", "signing_key", "included", "excluded", "properties", "targets", "reason"),
    *numbers("files"),
    *texts("messages"),
)
Index("bundle_promotions_created", bundle_promotions.c.bundle_id, bundle_promotions.c.created, unique=True)
Index(
    "bundle_promotions_name",
    bundle_promotions.c.repo_id,
    bundle_promotions.c.name,
    bundle_promotions.c.created,
    bundle_promotions.c.id,
)
_open = bundle_promotions.c.status.in_(["PENDING", "PROCESSING", "STARTED", "DELETING"])
index_of_some(
    "bundle_promotions_open", bundle_promotions.c.bundle_id, bundle_promotions.c.environment, unique=True, where=_open
)

bundle_claims = Table(
    "bundle_claims",
    metadata,
    belongs_to("bundle_promotions", "promotion_id", primary_key=True),
    belongs_to("artifact_repos", "repo_id", primary_key=True),
    Column("path", BINARY, primary_key=True),
    Column("name", BINARY, primary_key=True),
    *numbers("blob_id", "written"),
)
Index("bundle_claims_path", bundle_claims.c.repo_id, bundle_claims.c.path, bundle_claims.c.name)

bundle_evidence = Table(
    "bundle_evidence",
    metadata,
    belongs_to("bundles", "bundle_id", primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    *texts("kind"),
    *numbers("at"),
    *texts("digest", "envelope"),
)

bundle_work = table(
    "bundle_work",
    ident(),
    belongs_to("bundles", "bundle_id"),
    *numbers("promotion_id"),
    *texts("kind", "request", "owner"),
    *numbers("lease", "done", "total"),
)
Index("bundle_work_bundle", bundle_work.c.bundle_id, bundle_work.c.promotion_id, unique=True)
Index("bundle_work_lease", bundle_work.c.lease, bundle_work.c.id)
