"""The tables of the audit record, and of the row that the record ends with."""

from sqlalchemy import BigInteger, Column, Table, and_, func, text

from app.db.columns import ident, index_of_some, metadata, numbers, table, texts

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
index_of_some("audit_at", audit.c.at, audit.c.id, where=_sealed)
index_of_some("audit_verb", audit.c.verb, audit.c.at, audit.c.id, where=_sealed)
index_of_some("audit_actor", func.lower(audit.c.actor_name), audit.c.at, audit.c.id, where=_sealed)
index_of_some("audit_about", audit.c.about, audit.c.at, audit.c.id, where=_sealed)
_sealed_of_a_repo = and_(audit.c.repo_id != 0, _sealed)
index_of_some("audit_repo", audit.c.repo_id, audit.c.at, audit.c.id, where=_sealed_of_a_repo)
_of_a_secret = text("verb IN ('secret.create', 'secret.update', 'secret.delete')")
index_of_some("audit_secrets", audit.c.repo_id, audit.c.at, audit.c.id, where=_of_a_secret)
_of_a_decision = text("verb IN ('build.approve', 'build.decline')")
index_of_some(
    "audit_decisions",
    audit.c.repo_id,
    text("substr(subject, length(about) + 1)"),
    audit.c.at,
    audit.c.id,
    where=_of_a_decision,
)
_of_a_log = text("verb = 'log.delete'")
index_of_some(
    "audit_logs", audit.c.repo_id, text("substr(subject, length(about) + 1)"), audit.c.at, audit.c.id, where=_of_a_log
)
index_of_some("audit_seq", audit.c.seq, unique=True, where=_sealed)
index_of_some("audit_unsealed", audit.c.id, where=_unsealed)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    *numbers("seq"),
    *texts("hash"),
)
