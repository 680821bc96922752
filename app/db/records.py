"""The tables of the audit record, and of the row that the record ends with."""

from sqlalchemy import BigInteger, Column, Index, Table, and_, func, text

from app.db.columns import ident, metadata, numbers, table, texts

audit = table(
    "audit",
    ident(),
    *numbers("at"),
    *texts("verb", "actor_kind", "actor_name"),
    *numbers("actor_id"),
    *texts("address", "way", "request_id", "subject", "about"),
    *numbers("repo_id"),
    *texts("before", "after"),
    *numbers("seq"),
    *texts("previous", "hash"),
)
_sealed, _unsealed = audit.c.seq != 0, audit.c.seq == 0
Index("audit_at", audit.c.at, audit.c.id, sqlite_where=_sealed, postgresql_where=_sealed)
Index("audit_verb", audit.c.verb, audit.c.at, audit.c.id, sqlite_where=_sealed, postgresql_where=_sealed)
Index(
    "audit_actor",
    func.lower(audit.c.actor_name),
    audit.c.at,
    audit.c.id,
    sqlite_where=_sealed,
    postgresql_where=_sealed,
)
Index("audit_about", audit.c.about, audit.c.at, audit.c.id, sqlite_where=_sealed, postgresql_where=_sealed)
_sealed_of_a_repo = and_(audit.c.repo_id != 0, _sealed)
Index(
    "audit_repo",
    audit.c.repo_id,
    audit.c.at,
    audit.c.id,
    sqlite_where=_sealed_of_a_repo,
    postgresql_where=_sealed_of_a_repo,
)
_of_a_secret = text("verb IN ('secret.create', 'secret.update', 'secret.delete')")
Index(
    "audit_secrets",
    audit.c.repo_id,
    audit.c.at,
    audit.c.id,
    sqlite_where=_of_a_secret,
    postgresql_where=_of_a_secret,
)
_of_a_decision = text("verb IN ('build.approve', 'build.decline')")
Index(
    "audit_decisions",
    audit.c.repo_id,
    text("substr(subject, length(about) + 1)"),
    audit.c.at,
    audit.c.id,
    sqlite_where=_of_a_decision,
    postgresql_where=_of_a_decision,
)
_of_a_log = text("verb = 'log.delete'")
Index(
    "audit_logs",
    audit.c.repo_id,
    text("substr(subject, length(about) + 1)"),
    audit.c.at,
    audit.c.id,
    sqlite_where=_of_a_log,
    postgresql_where=_of_a_log,
)
Index("audit_seq", audit.c.seq, unique=True, sqlite_where=_sealed, postgresql_where=_sealed)
Index("audit_unsealed", audit.c.id, sqlite_where=_unsealed, postgresql_where=_unsealed)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    *numbers("seq"),
    *texts("hash"),
)
