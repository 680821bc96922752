"""Deletes runs: by name and number, or by a policy of retention, with their artifacts or without.

Contract artifactory-build 4.6 to 4.8, 4.11.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from app.artifacts import properties, pruning, repositories
from app.artifacts.access import Visitor
from app.artifacts.model import ArtifactRepository, parted
from app.buildinfo import access, linking, moments, names, policy, store
from app.buildinfo.linking import Candidate
from app.buildinfo.model import Run
from app.buildinfo.policy import Decision, Policy, PolicyJSON
from app.db.tx import Tx, many, one, run
from app.moments import Recorders

log = logging.getLogger(__name__)

#: What promotions of a build's runs have changed, by run. A promotion that found nothing and set no status is none.
PROMOTIONS = """
    SELECT DISTINCT number, started, target FROM build_promotions
    WHERE repo_id = :repo_id AND name = :name AND (files > 0 OR status <> '')
"""
#: The runs that aggregate others, and whether they were promoted.
WHOLES = """
    SELECT part.module, whole.name, whole.number, whole.statuses, EXISTS (
        SELECT 1 FROM build_promotions AS promotion
        WHERE promotion.repo_id = whole.repo_id AND promotion.name = whole.name AND promotion.number = whole.number
            AND promotion.started = whole.started AND (promotion.files > 0 OR promotion.status <> '')
    ) AS promoted
    FROM :rows(wanted; module text) AS wanted
    JOIN run_parts AS part ON part.module = wanted.module
    JOIN runs AS whole ON whole.id = part.run_id
    WHERE whole.repo_id = :repo_id
"""
KEEP_POLICY = """
    INSERT INTO build_retention (repo_id, name, settings) VALUES (:repo_id, :name, :settings)
    ON CONFLICT (repo_id, name) DO UPDATE SET settings = excluded.settings
"""
POLICY = "SELECT settings FROM build_retention WHERE repo_id = :repo_id AND name = :name"
#: A file that was changed meanwhile stays.
REMOVE_FILES = """
    DELETE FROM items WHERE id IN (
        SELECT items.id FROM :rows(files; id bigint, set_id bigint, sha256 text) AS old
        JOIN items ON items.id = old.id AND items.set_id = old.set_id
        JOIN blobs ON blobs.id = items.blob_id AND blobs.sha256 = old.sha256
    )
"""
#: How many levels of aggregating builds are followed.
LEVELS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a removal did."""

    removed: tuple[Run, ...] = ()
    #: Artifacts that went with their runs.
    artifacts: tuple[str, ...] = ()
    #: Artifacts that stay, because a promotion has put them there.
    left: tuple[str, ...] = ()
    #: Runs that only the reason keeps, which is given.
    kept: tuple[tuple[Run, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Files:
    doomed: tuple[Candidate, ...] = ()
    left: tuple[Candidate, ...] = ()


def hold(repo: ArtifactRepository, runs: Sequence[Run], *, artifacts: bool) -> Tx[None]:
    """Hold the repository of runs that shall be deleted, and with `artifacts` those of their artifacts.

    Every transaction that locks several repositories locks the lowest id first, so this comes before all other locks;
    the runs are to be read again then.
    """
    files = (yield from _files(repo, runs)) if artifacts and runs else _Files()
    for repo_id in sorted({repo.id, *(file.repo_id for file in files.doomed)}):
        yield from repositories.hold(repo_id)


def hold_for(repo: ArtifactRepository, name: str, limits: Policy, *, coming: int = 0) -> Tx[None]:
    """The same for the runs of a name that a policy does not keep, when so many newer runs are coming."""
    count = max(limits.count - coming, 0) if limits.count >= 0 else limits.count
    decision = yield from _decision(repo, name, replace(limits, count=count))
    yield from hold(repo, decision.discarded, artifacts=limits.artifacts)


def removing(
    recorders: Recorders,
    visitor: Visitor,
    repo: ArtifactRepository,
    runs: Sequence[Run],
    *,
    artifacts: bool,
    verb: str = "build_info.delete",
) -> Tx[Outcome]:
    """Delete runs of one name, and their artifacts. Forbidden when the caller may not delete one of them.

    The caller has called `hold`.
    """
    for found in runs:
        visitor.require("delete", repo, names.path_of(found.name, found.number, found.started))
    if not runs:
        return Outcome()
    files = _Files()
    if artifacts:
        files = yield from _files(repo, runs)
        yield from _remove_files(visitor, files.doomed)
    yield from store.remove(runs)
    yield from pruning.prune(repo.id, [names.folder(runs[0].name)])
    gone = tuple(str(file) for file in files.doomed)
    yield from recorders.record(moments.deleted(verb, visitor.by, repo, runs[0].name, runs, gone))
    left = tuple(str(file) for file in files.left if access.may_read_file(visitor, file))
    return Outcome(tuple(runs), gone, left)


def _remove_files(visitor: Visitor, files: Sequence[Candidate]) -> Tx[None]:
    _require_delete(visitor, files)
    folders: dict[int, list[str]] = {}
    for file in files:
        folders.setdefault(file.repo_id, []).append(parted(file.path)[0])
    for repo_id in sorted(folders):  # all but those of files that came since `hold` are held already
        yield from repositories.hold(repo_id)
    entries = [(file.item_id, file.set_id, file.sums.sha256) for file in files]
    yield from run(REMOVE_FILES, files=orjson.dumps(entries).decode())
    for repo_id, emptied in folders.items():
        yield from pruning.prune(repo_id, emptied)


def _require_delete(visitor: Visitor, files: Iterable[Candidate]) -> None:
    """Forbidden when the caller may not delete a file; a file that the caller may not read is not named."""
    for file in files:
        if not visitor.rights.may("delete", access.repo_of(file), file.path):
            readable = access.may_read_file(visitor, file)
            visitor.refuse("delete", *((file.repo, file.path) if readable else ("the artifacts of the build", "")))


def _files(repo: ArtifactRepository, runs: Sequence[Run]) -> Tx[_Files]:
    """The artifacts that go with runs of one name, and those that a promotion has put elsewhere."""
    targets = yield from _targets(repo, runs)
    found: dict[int, Candidate] = {}
    left: dict[int, Candidate] = {}
    for of in runs:
        entries = yield from store.entries(of.id)
        known = yield from linking.candidates(of.name, of.number, repo.key)
        for artifact, files in linking.belonging(entries.artifacts, [file for file in known if not file.system]):
            for file in files:
                elsewhere = file.repo in targets[of.id] and file.repo != artifact.repo
                (left if elsewhere else found)[file.item_id] = file
    doomed = [file for file in found.values() if file.item_id not in left]
    others = yield from linking.listed_by_others(doomed, runs)
    sets = yield from properties.of_sets(sorted({file.set_id for file in doomed}))
    numbers = {of.number for of in runs}
    return _Files(
        tuple(
            file
            for file in doomed
            if file.item_id not in others and numbers >= set(sets[file.set_id].get("build.number", ()))
        ),
        tuple(left.values()),
    )


def _targets(repo: ArtifactRepository, runs: Sequence[Run]) -> Tx[dict[int, set[str]]]:
    """The keys of the local repositories into which runs of one name were promoted, by run."""
    known = yield from repositories.read_all()
    by_id = known.by_id
    promoted = yield from many(PROMOTIONS, repo_id=repo.id, name=runs[0].name)
    found: dict[int, set[str]] = {}
    for of in runs:
        keys = {str(status.get("repository", "")) for status in of.statuses}
        keys |= {row["target"] for row in promoted if (row["number"], row["started"]) == (of.number, of.started)}
        virtual = (known.by_key[key] for key in keys if key in known.by_key)
        found[of.id] = keys | {by_id[one_of.deploy_to].key for one_of in virtual if one_of.deploy_to in by_id}
    return found


def retaining(
    recorders: Recorders, visitor: Visitor, repo: ArtifactRepository, name: str, limits: Policy
) -> Tx[Outcome]:
    """Discard the runs of a name that a policy does not keep. The caller has called `hold_for`."""
    decision = yield from _decision(repo, name, limits)
    outcome = yield from removing(
        recorders, visitor, repo, decision.discarded, artifacts=limits.artifacts, verb="build_info.retain"
    )
    return Outcome(outcome.removed, outcome.artifacts, outcome.left, decision.kept)


def _decision(repo: ArtifactRepository, name: str, limits: Policy) -> Tx[Decision]:
    runs = yield from store.runs_of(repo.id, name)
    return policy.decide(runs, limits, (yield from _reasons(repo, name, runs)))


def keep_policy(repo_id: int, name: str, limits: Policy) -> Tx[None]:
    """Remember the policy that was posted for a name."""
    yield from run(KEEP_POLICY, repo_id=repo_id, name=name, settings=orjson.dumps(policy.as_json(limits)).decode())


def kept_policy(repo_id: int, name: str) -> Tx[PolicyJSON | None]:
    """The policy that was last posted for a name, as answers show it; None without one."""
    row = yield from one(POLICY, repo_id=repo_id, name=name)
    if row is None:
        return None
    found: PolicyJSON = orjson.loads(row["settings"])
    return found


def log_kept(key: str, name: str, done: Outcome) -> None:
    """Write into the log which runs stay only because of a reason that the policy does not know."""
    if done.kept:
        kept = [f"{found.number}: {reason}" for found, reason in done.kept[: policy.IN_HEADER]]
        log.info("retention kept runs", extra={"build": f"{key}/{name}", "kept": kept, "count": len(done.kept)})


def _reasons(repo: ArtifactRepository, name: str, runs: Sequence[Run]) -> Tx[dict[int, str]]:
    """Why runs must not be discarded, by id: they were promoted, or a promoted run aggregates them."""
    promoted = yield from many(PROMOTIONS, repo_id=repo.id, name=name)
    rows: dict[tuple[str, int], str] = {(row["number"], row["started"]): row["target"] for row in promoted}
    reasons = dict[int, str]()
    for of in runs:
        if of.statuses:
            last = of.statuses[-1]
            reasons[of.id] = _promoted(str(last.get("repository", "")), str(last.get("status", "")))
        elif (of.number, of.started) in rows:
            reasons[of.id] = _promoted(rows[of.number, of.started], "")
    others = {f"{of.name}/{of.number}" for of in runs if of.id not in reasons}
    wholes = yield from _promoted_wholes(repo, others)
    for of in runs:
        if of.id not in reasons and (whole := wholes.get(f"{of.name}/{of.number}")) is not None:
            reasons[of.id] = f"part of {whole}, which was promoted"
    return reasons


def _promoted(target: str, status: str) -> str:
    return "promoted" + (f" to {target}" if target else "") + (f" as {status}" if status else "")


def _promoted_wholes(repo: ArtifactRepository, modules: Iterable[str]) -> Tx[Mapping[str, str]]:
    """For runs, as `NAME/NUMBER`, a promoted run that aggregates them, perhaps by way of others."""
    asked = {module: {module} for module in modules}
    found: dict[str, str] = {}
    seen = set[str](asked)
    for _ in range(LEVELS):
        if not asked:
            break
        wanted = orjson.dumps([[module] for module in asked]).decode()
        above: dict[str, set[str]] = {}
        for row in (yield from many(WHOLES, repo_id=repo.id, wanted=wanted)):
            whole = f"{row['name']}/{row['number']}"
            if row["promoted"] or row["statuses"] != "[]":
                found |= {module: whole for module in asked[row["module"]] if module not in found}
            elif whole not in seen:
                above.setdefault(whole, set()).update(asked[row["module"]])
        seen |= above.keys()
        asked = above
    return found
