"""The move, part by part: rows, in the order in which they refer to one another; logs; and the comparison."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.db.foreign import Reader
from app.migrate import drone, logs, rows
from app.migrate.logs import InDatabase, Store
from app.migrate.report import Part, Report
from app.migrate.rows import Known, Left, Made
from app.migrate.store import Sums, Writer


class Kind(NamedTuple):
    """Rows of one table: their name in the report, where they are, and what becomes of them."""

    name: str
    table: drone.Table
    convert: rows.Convert
    #: The keys that are read, for tables whose rows have no ids; rows with other keys are left out.
    keys: Callable[[Known], Sequence[int]] | None = None


KINDS = (
    Kind("accounts", drone.USERS, rows.user),
    Kind("repositories", drone.REPOS, rows.repo),
    Kind("rights", drone.PERMS, rows.right, lambda known: list(known.users)),
    Kind("secrets", drone.SECRETS, rows.secret),
    Kind("secrets of namespaces", drone.ORG_SECRETS, rows.org_secret),
    Kind("cron jobs", drone.CRON, rows.job),
    Kind("templates", drone.TEMPLATES, rows.template),
    Kind("builds", drone.BUILDS, rows.build),
    Kind("stages", drone.STAGES, rows.stage),
    Kind("steps", drone.STEPS, rows.step),
    Kind("cards", drone.CARDS, rows.card),
    Kind("newest builds", drone.LATEST, rows.latest, lambda known: list(known.repos)),
)


class Step(NamedTuple):
    """How far a move is: what is worked on, and how much of all work is done, in rows and logs."""

    name: str
    done: int
    total: int


@dataclass(slots=True)
class Progress:
    """Counts what is done, and tells somebody."""

    tell: Callable[[Step], None]
    total: int = 0
    done: int = 0
    name: str = ""

    def add(self, count: int) -> None:
        """So much more is done."""
        self.done = min(self.done + count, self.total)
        self.tell(Step(self.name, self.done, self.total))


@dataclass(slots=True)
class Move:
    """A move from a source into a writer and a folder of logs; without them, everything is only judged."""

    source: Reader
    known: Known
    report: Report
    tell: Callable[[Step], None]
    writer: Writer | None = None
    folder: Path | None = None
    #: Where logs are beside the source's own table.
    bucket: Store | None = None
    _progress: Progress = field(init=False)

    async def run(self) -> Report:
        """Move everything, compare, and open the target; the report of it. Differs, BadSource, and others."""
        began = time.monotonic()
        counts = {kind.name: await drone.count(self.source, kind.table) for kind in KINDS}
        expected = sum(counts.values()) + await drone.count(self.source, drone.LOGS)
        self._progress = Progress(self.tell, expected * (2 if self.writer else 1))
        for kind in KINDS:
            await self._rows(kind, counts[kind.name])
        with_log, sums = await self._logs()
        self._note(with_log)
        if self.writer is not None and self.folder is not None:
            self._progress.name = "comparing"
            await self.writer.check(self._progress.add)
            await logs.check(self.folder, with_log, sums, self._progress.add)
            self.report.verified = True
            await self.writer.finish()
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    async def _rows(self, kind: Kind, count: int) -> None:
        part, read = self.report.part(kind.name, count), 0
        self._progress.name = kind.name
        async for page in self._pages(kind):
            read += len(page)
            made = [one for row in page for one in self._converted(kind, part, row)]
            if self.writer is not None and made:
                await self.writer.write(made)
            self._progress.add(len(page))
        if rest := count - read:
            part.leave("of accounts or repositories that are not there, or were left out", count=rest)

    def _pages(self, kind: Kind) -> AsyncIterator[list[drone.Row]]:
        if kind.keys is None:
            return drone.pages(self.source, kind.table)
        return drone.groups(self.source, kind.table, kind.keys(self.known))

    def _converted(self, kind: Kind, part: Part, row: drone.Row) -> list[Made]:
        try:
            made = kind.convert(row, self.known)
        except Left as left:
            part.leave(left.reason, left.example)
            return []
        part.moved += 1
        return made

    async def _logs(self) -> tuple[set[int], Sums]:
        """Copy the logs; the steps that have one, and the sums of the logs."""
        part, sums = self.report.part("logs", 0), Sums()
        self._progress.name = part.name
        stores: list[Store] = [*([self.bucket] if self.bucket else []), InDatabase(self.source)]
        with_log = await logs.move(stores, self.folder, self.known.steps, part, sums, self._progress.add)
        return with_log, sums

    def _note(self, with_log: set[int]) -> None:
        known, some = self.known, ", ".join
        notes = {
            f"tokens of hosts stay behind, of {known.host_tokens} accounts: people log in anew": (known.host_tokens),
            _expected(known.host): True,
            "sessions of browsers stay behind: people log in anew": True,
            f"accounts without a token (gantry user rotate makes one): {some(known.tokenless[:10])}": known.tokenless,
            f"builds that were not over are killed now, restart them: {known.stopped()}": known.stopped(),
            f"the parameters of builds could not be read: {some(known.unreadable[:10])}": known.unreadable,
            self._without_log(len(known.ran - with_log)): known.ran - with_log,
        }
        self.report.note(words for words, holds in notes.items() if holds)

    def _without_log(self, count: int) -> str:
        way = "" if self.bucket else "; if Drone kept logs in S3, give --logs"
        return f"steps that ran and have no log in the source: {count}{way}"


def _expected(host: str) -> str:
    """How people get their accounts here."""
    if host:
        return f"whoever first logs in at {host} with the login of a person's account gets that account"
    words = "the host of people's logins is not known, so nobody gets an account by logging in at a host"
    return f"{words}: move with --host, or name the host of each (gantry user update LOGIN --host NAME)"
