"""Promotes a run: puts its files into a repository, gives them properties, and adds a status, all in one transaction.

Contract artifactory-build 6. A dry run is the same transaction, which is rolled back at its end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.accounts import auth
from app.artifacts import patterns, repositories, uploads
from app.artifacts.access import Visitor
from app.artifacts.errors import MessageJSON, telling
from app.artifacts.model import ArtifactRepository, Blob
from app.artifacts.repositories import Repositories
from app.artifacts.rights import Action
from app.buildinfo import access, candidates, failures, files, moments, placing, promotions, selection, store, times
from app.buildinfo.aim import Aim, resolved
from app.buildinfo.files import Ports
from app.buildinfo.links import Builds, Entry, File
from app.buildinfo.model import Run
from app.buildinfo.names import Pair
from app.buildinfo.order import Order
from app.buildinfo.promotions import Promotion
from app.buildinfo.selection import Asked, Decision, Message, Target
from app.buildinfo.store import Rewritten, Stale
from app.db.tx import Tx
from app.errors import AppError, Conflict, Forbidden, Invalid
from app.moments import Recorders

_REFUSALS: Mapping[int, Callable[[str], AppError]] = {400: Invalid, 403: Forbidden, 409: Conflict}


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for the promotion of which run, and when."""

    visitor: Visitor
    #: The key of the repository of build-info.
    key: str
    #: The names and numbers that the request may mean.
    wanted: Sequence[Pair]
    order: Order
    #: Unix milliseconds.
    at: int


@dataclass(frozen=True, slots=True)
class Promoted:
    """What a promotion did; of a dry run, what the promotion would do."""

    run: Run
    messages: Sequence[Message]
    summary: str
    failed: bool = False
    #: The id of its record; 0 for none.
    id: int = 0


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is read before the transaction: the run, and which repositories the transaction locks."""

    run: Run
    #: The key of the local repository that takes the files; empty for none.
    target: str = ""
    #: Repositories that files leave or come into.
    held: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Rehearsed(Exception):
    """Ends the transaction of a dry run."""

    result: Promoted = field()


async def promote(ports: Ports, call: Call) -> Promoted:
    """Promote a run. Forbidden, NoRun, Invalid, Conflict; a refusal has the messages among its details."""
    return await files.repeated(lambda: _attempt(ports, call))


async def _attempt(ports: Ports, call: Call) -> Promoted:
    prepared = await ports.db.read_many(_prepared(call))
    rewritten = None
    if call.order.status:
        status = _status(prepared, call)
        rewritten = await files.rewritten(
            ports, prepared.run, lambda content: content.setdefault("statuses", []).append(status)
        )
    new = [rewritten.received] if rewritten is not None else []
    try:
        result, blob = await ports.db.alter(_promotion(call, prepared, rewritten, ports.recorders))
    except _Rehearsed as rehearsed:
        result, blob = rehearsed.result, None
    except uploads.REFUSALS:  # any other error: perhaps rows name the bytes; what collects unused blobs finds out
        await files.removed(ports, new)
        raise
    await files.removed(ports, [made for made in new if blob is None or made.place != blob.place])
    return result


def _status(prepared: _Prepared, call: Call) -> dict[str, Any]:
    """The entry of the statuses; no two have one time (contract artifactory-build 3.5, 6.3)."""
    order, taken = call.order, {_instant(status.get("timestamp")) for status in prepared.run.statuses}
    at = call.at if order.timestamp is None else order.timestamp
    step = 1 if at + len(taken) < times.LAST else -1
    while at in taken:
        at += step
    return {
        "status": order.status,
        "comment": order.comment,
        "repository": prepared.target,
        "timestamp": times.shown(at),
        "user": call.visitor.name,
        "ciUser": order.ci_user,
        "timestampDate": at,
    }


def _instant(value: Any) -> int:
    try:
        return times.parse_any(value, "timestamp") if isinstance(value, (str, int)) else -1
    except Invalid:
        return -1


def _prepared(call: Call) -> Tx[_Prepared]:
    run = yield from _run(call)
    if not call.order.target:
        return _Prepared(run)
    aim = yield from resolved(call.visitor, call.order)
    assert aim.target is not None
    held = {aim.target.id} if aim.target.id else set[int]()
    if not call.order.copy:
        sources = {repo.id for repo in aim.sources}
        if not call.order.source:  # only those that have files of the run: others need not wait
            runs, _ = yield from _followed(call, run)
            dependencies = yield from _dependencies(call, runs)
            by_key = {repo.key: repo.id for repo in aim.sources}
            sources = yield from candidates.repos_of(runs, dependencies, by_key, aim.members)
        held |= sources
    return _Prepared(run, aim.target.key, frozenset(held))


def _promotion(
    call: Call, prepared: _Prepared, rewritten: Rewritten | None, recorders: Recorders
) -> Tx[tuple[Promoted, Blob | None]]:
    yield from _lock(prepared, shared={prepared.run.repo_id} if rewritten is not None else set())
    run = yield from _run(call)
    if (run.id, run.version) != (prepared.run.id, prepared.run.version):
        raise Stale("another caller has changed the run at the same time; try again")
    said = yield from _others(run)
    if call.order.empty:
        said.append(Message("INFO", "neither a target, nor a status, nor properties are named: nothing is done"))
        return Promoted(run, said, "0 files"), None
    decision, summary = Decision(), "0 files"
    if call.order.moves:
        decision = yield from _carried_out(call, run, prepared, said)
        summary = decision.summary
    stamp = call.visitor.stamp(call.at)
    blob = (yield from store.replace_file(rewritten, stamp)) if rewritten is not None else None
    messages = [*said, *decision.messages]
    made = yield from _recorded(call, run, decision, [*messages, Message("INFO", summary)], recorders)
    result = Promoted(run, messages, summary, decision.failures > 0, made)
    if call.order.dry_run:
        raise _Rehearsed(Promoted(run, messages, summary, decision.failures > 0))
    return result, blob


def _lock(prepared: _Prepared, shared: set[int]) -> Tx[None]:
    """Lock repositories in the order of their ids, as every transaction does that locks several."""
    for repo_id in sorted(prepared.held | shared):
        yield from (repositories.hold if repo_id in prepared.held else repositories.share)(repo_id)


def _run(call: Call) -> Tx[Run]:
    """The newest run. The right is judged before the run is looked for."""
    allowed = access.numbered(call.visitor, "promote", call.key, call.wanted)
    repo = yield from access.find(call.key)
    run = (yield from store.find_first(repo.id, allowed)) if repo is not None else None
    if run is None:
        name, number = allowed[0]
        raise store.no_run(name, number, call.key)
    return run


def _others(run: Run) -> Tx[list[Message]]:
    """The warning about other runs of the number."""
    started = yield from candidates.others(run)
    if not started:
        return []
    more = f" and {len(started) - failures.NAMED} more" if len(started) > failures.NAMED else ""
    which = f"began at {', '.join(started[: failures.NAMED])}{more}"
    runs = "one other run" if len(started) == 1 else f"{len(started)} other runs"
    words = f"there {'is' if len(started) == 1 else 'are'} {runs} of {run.number}, which {which}"
    return [Message("WARNING", f"{words}; the newest is promoted, which began at {run.started_text}")]


def _followed(call: Call, run: Run) -> Tx[tuple[list[Run], list[str]]]:
    visitor, key = call.visitor, call.key
    return (yield from candidates.followed(run, lambda part: access.may(visitor, "read", key, part)))


def _dependencies(call: Call, runs: Sequence[Run]) -> Tx[list[Entry]]:
    """The dependencies that are promoted, too."""
    if not call.order.dependencies:
        return []
    return (yield from candidates.dependencies_of(runs, call.order.scopes))


def _carried_out(call: Call, run: Run, prepared: _Prepared, said: Sequence[Message]) -> Tx[Decision]:
    """Decide, and put the files to their places."""
    order, stamp = call.order, call.visitor.stamp(call.at)
    aim = yield from resolved(call.visitor, call.order)
    if aim.target is not None and aim.target.id and aim.target.id not in prepared.held:  # without an id: takes nothing
        raise Stale("another caller has changed the target repository at the same time; try again")
    runs, lost = yield from _followed(call, run)
    decision = yield from _decided(call, aim, runs, lost, prepared)
    if decision.refusal:
        raise _refusal(call, run, decision, said)
    if aim.target is None:
        yield from placing.annotate(decision, order.properties, stamp)
    else:
        ids = {repo.key: repo.id for repo in aim.sources}
        builds = [(each.name, each.number) for each in runs]
        yield from placing.place(decision, aim.target.id, builds, order.properties, stamp, copy=order.copy, repos=ids)
    return decision


def _decided(call: Call, aim: Aim, runs: Sequence[Run], lost: Sequence[str], prepared: _Prepared) -> Tx[Decision]:
    order, may = call.order, _judge(call.visitor, aim.repositories)
    artifacts = (yield from candidates.artifacts_of(runs)) if order.artifacts else []
    dependencies = yield from _dependencies(call, runs)
    searched = {repo.id: repo.key for repo in aim.sources}
    if aim.target is not None:
        if not order.copy:
            searched = {repo_id: key for repo_id, key in searched.items() if repo_id in prepared.held}
        searched[aim.target.id] = aim.target.key
    stored = yield from candidates.files_of(runs, artifacts, dependencies, searched, aim.members)
    readable = [file for file in stored if may("read", file.repo, file.path)]
    target, there = None, list[File]()
    if aim.target is not None:
        target = yield from _place(aim.target, artifacts, readable)
        there = [found.file for found in target.there.values() if found.file is not None]
    marks = yield from candidates.marks_of([*readable, *there])
    asked = Asked(
        builds=Builds([(run.name, run.number) for run in runs], call.key, marks),
        artifacts=artifacts,
        dependencies=dependencies,
        files=readable,
        may=may,
        sources=[repo.key for repo in aim.sources],
        target=target,
        members=aim.members,
        lost_builds=lost if order.artifacts else (),
        copy=order.copy,
        fail_fast=order.fail_fast,
        annotates=bool(order.properties),
    )
    return selection.decide(asked)


def _place(target: ArtifactRepository, artifacts: Sequence[Entry], stored: Sequence[File]) -> Tx[Target]:
    """The target, and what lies there."""
    paths = dict.fromkeys([*(entry.path for entry in artifacts if entry.path), *(file.path for file in stored)])
    there = yield from candidates.there_at(target.id, target.key, paths)
    above = yield from candidates.files_above(target.id, candidates.folders_of(paths))
    return Target(target.key, patterns.judge(target), target.immutable, there, above)


def _judge(visitor: Visitor, found: Repositories) -> Callable[[Action, str, str], bool]:
    known: dict[tuple[Action, str], Callable[[str], bool]] = {}

    def may(action: Action, key: str, path: str) -> bool:
        judge = known.get((action, key))
        if judge is None:
            repo = found.by_key.get(key) or ArtifactRepository(0, key)
            judge = known[action, key] = visitor.rights.judge(action, repo)
        return judge(path)

    return may


def _refusal(call: Call, run: Run, decision: Decision, said: Sequence[Message]) -> AppError:
    what = f"the promotion of '{run.name}' #{run.number} was aborted, nothing was changed"
    error = _REFUSALS[decision.refusal]("; ".join([*decision.errors, what]))
    error.code = "promotion_refused"
    telling(error, [shown(message) for message in (*said, *decision.messages)])
    if isinstance(error, Forbidden) and call.visitor.user is not None:
        return auth.refused(error, call.visitor.user)
    return error


def shown(message: Message) -> MessageJSON:
    """A message as answers show it (contract artifactory-build 6.2)."""
    return MessageJSON(level=message.level, message=message.text)


def _recorded(call: Call, run: Run, decision: Decision, messages: Sequence[Message], recorders: Recorders) -> Tx[int]:
    """Keep the promotion, and tell the recorders; its id."""
    order, by = call.order, call.visitor.by
    promotion = Promotion(
        0, run.repo_id, run.name, run.number, run.started, call.at, by.id, call.visitor.name, order.ci_user,
        order.status, order.comment, order.source, order.target, order.copy,
        "failed" if decision.failures else "success", len(decision.moves) + len(decision.settled),
        decision.failures, order.as_json(),
    )  # fmt: skip
    made = yield from promotions.add(promotion, messages)
    yield from recorders.record(moments.promoted(by, call.key, promotion, run))
    return made
