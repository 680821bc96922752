"""The verbs that publish runs and change their files: publish, append."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app import threads
from app.artifacts import repositories
from app.artifacts.access import Visitor
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import Blob
from app.buildinfo import access, document, files, linking, moments, names, removal, store
from app.buildinfo.document import Document
from app.buildinfo.fields import Mask
from app.buildinfo.files import Ports
from app.buildinfo.linking import Candidate
from app.buildinfo.model import Entries, Run
from app.buildinfo.removal import Outcome
from app.buildinfo.store import Rewritten
from app.db.tx import Tx
from app.evolve import evolve


async def publish(
    ports: Ports, visitor: Visitor, key: str, data: bytes, mask: Mask | None = None
) -> tuple[Received, Outcome]:
    """Store a build-info that a visitor sends; its file, and what its policy of retention did.

    A run of the same name, number and start is replaced. Forbidden, Invalid, Conflict. `mask` see `normalised`.
    """
    found = await threads.run(document.normalised, data, visitor.name, mask)
    repo = access.judged(key)
    visitor.require("deploy", repo, names.path_of(found.name, found.number, found.started))
    if found.retention is not None:
        visitor.require("delete", repo, access.all_of(found.name))
    if any(linking.incomplete(artifact) for artifact in found.entries.artifacts):
        known = await ports.db.read_many(linking.candidates(found.name, found.number, key))
        found = await threads.run(_completed, found, known, visitor)
    received = await files.received(ports.blobs, await threads.run(lambda: found.data))
    stamp = visitor.stamp(ports.now_ms())
    outcome = await files.settled(ports, [received], _publishing(ports, visitor, key, found, received, stamp))
    removal.log_kept(key, found.name, outcome)
    return received, outcome


def _completed(found: Document, known: Sequence[Candidate], visitor: Visitor) -> Document:
    """The build-info with the paths and checksums of the stored files that its artifacts are linked to.

    The entries stay without the paths: an artifact without a path stands for every file with its bytes.
    """
    if not known:
        return found
    missing = linking.missing(found.entries.artifacts, known, lambda file: access.may_read_file(visitor, file))
    for at, (_, artifact) in enumerate(document.artifacts_of(found.content)):
        if (file := missing.get(at)) is not None:
            document.complete(artifact, file.path, file.sums)
    completed = document.of_content(found.content)
    bare = {at for at, artifact in enumerate(found.entries.artifacts) if not artifact.path}
    return evolve(completed, entries=completed.entries.without_paths(bare))


def _publishing(
    ports: Ports, visitor: Visitor, key: str, found: Document, received: Received, stamp: Stamp
) -> Tx[tuple[Outcome, list[Blob]]]:
    repo = yield from access.ensured(ports.recorders, visitor.by, key, stamp.at)
    if found.retention is not None:
        yield from removal.hold_for(repo, found.name, found.retention, coming=1)
    else:
        yield from repositories.hold(repo.id)
    old = yield from store.find_run(repo.id, found.name, found.number, found.started)
    if old is not None:
        visitor.require("delete", repo, names.path_of(found.name, found.number, found.started))
        yield from store.remove([old])
        yield from ports.recorders.record(moments.replaced(visitor.by, repo, old))
    _, blob = yield from store.add(repo.id, found, received, stamp)
    outcome = Outcome()
    if found.retention is not None:
        outcome = yield from removal.retaining(ports.recorders, visitor, repo, found.name, found.retention)
    return outcome, [blob]


async def append(ports: Ports, visitor: Visitor, key: str, run: Run, modules: list[dict[str, Any]]) -> None:
    """Add modules to a run. NoRun when the run was deleted meanwhile."""
    known = await ports.db.read_many(linking.candidates(run.name, run.number, key))
    listed = list[Entries]()

    def change(content: dict[str, Any]) -> None:
        document.append(content, modules)
        listed[:] = [_completed(document.of_content(content), known, visitor).entries]

    async def attempt() -> None:
        current = await ports.db.glance(store.find_run(run.repo_id, run.name, run.number, run.started))
        if current is None:
            raise store.no_run(run.name, run.number, key)
        changed = await files.rewritten(ports, current, change)
        stamp = visitor.stamp(ports.now_ms())
        tx = _appending(ports, visitor, key, changed, listed[0], stamp, len(modules))
        await files.settled(ports, [changed.received], tx)

    await files.repeated(attempt)


def _appending(
    ports: Ports, visitor: Visitor, key: str, change: Rewritten, listed: Entries, stamp: Stamp, modules: int
) -> Tx[tuple[None, list[Blob]]]:
    yield from repositories.hold(change.run.repo_id)
    blob = yield from store.replace_file(change, stamp)
    before = {entry for entry in (yield from store.entries(change.run.id)).artifacts if not entry.path}
    bare = {at for at, entry in enumerate(listed.artifacts) if before and replace(entry, path="") in before}
    yield from store.replace_entries(change.run.id, listed.without_paths(bare))
    yield from ports.recorders.record(moments.appended(visitor.by, key, change.run, modules))
    return None, [blob]
