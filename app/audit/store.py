"""The SQL of the audit record: a row is written once, and only its sealing changes the row later."""

from app.audit.canonical import about, facts_text
from app.audit.model import Entry
from app.db import records, schema
from app.db.mapper import Mapper
from app.db.tx import Tx
from app.moments import Moment

#: Locks only the new row: a transaction that records a moment waits for no other transaction.
RECORD = schema.insert_sql(records.audit, end="")
#: Characters of a name or subject that are kept; the path of a refused request may have any length.
LONGEST = 500

MAPPER = Mapper(Entry, records.audit)


def record(moment: Moment, at: int) -> Tx[None]:
    """Write a moment down, in the transaction of the change. `at` is in Unix seconds: transactions have no clock."""
    by, subject = moment.by, _text(moment.subject)
    row = {
        "at": at,
        "verb": moment.verb,
        "actor_kind": by.kind,
        "actor_name": _text(by.name),
        "actor_id": by.id,
        "address": by.address,
        "way": by.way,
        "request_id": by.request,
        "subject": subject,
        "about": about(subject),
        "repo_id": moment.repo_id,
        "before": facts_text(moment.before),
        "after": facts_text(moment.after),
        "seq": 0,
        "previous": "",
        "hash": "",
    }
    yield RECORD, row


def _text(text: str) -> str:
    """The part of a text from outside that is kept, with every NUL replaced: no text in a database may hold a NUL."""
    return text[:LONGEST].replace("\0", "\ufffd")
