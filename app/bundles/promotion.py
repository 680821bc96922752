"""Promotes versions: decides which repositories take which files, and puts the files there.

Contract release-bundle 6. The request makes all checks and keeps the promotion, in one transaction. Work puts the files
to their places, in another one, after it has judged anew what is in the way. A dry run makes the checks alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.artifacts import environments, repositories
from app.artifacts.access import Visitor
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository
from app.artifacts.repositories import Repositories
from app.bundles import (
    access,
    claims,
    evidence,
    moments,
    names,
    placing,
    promotions,
    selection,
    stating,
    store,
    told,
    work,
)
from app.bundles.claims import Place
from app.bundles.evidence import Evidence
from app.bundles.model import Artifact, Bundle, Operation, Promotion
from app.bundles.placing import Kept
from app.bundles.ports import Ports
from app.bundles.selection import Clash, Course, Order, Target
from app.bundles.signing import signer
from app.bundles.stating import Subject
from app.bundles.work import Progress, Work
from app.db.tx import Tx
from app.errors import AppError, Conflict, Forbidden, Invalid
from app.evolve import evolve
from app.turns import many_objects


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for the promotion of which version, and when."""

    visitor: Visitor
    #: Key of the repository of bundles.
    key: str
    name: str
    version: str
    order: Order
    #: Unix milliseconds.
    at: int

    @property
    def what(self) -> str:
        """The promotion, in words."""
        return _what(self.name, self.version, self.order.environment)


@dataclass(frozen=True, slots=True)
class Begun:
    """A promotion that was kept, and the id of its work."""

    promotion: Promotion
    work_id: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a promotion does, as far as can be said before it is done."""

    bundle: Bundle
    targets: Sequence[Target]
    course: Course
    #: Why the order of environments is overridden; empty when it is not.
    reason: str
    #: Name of the key that signs; empty for the server's default key.
    signing_key: str
    #: Why files cannot be put to their places.
    clashes: Sequence[str]
    #: The promotions whose claims a move releases, and the files that go with them.
    leaves: Sequence[int] = ()
    removed: Sequence[Place] = ()

    @property
    def operation(self) -> Operation:
        """What is done."""
        return "copy" if self.course.origin is None else "move"

    @property
    def files(self) -> int:
        """How many places files are put to."""
        return sum(len(target.artifacts) for target in self.targets)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a promotion would do."""

    plan: Plan
    #: Files that are at their places already.
    kept: Sequence[Kept]


@dataclass(frozen=True, slots=True)
class _Found:
    """A version that can be promoted. Its artifacts never change."""

    bundle: Bundle
    artifacts: Sequence[Artifact]


async def promote(ports: Ports, call: Call) -> Begun:
    """Begin a promotion. The errors are, in the order of the checks: Invalid, NoBundle, Conflict, Forbidden, Invalid,
    Clash; after a Clash the promotion is kept, as a failed one."""
    with many_objects():
        begun = await ports.db.alter(_begun(call, await ports.db.read_many(_found(call))))
    if isinstance(begun, Clash):
        raise begun
    return begun


async def rehearse(ports: Ports, call: Call) -> Rehearsal:
    """What a promotion would do. The same errors, without a Clash."""
    with many_objects():
        return await ports.db.read_many(_rehearsed(call, await ports.db.read_many(_found(call))))


def _rehearsed(call: Call, found: _Found) -> Tx[Rehearsal]:
    plan = yield from _planned(call, found.bundle, found.artifacts)
    return Rehearsal(plan, (yield from placing.kept(found.bundle.id, plan.targets)))


def _found(call: Call) -> Tx[_Found]:
    access.require(call.visitor, "read", call.key, call.name, call.version)
    yield from signer.require(call.order.signing_key)
    bundle = yield from store.find(call.key, call.name, call.version)
    if bundle is None:
        raise store.no_bundle(call.key, call.name, call.version)
    _require_completed(bundle)
    return _Found(bundle, (yield from store.artifacts_of(bundle.id)))


def _require_completed(bundle: Bundle) -> None:
    what = f"the version {bundle.version} of the release bundle {bundle.name}"
    match bundle.status:
        case "COMPLETED":
            return
        case "DRAFT":
            raise Invalid(f"{what} is a draft, which cannot be promoted; finalize it first", code="draft")
        case "FAILED":
            raise Invalid(f"{what} cannot be promoted, as its creation failed; create it anew", code="failed")
        case "DELETING":
            raise Conflict(f"{what} is being deleted", code="deleting")
        case _:
            raise Conflict(f"{what} is still being created; try again when it is COMPLETED", code="in_progress")


def _begun(call: Call, found: _Found) -> Tx[Begun | Clash]:
    bundle = yield from store.hold(found.bundle.id)
    if bundle is None:
        raise store.no_bundle(call.key, call.name, call.version)
    _require_completed(bundle)
    plan = yield from _planned(call, bundle, found.artifacts)
    promotion = yield from promotions.add((yield from _promotion(call, plan)))
    if promotion is None:
        raise _in_progress(call)
    if plan.clashes:
        clash = Clash(plan.clashes, call.what, plan.files)
        yield from promotions.set_status(promotion.id, "FAILED", told.messages(told.why(clash), call.at))
        return clash
    work_id = yield from work.add(
        bundle.id,
        "promote",
        plan.files,
        promotion.id,
        at=call.at,
        by=moments.kept(call.visitor.by),
        targets=[target.repo.id for target in plan.targets],
        origin=plan.course.origin.id if plan.course.origin is not None else 0,
        leaves=plan.leaves,
    )
    assert work_id is not None  # the promotion is new
    return Begun(promotion, work_id)


def _promotion(call: Call, plan: Plan) -> Tx[Promotion]:
    order, bundle, course = call.order, plan.bundle, plan.course
    return Promotion(
        0, bundle.id, bundle.repo_id, bundle.name, (yield from promotions.next_time(bundle.id, call.at)),
        order.environment, course.source_environment, plan.operation, "PENDING",
        call.visitor.by.id, call.visitor.name, plan.signing_key,
        order.included, order.excluded, order.properties, tuple(target.repo.key for target in plan.targets),
        plan.reason,
    )  # fmt: skip


def _in_progress(call: Call) -> Conflict:
    words = f"another promotion of {call.name} {call.version} to {call.order.environment} is in progress"
    return Conflict(f"{words}; try again when it has ended", code="in_progress")


def _planned(call: Call, bundle: Bundle, artifacts: Sequence[Artifact]) -> Tx[Plan]:
    """What a promotion does. All checks of contract release-bundle 6.4 from the fourth on are made in their order."""
    order, visitor = call.order, call.visitor
    if (yield from promotions.unfinished(bundle.id, order.environment)) is not None:
        raise _in_progress(call)
    access.require_promote(visitor, call.key, call.name, call.version, order.environment)
    key = yield from signer.require(order.signing_key or bundle.signing_key)
    done = yield from promotions.completed(bundle.id)
    reason = yield from _override(call, bundle, {promotion.environment for promotion in done})
    known = yield from repositories.read_all()
    targets = selection.targets_of(artifacts, known.by_key.values(), order, names.project_of(call.key))
    try:
        selection.require_rights(targets, lambda repo: visitor.rights.judge("promote", repo))
    except Forbidden as error:
        raise visitor.refused(error) from None
    course = selection.course_of(order, done[0] if done else None, bundle.environment)
    leaves = _left_by(course, done)
    removed = yield from _removed(visitor, course, leaves, {target.repo.id for target in targets}, known)
    blockers = yield from placing.blockers(bundle.id, targets)
    return Plan(bundle, targets, course, reason, key, selection.clashes_of(targets, blockers), leaves, removed)


def _override(call: Call, bundle: Bundle, been: Collection[str]) -> Tx[str]:
    """Why the order of environments is overridden; empty when it allows the promotion. Conflict, Forbidden."""
    environment = call.order.environment
    before = selection.skipped((yield from environments.order()), environment, {*been, bundle.environment})
    if not before:
        return ""
    if not call.order.reason:
        words = f"{call.what} skips {before}, where the version was not yet: promote it to {before} first, or override"
        raise Conflict(f"{words} the order of environments by override_reason, which needs the right manage",
                       code="out_of_order")  # fmt: skip
    access.require(call.visitor, "manage", call.key, call.name, call.version)
    return call.order.reason


def _left_by(course: Course, done: Sequence[Promotion]) -> list[int]:
    """The promotions whose claims a move releases, in the repositories of the origin: all of the version to the
    environment that the version leaves."""
    if course.origin is None:
        return []
    return [promotion.id for promotion in done if promotion.environment == course.origin.environment]


def _removed(
    visitor: Visitor, course: Course, leaves: Sequence[int], kept: Collection[int], known: Repositories
) -> Tx[Sequence[Place]]:
    """The files that a move removes, without those in repositories that it puts the version to. Forbidden."""
    if course.origin is None:
        return ()
    repos = (yield from claims.repos_of([course.origin.id])) - set(kept)
    found = yield from claims.releasable(leaves, repos)
    by_id = known.by_id
    for place in found.removed:
        visitor.require("delete", by_id[place.repo_id], place.path)
    return found.removed


@dataclass(frozen=True, slots=True)
class Promoting:
    """The work `promote`: signs what is done, and does it in one transaction. See `work.Step`."""

    ports: Ports

    async def do(self, work: Work, progress: Progress) -> None:
        """See `work.Step`."""
        await self.ports.db.write_few(promotions.began(work.promotion_id))
        await stating.repeated(lambda: self._attempt(work))
        progress.done = work.total

    async def _attempt(self, work: Work) -> None:
        ports = self.ports
        subject, at = await ports.db.read_many(stating.subject_of(work)), ports.now_ms()
        statement = await stating.promoted(ports, subject, at)
        await ports.db.alter(_carried_out(ports, work, subject, statement))

    def failed(self, work: Work, error: AppError) -> Tx[None]:
        """See `work.Step`."""
        messages = told.messages(told.why(error), self.ports.now_ms())
        return promotions.set_status(work.promotion_id, "FAILED", messages)


def _carried_out(ports: Ports, done: Work, subject: Subject, statement: Evidence) -> Tx[None]:
    yield from work.finish(done)
    bundle, promotion = subject.bundle, subject.promotion
    yield from store.hold(bundle.id)
    yield from evidence.append(statement, subject.head)
    origin, taking = done.request["origin"], done.request["targets"]
    left = (yield from claims.repos_of([origin])) if origin else set[int]()
    held = yield from repositories.hold_all({*taking, *left})
    targets = _targets(subject, [held.get(repo_id) for repo_id in taking])
    files = sum(len(target.artifacts) for target in targets)
    blockers = yield from placing.blockers(bundle.id, targets)
    if clashes := selection.clashes_of(targets, blockers):
        raise Clash(clashes, _what(bundle.name, bundle.version, promotion.environment), files)
    yield from claims.add(promotion.id, bundle.id, placing.parameter(targets), statement.at)
    yield from placing.put(bundle.id, targets, promotion.properties, Stamp(promotion.by_name, statement.at))
    released = yield from claims.release(done.request["leaves"], left & held.keys())
    stayed = told.left([f"{held[place.repo_id].key}/{place.path}" for place in released.left])
    yield from promotions.set_status(promotion.id, "COMPLETED", told.messages(stayed, statement.at), files)
    by, completed = moments.actor(done.request["by"]), evolve(promotion, files=files)
    moment = moments.promoted(by, subject.key, bundle, completed, len(released.removed))
    yield from ports.recorders.record(moment)


def _what(name: str, version: str, environment: str) -> str:
    """A promotion, in words."""
    return f"the promotion of {name} {version} to {environment}"


def _targets(subject: Subject, repos: Sequence[ArtifactRepository | None]) -> list[Target]:
    """The repositories as they are configured now, with what they take. Conflict when one was deleted."""
    found = list[Target]()
    for key, repo in zip(subject.promotion.targets, repos, strict=True):
        if repo is None:
            raise Conflict(f"the repository {key} was deleted meanwhile; promote the version again")
        found.append(Target(repo, [a for a in subject.artifacts if a.package_type == repo.package_type]))
    return found
