"""Routes that promote versions of release bundles, and delete versions and promotions.

Contract release-bundle 6, 7.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired

from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts.access import ACCOUNT, Visitor
from app.artifacts.times import text_of
from app.background import Unhurried
from app.bundles import access, promotion, promotions, removal, store
from app.bundles import order as orders
from app.bundles.api import asked
from app.bundles.api.asked import (
    ASYNC,
    CREATED,
    NAME,
    PROMOTIONS,
    RECORDS,
    VERSION,
    WHERE,
    ports,
    repository,
    signing_key,
)
from app.bundles.api.wire import PropertyJSON
from app.bundles.api.wire import properties as shown_properties
from app.bundles.model import Promotion
from app.bundles.order import PromotionInput
from app.bundles.promotion import Begun, Call, Plan, Rehearsal
from app.bundles.selection import Order, Target
from app.db.tx import Tx
from app.errors import Conflict, Unavailable
from app.web import body
from app.web.reply import JSON, Done, Empty, Made
from app.web.route import Endpoint, Param

#: The most files and clashes that a dry run names.
SHOWN = 1000


class State(asked.State):
    """The fields of a request's state that these routes need."""

    unhurried: Unhurried


class PromotedJSON(TypedDict):
    """A promotion that was done, or that is under way. The included keys are those of all repositories that take
    files."""

    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    environment: str
    included_repository_keys: list[str]
    excluded_repository_keys: list[str]
    artifact_additional_properties: list[PropertyJSON]
    created: str
    created_millis: int
    source_environment: NotRequired[str]


class TargetJSON(TypedDict):
    """A repository that would take files, and how many of these are there already."""

    repository_key: str
    package_type: str
    files: int
    kept: int


class PlacedJSON(TypedDict):
    """A file that would be put, `write`, or that is there with the same bytes, `keep`."""

    source: str
    target: str
    checksum: str
    effect: Literal["write", "keep"]


class RehearsedJSON(TypedDict):
    """What a promotion would do. Lists of files and clashes are cut after 1,000; the numbers count all."""

    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    environment: str
    operation: Literal["copy", "move"]
    included_repository_keys: list[str]
    excluded_repository_keys: list[str]
    artifact_additional_properties: list[PropertyJSON]
    source_environment: NotRequired[str]
    #: Why the order of environments would be overridden.
    override_reason: NotRequired[str]
    targets: list[TargetJSON]
    files: int
    kept: int
    artifacts: list[PlacedJSON]
    #: Files that a move would remove.
    removed: int
    clashes: list[str]
    clash_count: int


async def promote(
    request: Request[State], visitor: Visitor
) -> Made[PromotedJSON] | JSON[PromotedJSON] | JSON[RehearsedJSON]:
    """Promote a version to an environment: put its files into the repositories of the environment.

    All files are put, or none. With `async=false` the answer comes when that is done: 201. Else it comes when the
    checks are made: 200, and the status of the promotion tells the rest. With `dry_run=true` the answer says what the
    promotion would do (200), and nothing is done.
    """
    state, sync = request.state, body.flag(request, "async") is False
    call = Call(visitor, repository(request), *asked.version(request), await _order(request), state["now_ms"]())
    if body.flag(request, "dry_run"):
        return JSON(_rehearsed(call, await promotion.rehearse(ports(request), call)))
    begun: Begun = await state["unhurried"].do(promotion.promote(ports(request), call))
    done = begun.promotion
    if sync:
        await state["worker"].ended(begun.work_id)
        ended = await state["db"].glance(promotions.by_id(done.id))
        done = ended or done  # a deletion may have come after it
    else:
        state["worker"].wake()
    if done.status == "FAILED":  # another server has tried
        raise Conflict("; ".join(message["text"] for message in done.messages), code="promotion_failed")
    return (Made if sync else JSON)(_promoted(call, done))


async def _order(request: Request[State]) -> Order:
    said = body.query(request)
    operation = said.get("operation", "").strip() or said.get("promotion_type", "").strip() or "copy"
    return orders.read(await body.parse(request, PromotionInput), operation.lower(), signing_key(request))


def _promoted(call: Call, done: Promotion) -> PromotedJSON:
    made = PromotedJSON(
        repository_key=call.key,
        release_bundle_name=call.name,
        release_bundle_version=call.version,
        environment=done.environment,
        included_repository_keys=list(done.targets),
        excluded_repository_keys=list(done.excluded),
        artifact_additional_properties=shown_properties(done.properties),
        created=text_of(done.created),
        created_millis=done.created,
    )
    if done.source_environment:
        made["source_environment"] = done.source_environment
    return made


def _rehearsed(call: Call, rehearsal: Rehearsal) -> RehearsedJSON:
    plan, order = rehearsal.plan, call.order
    counts = Counter(kept.repo_id for kept in rehearsal.kept)
    made = RehearsedJSON(
        repository_key=call.key,
        release_bundle_name=call.name,
        release_bundle_version=call.version,
        environment=order.environment,
        operation=plan.operation,
        included_repository_keys=[target.repo.key for target in plan.targets],
        excluded_repository_keys=list(order.excluded),
        artifact_additional_properties=shown_properties(order.properties),
        targets=[_target(target, counts) for target in plan.targets],
        files=plan.files,
        kept=len(rehearsal.kept),
        artifacts=_placed(plan, {(kept.repo_id, kept.path) for kept in rehearsal.kept}),
        removed=len(plan.removed),
        clashes=list(plan.clashes[:SHOWN]),
        clash_count=len(plan.clashes),
    )
    if plan.course.source_environment:
        made["source_environment"] = plan.course.source_environment
    if plan.reason:
        made["override_reason"] = plan.reason
    return made


def _target(target: Target, kept: Mapping[int, int]) -> TargetJSON:
    repo = target.repo
    return TargetJSON(
        repository_key=repo.key, package_type=repo.package_type, files=len(target.artifacts), kept=kept.get(repo.id, 0)
    )


def _placed(plan: Plan, kept: set[tuple[int, str]]) -> list[PlacedJSON]:
    files = [(target.repo, artifact) for target in plan.targets for artifact in target.artifacts[:SHOWN]]
    return [
        PlacedJSON(
            source=f"{artifact.source}/{artifact.whole_path}",
            target=f"{repo.key}/{artifact.whole_path}",
            checksum=artifact.sha256,
            effect="keep" if (repo.id, artifact.whole_path) in kept else "write",
        )
        for repo, artifact in files[:SHOWN]
    ]


async def delete_promotion(request: Request[State], visitor: Visitor) -> Done | Empty:
    """Delete a promotion, and the files that are there because of that promotion alone.

    What was there before stays, and what another promotion has put, too.
    """
    sync, call = _deletion(request, visitor)
    created = body.number(request, CREATED.name, "time of the promotion")
    work_id = await request.state["unhurried"].do(removal.delete_promotion(ports(request), call, created))
    return await _deleted(request, work_id, _still(call, created), sync=sync)


async def delete(request: Request[State], visitor: Visitor) -> Done | Empty:
    """Delete a version with all its promotions, and the files that are there because of these alone.

    A request with a body means a remote deletion; as nothing is distributed, nothing is done.
    """
    sync, call = _deletion(request, visitor)
    if (await body.read(request)).strip():
        access.require(visitor, "delete", call.key, call.name, call.version)
        return Done()
    work_id = await request.state["unhurried"].do(removal.delete(ports(request), call))
    return await _deleted(request, work_id, _still(call), sync=sync)


def _deletion(request: Request[State], visitor: Visitor) -> tuple[bool, removal.Call]:
    """Whether the answer waits for the end, and what is deleted."""
    sync = body.flag(request, "async") is False
    return sync, removal.Call(visitor, repository(request), *asked.version(request))


async def _deleted(request: Request[State], work_id: int, still: Tx[bool], *, sync: bool) -> Done | Empty:
    """204 when the work has ended, or 200 before that."""
    worker = request.state["worker"]
    if not sync:
        worker.wake()
        return Done()
    await worker.ended(work_id)
    if await request.state["db"].glance(still):  # another server has tried
        raise Unavailable("it could not be deleted; the log of the server that tried says why")
    return Empty()


def _still(call: removal.Call, created: int = 0) -> Tx[bool]:
    """Whether a version, or a promotion of it, is there."""
    bundle = yield from store.find(call.key, call.name, call.version)
    if bundle is None or not created:
        return bundle is not None
    return (yield from promotions.find(bundle.id, created)) is not None


_MODES = (
    Param("operation", "`copy` or `move`, which removes the files of the promotion before; `copy` without it."),
    Param("promotion_type", "The same as `operation`."),
    Param("dry_run", "`true` = do nothing, but say what would be done."),
)
_RECORD = PROMOTIONS / NAME / VERSION
routes: Sequence[Endpoint] = [
    Endpoint("POST", _RECORD, promote, needs=ACCOUNT, operation="bundles.promote",
             query=[ASYNC, *_MODES, *WHERE], body=PromotionInput, errors=[409]),
    Endpoint("DELETE", _RECORD / CREATED, delete_promotion, needs=ACCOUNT, operation="bundles.delete_promotion",
             query=[ASYNC, *WHERE], errors=[400, 409]),
    Endpoint("DELETE", RECORDS / NAME / VERSION, delete, needs=ACCOUNT, operation="bundles.delete",
             query=[ASYNC, *WHERE], errors=[400, 409]),
]  # fmt: skip
