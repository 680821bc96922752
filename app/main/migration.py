"""Moving over from Drone: opens its database and this server's, and lets `app.migrate` work (docs/from-drone.md)."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from app.accounts import auth
from app.audit import store as audit
from app.builds.cron.pace import Pace
from app.db import foreign
from app.db.connect import is_absent
from app.db.migrate import refuse_foreign
from app.folder import Folder
from app.main.maintenance import SEALED, now, open_database, open_folder
from app.main.routes import RESERVED
from app.migrate import drone, store
from app.migrate.flow import Move, Step
from app.migrate.logs import InBucket
from app.migrate.report import Report
from app.migrate.rows import Known
from app.migrate.sealed import Opening
from app.migrate.store import Found, NotEmpty, Writer
from app.moments import Recorder, Recorders
from app.sealing import keyring, renew
from app.settings.server import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """What to move: the address of Drone's database, its key, its bucket of logs, and the host of its repositories."""

    source: str = field(repr=False)
    key: str = field(default="", repr=False)
    logs: str = ""
    #: How the logs are reached, as in InBucket.
    access: Mapping[str, str] = field(default_factory=dict, repr=False)
    host: str = ""
    dry_run: bool = False


async def move(settings: Settings, order: Order, tell: Callable[[Step], None]) -> Report:
    """Move everything into the empty database of the settings, or go on with a move that was interrupted. AppError.

    The source is only read. Before anything is written, the source is recognised and its secrets are opened. A dry run
    changes nothing, neither folder nor database.
    """
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(foreign.reading(order.source))
        await drone.recognise(source)
        opening = Opening(order.key)
        await opening.check(source)
        mark = await drone.fingerprint(source)
        found = await _look(settings)
        _refuse_other(found, mark)
        bucket = InBucket(order.logs, order.access) if order.logs else None
        if bucket is not None:
            await bucket.sizes()  # before anything is written
        known = Known(opening, order.host, RESERVED, Pace(settings.cron_minimum))
        report = Report(foreign.shown(order.source), order.dry_run, resumed=bool(found.begun))
        moving = Move(source, known, report, tell, bucket=bucket)
        if not order.dry_run:
            await _open(stack, settings, moving, mark, resumed=report.resumed)
        return await moving.run()


async def _look(settings: Settings) -> Found:
    """What the target is, which this only reads."""
    if is_absent(settings.database):
        return Found()
    async with foreign.reading(settings.database) as target:
        return await store.look(target, refuse_foreign)


def _refuse_other(found: Found, mark: str) -> None:
    if found.begun and found.begun != mark:
        words = "the target was begun from another source, or Drone has worked on the source since"
        raise NotEmpty(f"{words}: name an empty database, and an empty folder in GANTRY_DATA")


async def _open(stack: AsyncExitStack, settings: Settings, moving: Move, mark: str, *, resumed: bool) -> None:
    folder, _ = open_folder(stack, settings)
    if not resumed:
        _refuse_logs(folder)
    db = await open_database(stack, settings, moving=True)
    seal = keyring.seal(settings, folder)
    await db.read(renew.check(seal, SEALED))
    recorders = Recorders(Recorder(lambda moment: audit.record(moment, now())))
    moving.writer, moving.folder = Writer(db, seal, auth.new_token, recorders), folder.logs
    await moving.writer.begin(mark, now())


def _refuse_logs(folder: Folder) -> None:
    """Refuse logs of another database: they would be taken for logs of the steps with the same ids."""
    if found := next((path for path in sorted(folder.logs.glob("*/*")) if path.is_file()), None):
        raise NotEmpty(f"{found} is there already: move the logs away, or name an empty folder in GANTRY_LOGS")
