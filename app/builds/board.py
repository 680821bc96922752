"""The board: a part of the repositories that somebody may read, by words and by the state of their targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.accounts.model import User
from app.builds.model import FAILED
from app.builds.targets import CURRENT_OF, KNOWN
from app.db.tx import Tx, many, one
from app.db.window import Part, Window
from app.errors import Invalid, Problem
from app.names import meant
from app.repos import store as repos
from app.repos.model import Repo

#: Repositories are counted up to this number; namespaces that are listed; characters that are searched for.
COUNTED, NAMESPACES, LONGEST = 1000, 100, 200

_FAILED = ", ".join(f"'{status}'" for status in sorted(FAILED))
_CONDITIONS: Mapping[str, str] = {
    "flight": """EXISTS (
        SELECT 1 FROM builds WHERE builds.repo_id = repos.id AND builds.status IN ('pending', 'running')
            AND builds.deploy_to <> '' AND NOT (builds.blocked AND builds.status = 'pending')
    )""",
    "waits": """EXISTS (
        SELECT 1 FROM builds WHERE builds.repo_id = repos.id AND builds.blocked AND builds.deploy_to <> ''
    )""",
    "failed": f"""EXISTS (
        SELECT 1 FROM latest CROSS JOIN builds WHERE latest.repo_id = repos.id AND latest.kind = 'deployment'
            AND builds.repo_id = latest.repo_id AND builds.deploy_to = latest.name AND builds.deploy_to <> ''
            AND builds.status || '' IN ({_FAILED}) AND builds.number > coalesce(({
        CURRENT_OF.format(what="number", repo_id="latest.repo_id", name="latest.name")
    }), 0)
    )""",  # noqa: S608 - SQL of ours
    "differs": f"""EXISTS (
        SELECT 1 FROM (
            SELECT runs.sha AS sha, lag(runs.sha) OVER (ORDER BY runs.declared DESC, runs.place, runs.name) AS before
            FROM (
                SELECT known.name, known.declared, known.place, coalesce(({
        CURRENT_OF.format(what="after_sha", repo_id="repos.id", name="known.name")
    }), '') AS sha
                FROM ({KNOWN.format(asked="", repo_id="repos.id")}) AS known
            ) AS runs
        ) AS pairs WHERE pairs.before <> '' AND pairs.sha <> pairs.before
    )""",  # noqa: S608 - SQL of ours
    "mine": f"""EXISTS (
        SELECT 1 FROM latest JOIN builds ON builds.id = latest.build_id
        WHERE latest.repo_id = repos.id AND latest.kind = 'deployment' AND :login IN (builds.trigger_by, ({
        CURRENT_OF.format(what="trigger_by", repo_id="latest.repo_id", name="latest.name")
    }))
    )""",  # noqa: S608 - SQL of ours
}
#: What a board may show: every repository, or those of which a promotion is under way, waits for an approval or has
#: failed since the last success; of which a target runs another commit than the target before it; where the caller was
#: the last to promote.
SHOWS = ("everything", *_CONDITIONS)
#: The namespaces of what somebody may read: one search of an index for each.
SPACES = f"""
    WITH RECURSIVE spaces(namespace) AS (
        SELECT CAST('' AS TEXT)
        UNION ALL
        SELECT (
            SELECT repos.namespace FROM repos WHERE repos.namespace > spaces.namespace AND {repos.MAY_READ}
            ORDER BY repos.namespace LIMIT 1
        ) FROM spaces WHERE spaces.namespace IS NOT NULL
    )
    SELECT namespace FROM spaces WHERE namespace <> '' LIMIT :limit
"""  # noqa: S608 - SQL of ours


@dataclass(frozen=True, slots=True)
class Filter:
    """What a board shows; empty words stand for all."""

    #: A part of the slug, in any letter case.
    text: str = ""
    namespace: str = ""
    #: One of SHOWS.
    show: str = SHOWS[0]

    def check(self) -> None:
        """Invalid when the filter shows what no board can."""
        if self.show not in SHOWS:
            known = ", ".join(SHOWS)
            words = f"a board cannot show {self.show[:80]!r}{meant(self.show, SHOWS)} Known: {known}"
            raise Invalid.of([Problem("show", "unknown_show", words)])

    @property
    def is_empty(self) -> bool:
        """Whether every repository is shown."""
        return self == Filter()


def page(user: User | None, wanted: Filter, window: Window, now: int) -> Tx[Part[Repo]]:
    """A part of the repositories of a checked filter that somebody may read, by slug; the keys are slugs."""
    namespace, _, name = (window.after or window.before).rpartition("/")
    sql = page_sql(*_shape(wanted), up=bool(window.before))
    place = {"namespace": namespace, "name": name, "limit": window.reach}
    offset = {} if window.before else {"offset": window.offset}
    rows = yield from many(sql, **place, **offset, **_values(user, wanted, now))
    return window.part([repos.made(row) for row in rows])


def count(user: User | None, wanted: Filter, now: int) -> Tx[int]:
    """How many repositories `page` has in all its parts, counted up to COUNTED + 1."""
    row = yield from one(count_sql(*_shape(wanted)), most=COUNTED + 1, **_values(user, wanted, now))
    return int(row["count"]) if row else 0


def namespaces(user: User | None, now: int) -> Tx[Sequence[str]]:
    """The first namespaces of what somebody may read, NAMESPACES + 1 at most."""
    rows = yield from many(SPACES, limit=NAMESPACES + 1, **repos.reader(user, now))
    return [row["namespace"] for row in rows]


def _shape(wanted: Filter) -> tuple[str, bool, bool]:
    return wanted.show, bool(wanted.text), bool(wanted.namespace)


def _values(user: User | None, wanted: Filter, now: int) -> Mapping[str, object]:
    values: dict[str, object] = dict(repos.reader(user, now))
    if wanted.text:  # with one run of any characters at each end, a search takes no longer than the slug is long
        values["pattern"] = f"*{wanted.text[:LONGEST].lower().replace('*', '?')}*"
    if wanted.namespace:
        values["within"] = wanted.namespace
    if wanted.show == "mine":
        values["login"] = user.login if user else "@"  # which is no login
    return values


@lru_cache(maxsize=64)
def page_sql(show: str, worded: bool, spaced: bool, *, up: bool) -> str:
    """The SQL of `page`."""
    way, order = ("<", " DESC") if up else (">", "")
    skipped = "" if up else " OFFSET :offset"
    return (
        f"SELECT repos.* FROM repos WHERE {_where(show, worded, spaced)} "  # noqa: S608 - SQL of ours
        f"AND (repos.namespace, repos.name) {way} (:namespace, :name) "
        f"ORDER BY repos.namespace{order}, repos.name{order} LIMIT :limit{skipped}"
    )


@lru_cache(maxsize=32)
def count_sql(show: str, worded: bool, spaced: bool) -> str:
    """The SQL of `count`."""
    found = f"SELECT 1 FROM repos WHERE {_where(show, worded, spaced)} LIMIT :most"  # noqa: S608 - SQL of ours
    return f"SELECT count(*) AS count FROM ({found}) AS found"  # noqa: S608 - SQL of ours


def _where(show: str, worded: bool, spaced: bool) -> str:
    conditions = [repos.MAY_READ]
    if spaced:
        conditions.append("repos.namespace = :within")
    if worded:
        conditions.append("lower(repos.namespace || '/' || repos.name) :glob(pattern)")
    if show in _CONDITIONS:
        conditions.append(_CONDITIONS[show])
    return " AND ".join(conditions)
