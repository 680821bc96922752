"""Routes that delete and rename runs, and keep only some (contract artifactory-build 4.6 to 4.12)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from app.artifacts.access import VISITOR, Visitor
from app.artifacts.model import ArtifactRepository
from app.buildinfo import access, names, policy, removal, renaming, store
from app.buildinfo.api.asked import BUILD, NAME, WHERE, ports, repository
from app.buildinfo.fields import Fields, parsed
from app.buildinfo.files import Ports
from app.buildinfo.model import Run
from app.buildinfo.policy import Policy, PolicyJSON
from app.buildinfo.removal import Outcome
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.web import body
from app.web.reply import JSON, Empty, Text
from app.web.route import Endpoint, Param

#: The most names and numbers of a list that an answer of plain text holds.
NAMED = 100


class RetainedRunJSON(TypedDict):
    """A run; `reason` is why the run stays although the policy does not keep it."""

    number: str
    started: str
    reason: str


class RetentionJSON(PolicyJSON):
    """Which runs of a build are kept, and what that did."""

    removed: int
    kept: list[RetainedRunJSON]
    #: Artifacts that stay because a promotion has put them there.
    left: list[str]


async def delete(request: Request[Any], visitor: Visitor) -> Text:
    """Delete runs of a build: all, or those of some numbers; with `artifacts=1` also the artifacts that they made.

    Artifacts that a promotion has put elsewhere stay, and are named.
    """
    everything = body.flag(request, "deleteAll")
    said = body.query(request).get("buildNumbers", "")
    numbers = [number for text in said.split(",") for number in names.names(text.strip())[:1] if number]
    if everything is False and not numbers:
        raise _nothing_named("buildNumbers: is missing; name the numbers, or say deleteAll=1 for all runs")
    wanted = None if everything or not numbers else Counter(dict.fromkeys(numbers, 0))
    spelled = names.names(request.path_params[NAME.name])
    key, artifacts = repository(request), bool(body.flag(request, "artifacts"))
    return await _delete(request, visitor, key, spelled, wanted, artifacts=artifacts)


async def delete_named(request: Request[Any], visitor: Visitor) -> Text:
    """Delete the runs that the body names: `buildName`, and `buildNumbers` or `deleteAll`; perhaps `deleteArtifacts`.

    A number that is named once means all its runs; one that is named several times means as many, the oldest first.
    """
    fields = Fields.of(parsed(await body.read(request)))
    name, project = fields.text("buildName"), fields.text("project").strip()
    if ("buildName" in fields.values and not name.strip()) or "buildName" not in fields.values:
        fields.wrong("buildName", "missing_field", "is missing or blank; say which build is meant")
    numbers = fields.texts("buildNumbers")
    everything, artifacts = fields.flag("deleteAll"), fields.flag("deleteArtifacts")
    fields.finish()
    if not everything and not numbers:
        raise _nothing_named("buildNumbers: is missing or empty; name the numbers, or say deleteAll")
    key = names.repository_key(project or body.query(request).get("project", ""))
    named = Counter(numbers)
    wanted = None if everything else Counter({number: 0 if count == 1 else count for number, count in named.items()})
    return await _delete(request, visitor, key, [name], wanted, artifacts=artifacts)


def _nothing_named(words: str) -> Invalid:
    return Invalid.of([Problem("buildNumbers", "missing_field", words)])


async def _delete(
    request: Request[Any],
    visitor: Visitor,
    key: str,
    spelled: Sequence[str],
    wanted: Counter[str] | None,
    *,
    artifacts: bool,
) -> Text:
    allowed = access.named(visitor, "delete", key, spelled)
    used = ports(request)
    done = await used.db.alter(_deleting(used, visitor, key, allowed, wanted, artifacts=artifacts))
    gone = {run.number for run in done.removed}
    unknown = [number for number in wanted or () if number not in gone]
    return Text("\n".join(_told(done, unknown)) + "\n")


def _deleting(
    used: Ports, visitor: Visitor, key: str, spelled: Sequence[str], wanted: Counter[str] | None, *, artifacts: bool
) -> Tx[Outcome]:
    repo = yield from access.find(key)
    if repo is None:
        raise store.no_build(spelled[0], key)
    yield from removal.hold(repo, (yield from _meant(repo, spelled, wanted)), artifacts=artifacts)
    chosen = yield from _meant(repo, spelled, wanted)
    return (yield from removal.removing(used.recorders, visitor, repo, chosen, artifacts=artifacts))


def _meant(repo: ArtifactRepository, spelled: Sequence[str], wanted: Counter[str] | None) -> Tx[Sequence[Run]]:
    """The runs that a request means, of the first name that has a run; NoRun without any."""
    for name in spelled:
        if runs := (yield from store.runs_of(repo.id, name)):
            chosen = runs if wanted is None else _chosen(runs, wanted)
            if not chosen:
                raise store.no_run(name, ", #".join(list(wanted or ())[:NAMED]), repo.key)
            return chosen
    raise store.no_build(spelled[0], repo.key)


def _chosen(runs: Sequence[Run], wanted: Counter[str]) -> list[Run]:
    """The runs of these numbers: of each number as many as are wanted, the oldest first; 0 for all."""
    taken = Counter[str]()
    chosen = list[Run]()
    for run in reversed(runs):
        if run.number in wanted and (not wanted[run.number] or taken[run.number] < wanted[run.number]):
            taken[run.number] += 1
            chosen.append(run)
    return chosen


def _told(done: Outcome, unknown: Sequence[str]) -> list[str]:
    lines = ["Deleted: " + _listed([f"'{run.name}#{run.number}'" for run in done.removed])]
    if done.artifacts:
        lines.append(f"Deleted artifacts: {len(done.artifacts)}")
    if done.left:
        lines.append("Left where a promotion has put them: " + _listed(done.left))
    if unknown:
        lines.append("Not found: " + _listed([f"'{number}'" for number in unknown]))
    return lines


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more


async def rename(request: Request[Any], visitor: Visitor) -> Text:
    """Give all runs of a build the name `to`; artifacts of the runs carry the new name, too."""
    new = body.query(request).get("to", "")
    problems = [Problem("to", p.code, p.message.replace("name:", "to:", 1)) for p in names.check(new, "1")]
    if problems:
        raise Invalid.of(problems)
    key, spelled = repository(request), names.names(request.path_params[NAME.name])
    allowed = renaming.require(visitor, key, spelled, new)
    used = ports(request)
    repo, old = await used.db.read(_named(key, allowed))
    count = await renaming.rename(used, visitor, repo, old, new)
    return Text(f"Renamed '{old}' to '{new}': {count} runs\n")


def _named(key: str, spelled: Sequence[str]) -> Tx[tuple[ArtifactRepository, str]]:
    """The repository, and the first of the names that has a run; NoRun."""
    repo = yield from access.find(key)
    if repo is not None:
        for name in spelled:
            if (yield from store.has_runs(repo.id, name)):
                return repo, name
    raise store.no_build(spelled[0], key)


async def retain(request: Request[Any], visitor: Visitor) -> JSON[RetentionJSON] | Empty | Response:
    """Discard the runs of a build that the policy in the body does not keep, and remember the policy.

    Runs that were promoted are never discarded. With `async` the answer is 204, and the header `X-Gantry-Kept` names
    the runs that stay only because of that; without `async` the body names them. The work is done before the answer.
    """
    waits = body.flag(request, "async")
    key, spelled = repository(request), names.names(request.path_params[NAME.name])
    allowed = access.named(visitor, "delete", key, spelled)
    fields = Fields.of(parsed(await body.read(request)))
    limits = policy.read(fields)
    fields.finish()
    used = ports(request)
    name, done = await used.db.alter(_retaining(used, visitor, key, allowed, limits, used.now_ms()))
    removal.log_kept(key, name, done)
    if waits is None:
        return JSON(_retention(limits, done))
    answer = Empty()
    if done.kept:
        answer.headers["X-Gantry-Kept"] = policy.kept_header(done.kept)
    return answer


def _retaining(
    used: Ports, visitor: Visitor, key: str, spelled: Sequence[str], limits: Policy, now_ms: int
) -> Tx[tuple[str, Outcome]]:
    repo = yield from access.ensured(used.recorders, visitor.by, key, now_ms)
    name = spelled[0]
    for other in spelled:
        if (yield from store.has_runs(repo.id, other)):
            name = other
            break
    yield from removal.hold_for(repo, name, limits)
    done = yield from removal.retaining(used.recorders, visitor, repo, name, limits)
    yield from removal.keep_policy(repo.id, name, limits)
    return name, done


def _retention(limits: Policy, done: Outcome) -> RetentionJSON:
    kept = [RetainedRunJSON(number=r.number, started=r.started_text, reason=why) for r, why in done.kept]
    return RetentionJSON(**policy.as_json(limits), removed=len(done.removed), kept=kept, left=list(done.left))


async def show_policy(request: Request[Any], visitor: Visitor) -> JSON[PolicyJSON]:
    """The policy that was last posted for a build."""
    key, spelled = repository(request), names.names(request.path_params[NAME.name])
    allowed = access.named(visitor, "read", key, spelled)
    found = await request.state["db"].glance(_policy(key, allowed))
    if found is None:
        raise store.NoRun(f"no policy of retention was posted for the build '{spelled[0]}' in '{key}'")
    return JSON(found)


def _policy(key: str, spelled: Sequence[str]) -> Tx[PolicyJSON | None]:
    repo = yield from access.find(key)
    if repo is None:
        return None
    for name in spelled:
        if (found := (yield from removal.kept_policy(repo.id, name))) is not None:
            return found
    return None


_DELETE = [
    *WHERE,
    Param("buildNumbers", "The numbers whose runs are deleted, separated by commas; without them all runs are."),
    Param("deleteAll", "1 for all runs; 0 if only the runs of `buildNumbers` are meant."),
    Param("artifacts", "1 to delete also the artifacts of the runs."),
]
_ASYNC = Param("async", "Any value: the answer is 204. Without it, 200 with what was done.")
routes: Sequence[Endpoint] = [
    Endpoint(
        "DELETE",
        BUILD / NAME,
        delete,
        operation="build_info.delete",
        needs=VISITOR,
        query=_DELETE,
        errors=[400, 404],
    ),
    Endpoint(
        "POST",
        BUILD / "delete",
        delete_named,
        operation="build_info.delete_named",
        needs=VISITOR,
        query=WHERE[:1],
        errors=[400, 404, 413],
    ),
    Endpoint(
        "POST",
        BUILD / "rename" / NAME,
        rename,
        operation="build_info.rename",
        needs=VISITOR,
        query=[*WHERE, Param("to", "The new name.", required=True, example="web")],
        errors=[400, 404, 409],
    ),
    Endpoint(
        "POST",
        BUILD / "retention" / NAME,
        retain,
        operation="build_info.retain",
        needs=VISITOR,
        query=[*WHERE, _ASYNC],
        errors=[400, 413],
    ),
    Endpoint(
        "GET",
        BUILD / "retention" / NAME,
        show_policy,
        operation="build_info.show_policy",
        needs=VISITOR,
        query=WHERE,
        errors=[400, 404],
    ),
]
