"""Deletes promotions and versions, with the files that are in repositories because of them alone.

Contract release-bundle 6.8, 7. The request makes the checks and says that the deletion has begun; work does it in one
transaction.
"""

from dataclasses import dataclass

from app.artifacts import items, pruning, repositories
from app.artifacts.access import Visitor
from app.bundles import access, claims, evidence, moments, names, promotions, stating, store, told, work
from app.bundles.evidence import Evidence
from app.bundles.model import UNFINISHED, Bundle, Promotion
from app.bundles.ports import Ports
from app.bundles.stating import Subject
from app.bundles.work import Progress, Work
from app.db.tx import Tx
from app.errors import AppError, Conflict, NotFound
from app.evolve import evolve


class NoPromotion(NotFound):
    """There is no such promotion of a version."""

    code = "no_promotion"


@dataclass(frozen=True, slots=True)
class Call:
    """Who deletes something of which version."""

    visitor: Visitor
    #: Key of the repository of bundles.
    key: str
    name: str
    version: str

    @property
    def what(self) -> str:
        """The version, in words."""
        return f"the version {self.version} of the release bundle {self.name}"


async def delete(ports: Ports, call: Call) -> int:
    """Begin to delete a version with all its promotions; the id of the work. Forbidden, NoBundle; Conflict as long as
    work on the version is not finished."""
    return await ports.db.write(_begin(call, ports.now_ms()))


async def delete_promotion(ports: Ports, call: Call, created: int) -> int:
    """Begin to delete a promotion; the id of the work. Forbidden, NoBundle, NoPromotion; Conflict as long as a
    promotion to its environment is not finished."""
    return await ports.db.write(_begin_promotion(call, created, ports.now_ms()))


def _begin(call: Call, at: int) -> Tx[int]:
    bundle = yield from _held(call)
    for promotion in (yield from promotions.of(bundle.id)):
        _require_finished(call, promotion)
    by = moments.kept(call.visitor.by)
    work_id = yield from work.add(bundle.id, "delete", bundle.files, at=at, by=by, was=bundle.status)
    if work_id is None:
        raise _busy(f"{call.what} is being changed")
    yield from store.set_status(bundle.id, "DELETING", bundle.messages)
    return work_id


def _begin_promotion(call: Call, created: int, at: int) -> Tx[int]:
    bundle = yield from _held(call)
    promotion = yield from find(bundle, created)
    another = yield from promotions.unfinished(bundle.id, promotion.environment)
    if another is not None:
        _require_finished(call, another)
    by = moments.kept(call.visitor.by)
    was, files = promotion.status, promotion.files
    work_id = yield from work.add(bundle.id, "delete_promotion", files, promotion.id, at=at, by=by, was=was)
    assert work_id is not None  # the promotion is finished
    yield from promotions.set_status(promotion.id, "DELETING", promotion.messages, files)
    return work_id


def _held(call: Call) -> Tx[Bundle]:
    access.require(call.visitor, "delete", call.key, call.name, call.version)
    found = yield from store.find(call.key, call.name, call.version)
    bundle = (yield from store.hold(found.id)) if found is not None else None
    if bundle is None:
        raise store.no_bundle(call.key, call.name, call.version)
    if bundle.status in UNFINISHED:
        raise _busy(f"{call.what} is {bundle.status}")
    return bundle


def _require_finished(call: Call, promotion: Promotion) -> None:
    if promotion.status in UNFINISHED:
        raise _busy(f"the promotion of {call.what} to {promotion.environment} is {promotion.status}")


def find(bundle: Bundle, created: int) -> Tx[Promotion]:
    """The promotion of a version that has a time; NoPromotion."""
    promotion = yield from promotions.find(bundle.id, created)
    if promotion is None:
        raise NoPromotion(f"there is no promotion {created} of {bundle.name} {bundle.version}: not found")
    return promotion


def _busy(words: str) -> Conflict:
    return Conflict(f"{words}; try again when that has ended", code="in_progress")


@dataclass(frozen=True, slots=True)
class Deleting:
    """The work `delete`. See `work.Step`. A version that cannot be deleted is again what it was."""

    ports: Ports

    async def do(self, work: Work, progress: Progress) -> None:
        """See `work.Step`."""
        await self.ports.db.alter(_delete(self.ports, work))
        progress.done = work.total

    def failed(self, work: Work, error: AppError) -> Tx[None]:
        """See `work.Step`."""
        return _undelete(work, error, self.ports.now_ms())


def _delete(ports: Ports, done: Work) -> Tx[None]:
    yield from work.finish(done)
    bundle = yield from store.hold(done.bundle_id)
    assert bundle is not None  # its work was there
    key = yield from access.key_of(bundle)
    ids = [promotion.id for promotion in (yield from promotions.of(bundle.id))]
    repos = yield from claims.repos_of(ids)
    held = yield from repositories.hold_all({bundle.repo_id, *repos})
    released = yield from claims.release(ids, repos & held.keys())
    yield from items.remove_tree(bundle.repo_id, names.folder(bundle.name, bundle.version))
    yield from pruning.prune(bundle.repo_id, [bundle.name])
    yield from store.remove(bundle.id)
    by, gone = moments.actor(done.request["by"]), evolve(bundle, status=done.request["was"])
    yield from ports.recorders.record(moments.deleted(by, key, gone, len(ids), len(released.removed)))


def _undelete(done: Work, error: AppError, at: int) -> Tx[None]:
    bundle = yield from store.by_id(done.bundle_id)
    if bundle is not None:
        messages = [*bundle.messages, *told.messages(told.why(error), at)]
        yield from store.set_status(bundle.id, done.request["was"], messages)


@dataclass(frozen=True, slots=True)
class DeletingPromotion:
    """The work `delete_promotion`. See `work.Step`. A promotion that cannot be deleted is again what it was."""

    ports: Ports

    async def do(self, work: Work, progress: Progress) -> None:
        """See `work.Step`."""
        await stating.repeated(lambda: self._attempt(work))
        progress.done = work.total

    async def _attempt(self, work: Work) -> None:
        ports = self.ports
        subject, by = await ports.db.read_many(stating.subject_of(work)), moments.actor(work.request["by"])
        statement = await stating.deleted(ports, subject, by, ports.now_ms())
        await ports.db.alter(_delete_promotion(ports, work, subject, statement))

    def failed(self, work: Work, error: AppError) -> Tx[None]:
        """See `work.Step`."""
        return _undelete_promotion(work, error, self.ports.now_ms())


def _delete_promotion(ports: Ports, done: Work, subject: Subject, statement: Evidence) -> Tx[None]:
    yield from work.finish(done)
    bundle, promotion = subject.bundle, subject.promotion
    yield from store.hold(bundle.id)
    yield from evidence.append(statement, subject.head)
    repos = yield from claims.repos_of([promotion.id])
    held = yield from repositories.hold_all(repos)
    released = yield from claims.release([promotion.id], held.keys())
    yield from promotions.remove(promotion.id)
    by = moments.actor(done.request["by"])
    moment = moments.promotion_deleted(by, subject.key, bundle, promotion, len(released.removed))
    yield from ports.recorders.record(moment)


def _undelete_promotion(done: Work, error: AppError, at: int) -> Tx[None]:
    promotion = yield from promotions.by_id(done.promotion_id)
    if promotion is not None:
        messages = [*promotion.messages, *told.messages(told.why(error), at)]
        yield from promotions.set_status(promotion.id, done.request["was"], messages, promotion.files)
