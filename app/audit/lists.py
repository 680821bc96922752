"""Lists of the audit record, newest first. Every page is read from an index, in the order of the index.

These indexes hold the sealed rows. A page also has the rows that are not sealed yet, which one small index holds: as
many as this second has brought.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, literal_column, select, tuple_

from app.audit.canonical import about
from app.audit.model import Entry
from app.audit.store import MAPPER
from app.db import records, schema
from app.db.tx import Tx, many, rows_of
from app.db.window import Part, Window

#: All verbs of sealed rows: the query searches the index once for each verb, and does not read all rows.
VERBS = """
    WITH RECURSIVE found (verb) AS (
        SELECT min(verb) FROM audit WHERE seq <> 0
        UNION ALL
        SELECT (SELECT min(later.verb) FROM audit later WHERE later.seq <> 0 AND later.verb > found.verb) FROM found
        WHERE found.verb IS NOT NULL
    )
    SELECT verb FROM found WHERE verb IS NOT NULL
"""
#: Newest first; the condition on verbs is that of the partial index.
OF_SECRETS = """
    SELECT * FROM audit WHERE repo_id = :repo_id AND verb IN ('secret.create', 'secret.update', 'secret.delete')
    ORDER BY at DESC, id DESC LIMIT :limit
"""
#: The decisions about builds, the first one first; the condition on verbs is that of the partial index.
OF_BUILDS = """
    SELECT audit.*, asked.number AS number FROM :rows(asked; repo_id bigint, number bigint, place text) AS asked
    CROSS JOIN audit
    WHERE audit.repo_id = asked.repo_id AND substr(audit.subject, length(audit.about) + 1) = asked.place
        AND audit.verb IN ('build.approve', 'build.decline')
    ORDER BY audit.at, audit.id
"""
#: The deletions of logs of a build, the newest first; the condition on the verb is that of the partial index.
OF_LOGS = """
    SELECT * FROM audit
    WHERE repo_id = :repo_id AND substr(subject, length(about) + 1) = :place AND verb = 'log.delete'
    ORDER BY at DESC, id DESC
"""
_LARGEST = 2**63 - 1
_TABLE = records.audit
#: Conditions of a page, beside the time. Each has an index, except two: a query with `subject` also has `about`, and
#: `kind`, with which a verb begins, is asked of unsealed rows only.
FILTERS: Mapping[str, ColumnElement[bool]] = {
    "verb": _TABLE.c.verb == bindparam("verb"),
    "kind": func.substr(_TABLE.c.verb, literal_column("1"), func.length(bindparam("kind"))) == bindparam("kind"),
    "actor": func.lower(_TABLE.c.actor_name) == func.lower(bindparam("actor")),
    "about": _TABLE.c.about == bindparam("about"),
    "subject": _TABLE.c.subject == bindparam("subject"),
    "repo_id": (_TABLE.c.repo_id == bindparam("repo_id")) & (_TABLE.c.repo_id != literal_column("0")),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: `filters` has values for some of verb, actor, subject, repo_id; both times are included.

    A `verb` that ends with a dot stands for all verbs that begin with it. A subject without a `#` stands for itself and
    for all subjects that belong to it: `octocat/hello` also for `octocat/hello#42`.
    """

    filters: Mapping[str, Any] = field(default_factory=dict)
    since: int = 0
    until: int = _LARGEST


def key(entry: Entry) -> str:
    """The place of a row in every list."""
    return f"{entry.at}.{entry.id}"


def page(wanted: Wanted, window: Window) -> Tx[Part[Entry]]:
    """A part of the rows, newest first. The window's keys are made by `key`; its offset is ignored."""
    filters = _by_subject(wanted.filters)
    kind = str(filters.get("verb", ""))
    if kind.endswith("."):
        del filters["verb"]
        rows = yield from _read(wanted, {**filters, "kind": kind}, window, sealed=False)
        for verb in (yield from _verbs(kind)):
            rows += yield from _read(wanted, {**filters, "verb": verb}, window)
    else:
        rows = yield from _read(wanted, filters, window, sealed=False)
        rows += yield from _read(wanted, filters, window)
    rows.sort(key=lambda entry: (entry.at, entry.id), reverse=not window.before)
    return replace(window, offset=0).part(rows)


def changes_of_secrets(repo_id: int, limit: int) -> Tx[list[Entry]]:
    """The last changes of the secrets of a repository, newest first."""
    return [MAPPER.make(row) for row in (yield from many(OF_SECRETS, repo_id=repo_id, limit=limit))]


def decisions(builds: Iterable[tuple[int, int]]) -> Tx[Mapping[tuple[int, int], Sequence[Entry]]]:
    """The approvals and declines of builds, the first one first, by the build's repository and number, as `builds` is.

    A build that nobody has decided about is left out. The name of the repository does not matter: it may be new.
    """
    asked = rows_of((repo_id, number, f"#{number}") for repo_id, number in builds)
    found: dict[tuple[int, int], list[Entry]] = {}
    for row in (yield from many(OF_BUILDS, asked=asked)):
        entry = MAPPER.make(row)
        found.setdefault((entry.repo_id, row["number"]), []).append(entry)
    return found


def deleted_logs(repo_id: int, number: int) -> Tx[list[Entry]]:
    """The deletions of logs of a build, the newest first. The name of the repository does not matter: it may be new."""
    return [MAPPER.make(row) for row in (yield from many(OF_LOGS, repo_id=repo_id, place=f"#{number}"))]


def _by_subject(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The same conditions, with those that find a subject by an index."""
    filters = dict(wanted)
    if subject := str(filters.get("subject", "")):
        filters["about"] = about(subject)
        if subject == filters["about"]:
            del filters["subject"]
    return filters


def _verbs(kind: str) -> Tx[list[str]]:
    """The verbs of sealed rows that begin so."""
    return [row["verb"] for row in (yield from many(VERBS)) if row["verb"].startswith(kind)]


def _read(wanted: Wanted, filters: Mapping[str, Any], window: Window, *, sealed: bool = True) -> Tx[list[Entry]]:
    up = bool(window.before)
    if up:
        start, bound = max(_place(window.before), (wanted.since - 1, _LARGEST)), wanted.until
    else:
        start, bound = (wanted.until, _LARGEST), wanted.since
        start = min(_place(window.after), start) if window.after else start
    sql = page_sql(tuple(sorted(filters)), up=up, sealed=sealed)
    rows = yield from many(sql, at=start[0], id=start[1], bound=bound, limit=window.reach, **filters)
    return [MAPPER.make(row) for row in rows]


def _place(text: str) -> tuple[int, int]:
    at, _, entry_id = text.partition(".")
    return int(at), int(entry_id)


@lru_cache(maxsize=128)
def page_sql(filters: tuple[str, ...], *, up: bool, sealed: bool) -> str:
    """The query for the rows next to a place: newer rows if `up`, else older rows; up to a bound in time."""
    at, entry_id = _TABLE.c.at, _TABLE.c.id
    place = tuple_(at, entry_id)
    start = tuple_(bindparam("at", type_=BigInteger), bindparam("id", type_=BigInteger))
    bound = bindparam("bound", type_=BigInteger)
    state = _TABLE.c.seq != literal_column("0") if sealed else _TABLE.c.seq == literal_column("0")
    query = select(_TABLE).where(state, *(FILTERS[name] for name in filters))
    if up:
        query = query.where(place > start, at <= bound).order_by(at, entry_id)
    else:
        query = query.where(place < start, at >= bound).order_by(at.desc(), entry_id.desc())
    return schema.sql(query) + " LIMIT :limit"
