"""Creates versions: freezes their content, signs it, and stores it.

Contract release-bundle 3, 5. The request freezes the content, in one transaction that proves that each file is still as
it was when it was found. Work makes a manifest of the frozen content, signs the manifest, and stores both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app import threads
from app.artifacts import properties, uploads
from app.artifacts.access import Visitor
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import Blob
from app.buildinfo.files import received, repeated
from app.bundles import access, evidence, moments, resolving, sources, storage, store, told, work
from app.bundles.evidence import Evidence, Head
from app.bundles.freezing import Changed, freeze
from app.bundles.model import Artifact, Bundle
from app.bundles.ports import Ports
from app.bundles.resolving import Content
from app.bundles.signing import dsse, signer, statements
from app.bundles.signing.dsse import Signed
from app.bundles.signing.signer import Signer
from app.bundles.sources import Asked
from app.bundles.union import Picked
from app.bundles.work import Lost, Progress, Work
from app.db.tx import Tx, run
from app.errors import AppError, Conflict
from app.moments import Recorders
from app.turns import many_objects, short_turns

FINALIZE = "UPDATE bundles SET status = 'PROCESSING', signing_key = :signing_key, messages = '[]' WHERE id = :id"
#: What is done to a version, as moments say it.
_CREATE, _FINALIZE = "bundle.create", "bundle.finalize"


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, when, and for which repository of bundles."""

    visitor: Visitor
    #: Key of the repository of bundles.
    key: str
    #: Unix milliseconds.
    at: int
    #: Name of the key that signs; empty for the server's default key.
    signing_key: str = ""
    #: Whether the caller waits until the work has ended.
    sync: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """A version that is being made, and the id of the work; 0 for none."""

    bundle: Bundle
    work_id: int = 0


async def create(ports: Ports, call: Call, asked: Asked) -> Accepted:
    """Freeze the content of a new version; with `draft` there is no work yet.

    Forbidden; Conflict when the version is there, unless its creation failed; the errors of `resolving`; Invalid when
    there is no such key.
    """
    access.require(call.visitor, "deploy", call.key, asked.name, asked.version)
    resolving.require(call.visitor, asked.sources)
    with many_objects():
        return await repeated(lambda: _create(ports, call, asked))


async def _create(ports: Ports, call: Call, asked: Asked) -> Accepted:
    await ports.db.read(_checked(call, asked))
    content = await resolving.resolved(ports.db, call.visitor, asked.sources)
    return await ports.db.alter(_created(ports, call, asked, content))


def _checked(call: Call, asked: Asked) -> Tx[tuple[str, Bundle | None]]:
    """The name of the pair that signs, and the version of the name whose creation has failed, None without one.

    Invalid when there is no such key; Conflict when there is another version of the name.
    """
    key = yield from signer.require(call.signing_key)
    old = yield from store.find(call.key, asked.name, asked.version)
    if old is not None and old.status != "FAILED":
        raise _exists(call, asked, old.status)
    return key, old


def _created(ports: Ports, call: Call, asked: Asked, content: Content) -> Tx[Accepted]:
    key, failed = yield from _checked(call, asked)
    if failed is not None:
        yield from store.give_way(failed)
    by = call.visitor.by
    repo = yield from access.ensured(ports.recorders, by, call.key, call.at)
    bundle = yield from store.add(
        Bundle(
            0,
            repo.id,
            asked.name,
            asked.version,
            "DRAFT" if asked.draft else "PROCESSING",
            call.at,
            by.id,
            call.visitor.name,
            key,
            content.specification,
            content.environment,
            len(content.picked),
            content.size,
            messages=told.messages(content.notes, call.at),
        )
    )
    if bundle is None:
        raise _exists(call, asked)
    yield from freeze(bundle.id, content.picked)
    if not asked.draft:
        return (yield from _accepted(call, bundle, _CREATE))
    yield from ports.recorders.record(moments.created(by, call.key, bundle))
    return Accepted(bundle)


def _exists(call: Call, asked: Asked, status: str = "") -> Conflict:
    words = f"the version {asked.version} of the release bundle {asked.name} exists in {call.key} already"
    state = f": it is {status}" if status else ""
    return Conflict(f"{words}{state}; choose another version, or delete it", code="bundle_exists")


def _accepted(call: Call, bundle: Bundle, verb: str) -> Tx[Accepted]:
    """Add the work that signs and stores a version."""
    by = moments.kept(call.visitor.by)
    work_id = yield from work.add(bundle.id, "create", bundle.files, at=call.at, verb=verb, by=by, sync=call.sync)
    if work_id is None:
        raise Conflict(f"the version {bundle.version} of {bundle.name} is being changed; try again a little later")
    return Accepted(bundle, work_id)


async def update(ports: Ports, call: Call, asked: Asked) -> Accepted:
    """Add the content of sources to a draft. NoBundle, Conflict for what is no draft; the other errors as above."""
    access.require(call.visitor, "deploy", call.key, asked.name, asked.version)
    resolving.require(call.visitor, asked.sources)
    with many_objects():
        return await repeated(lambda: _update(ports, call, asked))


async def _update(ports: Ports, call: Call, asked: Asked) -> Accepted:
    draft, kept = await ports.db.read_many(_content(call, asked.name, asked.version))
    content = await resolving.resolved(ports.db, call.visitor, asked.sources, kept)
    return await ports.db.alter(_updated(ports, call, draft, content))


def _content(call: Call, name: str, version: str) -> Tx[tuple[Bundle, list[Picked]]]:
    draft = yield from _draft(call, name, version)
    return draft, (yield from resolving.frozen(draft))


def _draft(call: Call, name: str, version: str) -> Tx[Bundle]:
    found = yield from store.find(call.key, name, version)
    if found is None:
        raise store.no_bundle(call.key, name, version)
    if found.status != "DRAFT":
        words = f"the version {version} of the release bundle {name} is {found.status}, and no draft any more"
        raise Conflict(f"{words}; create another version", code="no_draft")
    return found


def _updated(ports: Ports, call: Call, draft: Bundle, content: Content) -> Tx[Accepted]:
    if (yield from store.hold(draft.id)) != draft:
        raise Changed("another caller has changed the draft at the same time; try again")
    new = [each for each in content.picked if each.bundle_id != draft.id]
    yield from freeze(draft.id, new, before=draft.files)
    specification = sources.together(draft.sources, content.specification)
    yield from store.set_content(draft.id, specification, len(content.picked), content.size)
    if content.notes:
        messages = [*draft.messages, *told.messages(content.notes, call.at)]
        yield from store.set_status(draft.id, "DRAFT", messages)
    bundle = yield from store.by_id(draft.id)
    assert bundle is not None
    yield from ports.recorders.record(moments.updated(call.visitor.by, call.key, draft, bundle))
    return Accepted(bundle)


async def finalize(ports: Ports, call: Call, name: str, version: str) -> Accepted:
    """Begin to sign a draft. Forbidden; NoBundle, Conflict for what is no draft; Invalid when there is no such key."""
    access.require(call.visitor, "deploy", call.key, name, version)
    return await ports.db.write(_finalized(call, name, version))


def _finalized(call: Call, name: str, version: str) -> Tx[Accepted]:
    found = yield from _draft(call, name, version)
    yield from store.hold(found.id)
    draft = yield from _draft(call, name, version)  # as it is now
    key = yield from signer.require(call.signing_key or draft.signing_key)
    yield from run(FINALIZE, id=draft.id, signing_key=key)
    return (yield from _accepted(call, draft, _FINALIZE))


@dataclass(frozen=True, slots=True)
class _Frozen:
    """A version, its content, and the key of its repository."""

    key: str
    bundle: Bundle
    artifacts: Sequence[Artifact]
    sets: Mapping[int, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Creation:
    """The work `create`: signs the frozen content of a version, and stores it. See `work.Step`.

    When it fails, a draft is a draft again. Of another version nothing is left if the caller waits, who gets the error;
    else the version stays, FAILED, with the reason.
    """

    ports: Ports

    async def do(self, work: Work, progress: Progress) -> None:
        """See `work.Step`."""
        ports = self.ports
        frozen = await ports.db.read_many(_frozen(work))
        key = await signer.signer_of(ports, frozen.bundle.signing_key)
        with short_turns():
            signed, folders = await threads.run(_signed, frozen, key)
        progress.done = len(frozen.artifacts)
        new = await received(ports.blobs, *signed.pieces)
        try:
            blob = await ports.db.alter(_completed(ports.recorders, work, frozen, signed, folders, new, ports.now_ms()))
        except (*uploads.REFUSALS, Lost):  # any other error: perhaps a row names the bytes
            await uploads.discard(ports.blobs, [new.place])
            raise
        if blob.place != new.place:
            await uploads.discard(ports.blobs, [new.place])

    def failed(self, work: Work, error: AppError) -> Tx[None]:
        """See `work.Step`."""
        return _failed(self.ports.recorders, work, error.message, self.ports.now_ms())


def _frozen(work: Work) -> Tx[_Frozen]:
    bundle = yield from store.by_id(work.bundle_id)
    if bundle is None:
        raise Lost("the version was deleted")
    key = yield from access.key_of(bundle)
    artifacts = yield from store.artifacts_of(bundle.id)
    sets = yield from properties.of_sets(sorted({artifact.set_id for artifact in artifacts}))
    return _Frozen(key, bundle, artifacts, sets)


def _signed(frozen: _Frozen, key: Signer) -> tuple[Signed, list[str]]:
    """The signed manifest, and the folders of the version."""
    bundle, artifacts = frozen.bundle, frozen.artifacts
    statement = statements.manifest(frozen.key, bundle, artifacts, frozen.sets)
    return dsse.signed(statement, key), storage.folders(bundle.name, bundle.version, artifacts)


def _completed(
    recorders: Recorders, done: Work, frozen: _Frozen, signed: Signed, folders: Sequence[str], new: Received, now: int
) -> Tx[Blob]:
    yield from work.finish(done)
    bundle = frozen.bundle
    yield from store.hold(bundle.id)
    blob = yield from rows.add(new, now // 1000)
    yield from storage.put(bundle, folders, blob, Stamp(bundle.by_name, bundle.created))
    statement = Evidence(bundle.id, 1, "create", now, signed.digest, signed.envelope)
    yield from evidence.append(statement, Head())
    yield from store.signed(bundle.id, signed.digest)
    made = yield from store.by_id(bundle.id)
    assert made is not None
    moment = moments.finalized if _is_draft(done) else moments.created
    yield from recorders.record(moment(moments.actor(done.request["by"]), frozen.key, made))
    return blob


def _failed(recorders: Recorders, gone: Work, reason: str, now: int) -> Tx[None]:
    bundle = yield from store.hold(gone.bundle_id)
    if bundle is None:
        return
    messages = told.messages([reason], now)
    if _is_draft(gone):
        yield from store.set_status(bundle.id, "DRAFT", messages)
    elif gone.request["sync"]:
        yield from store.remove(bundle.id)
    else:
        yield from store.set_status(bundle.id, "FAILED", messages)
    key, by = (yield from access.key_of(bundle)), moments.actor(gone.request["by"])
    yield from recorders.record(moments.failed(gone.request["verb"], by, key, bundle, reason))


def _is_draft(work: Work) -> bool:
    """Whether the version was a draft before the work."""
    return bool(work.request["verb"] == _FINALIZE)


def is_signed(bundle_id: int) -> Tx[bool]:
    """Whether a version was signed."""
    bundle = yield from store.by_id(bundle_id)
    return bundle is not None and bool(bundle.manifest)
