"""Routes that publish, list and show runs (contract artifactory-build 4)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from app import threads
from app.artifacts import repositories
from app.artifacts.access import VISITOR, Visitor
from app.artifacts.blobs.store import BlobStore, Received
from app.artifacts.model import Blob
from app.artifacts.visible import visible_to
from app.buildinfo import access, diff, document, files, flow, names, policy, store, stored
from app.buildinfo.api.asked import ANY, BUILD, RUN, STARTED, WHERE, address, found, ports, repository, started
from app.buildinfo.diff import DiffJSON
from app.buildinfo.document import Document
from app.buildinfo.linking import Candidate
from app.buildinfo.model import Run
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.web import body
from app.web.path import Path
from app.web.reply import JSON, Empty, Encoded, Piped
from app.web.route import Endpoint, Param

#: What a caller sends as `Accept` to get a comparison whose entries are texts.
AS_NAMES = "application/vnd.org.jfrog.build.BuildsDiff+json;entries=string"
#: Bytes of a file that is read before the head of the answer is sent, so that an error becomes an answer of its own.
SMALL = 256 * 1024


class BuildJSON(TypedDict):
    """A build, and when its newest run began."""

    uri: str
    lastStarted: str


class BuildsJSON(TypedDict):
    """All builds."""

    uri: str
    builds: list[BuildJSON]


class NumberJSON(TypedDict):
    """A run, and when the run began."""

    uri: str
    started: str


class NumbersJSON(TypedDict):
    """All runs of a build."""

    uri: str
    buildsNumbers: list[NumberJSON]


class BuildInfoJSON(TypedDict):
    """A run, as its publisher sent it."""

    uri: str
    buildInfo: dict[str, Any]


class FileJSON(TypedDict):
    """A stored file; `path` is its folder, `.` at the top."""

    repo: str
    path: str
    name: str


async def list_builds(request: Request[Any], visitor: Visitor) -> JSON[BuildsJSON]:
    """All builds that the caller may read, by name."""
    key = repository(request)
    if not visitor.rights.somewhere("read", access.judged(key)):
        visitor.refuse("read", key)
    newest = await request.state["db"].read(_newest(key, visitor))
    builds = [BuildJSON(uri=f"/{names.escaped(name)}", lastStarted=at) for name, at in newest.items()]
    return JSON(BuildsJSON(uri=address(request), builds=builds))


def _newest(key: str, visitor: Visitor) -> Tx[dict[str, str]]:
    repo = yield from access.find(key)
    if repo is None:
        return {}
    known = yield from repositories.read_all()
    return (yield from store.newest(repo.id, visible_to(visitor.rights, known)))


async def show(
    request: Request[Any], visitor: Visitor
) -> JSON[NumbersJSON] | Encoded[BuildInfoJSON] | Piped[BuildInfoJSON] | JSON[DiffJSON] | Response:
    """The runs of a build, or one run, by its number; with `diff`, what differs from a run before it.

    A name may have slashes: the longest name that has the number is meant.
    """
    return await _shown(request, visitor, request.path_params[ANY.name])


async def _shown(request: Request[Any], visitor: Visitor, raw: str) -> Response:
    if older := body.query(request).get("diff", "").strip():
        return await _compared(request, visitor, raw, older)
    key, at = repository(request), started(request)
    repo = access.judged(key)
    pairs = [pair for pair in names.pairs(raw) if visitor.rights.may("read", repo, names.path_of(*pair))]
    spelled = names.names(raw)
    builds = [name for name in spelled if visitor.rights.may("read", repo, access.all_of(name))]
    if not pairs and not builds:
        visitor.refuse("read", key, access.all_of(spelled[0]))
    if pairs and (info := await request.state["db"].glance(_info(key, visitor, pairs, at))) is not None:
        run, blob = info
        return await _answer(address(request, run.name, run.number), request.state["blobs"], blob)
    name, runs = await request.state["db"].read(_runs(key, visitor, builds)) if at is None else ("", [])
    if not runs:
        raise store.no_run(*pairs[0], key) if pairs else store.no_build(spelled[0], key)
    numbers = [NumberJSON(uri=f"/{names.shown(run.number)}", started=run.started_text) for run in runs]
    return JSON(NumbersJSON(uri=address(request, name), buildsNumbers=numbers))


def _info(key: str, visitor: Visitor, pairs: Sequence[names.Pair], at: int | None) -> Tx[tuple[Run, Blob] | None]:
    repo = yield from access.find(key)
    run = (yield from store.find_first(repo.id, pairs, at)) if repo is not None else None
    if run is None or not access.may(visitor, "read", key, run):
        return None
    return run, (yield from store.file_of(run))


def _runs(key: str, visitor: Visitor, builds: Sequence[str]) -> Tx[tuple[str, list[Run]]]:
    repo = yield from access.find(key)
    if repo is None:
        return "", []
    for name in builds:
        runs = [run for run in (yield from store.runs_of(repo.id, name)) if access.may(visitor, "read", key, run)]
        if runs:
            return name, runs
    return "", []


async def _answer(uri: str, blobs: BlobStore, blob: Blob) -> Encoded[BuildInfoJSON] | Piped[BuildInfoJSON]:
    """The answer that holds a file as it is: a file may have megabytes, which nobody needs to parse."""
    head, end = b'{"uri":"' + uri.encode() + b'","buildInfo":', b"}\n"
    if blob.size <= SMALL:
        return Encoded(head + await files.read(blobs, blob) + end)
    length = len(head) + blob.size + len(end)
    return Piped(_wrapped(head, files.pieces(blobs, blob), end), {"content-length": str(length)})


async def _wrapped(head: bytes, pieces: AsyncGenerator[bytes, None], end: bytes) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        yield head
        async for piece in pieces:
            yield piece
        yield end


async def publish(request: Request[Any], visitor: Visitor) -> Empty:
    """Publish the build-info in the body; a run of the same name, number and start is replaced.

    The headers `X-Checksum-Sha256`, `X-Checksum-Sha1` and `X-Checksum-Md5` are the checksums of the stored file.
    """
    key = repository(request)
    if not visitor.rights.somewhere("deploy", access.judged(key)):
        visitor.refuse("deploy", key)
    data = await body.read(request, document.BODY)
    mask = await request.state["masks"](visitor.by)
    received, outcome = await flow.publish(ports(request), visitor, key, data, mask)
    answer = Empty()
    answer.headers.update(_sums(received))
    if outcome.kept:
        answer.headers["X-Gantry-Kept"] = policy.kept_header(outcome.kept)
    return answer


def _sums(received: Received) -> dict[str, str]:
    sums = received.sums
    return {"X-Checksum-Sha256": sums.sha256, "X-Checksum-Sha1": sums.sha1, "X-Checksum-Md5": sums.md5}


async def append(request: Request[Any], visitor: Visitor) -> Empty:
    """Add the modules in the body to a run."""
    key, run = await found(request, visitor, request.path_params[RUN.name], "deploy", "delete")
    data = await body.read(request, document.BODY)
    mask = await request.state["masks"](visitor.by)
    modules = await threads.run(document.modules_of, data, mask)
    await flow.append(ports(request), visitor, key, run, modules)
    return Empty()


async def compare(request: Request[Any], visitor: Visitor) -> JSON[DiffJSON] | Response:
    """What differs between a run and a run before it, whose number is `otherNumber`."""
    raw = request.path_params[RUN.name]
    if "/" not in raw.strip("/"):  # a run of a build whose name is the word of this call
        return await _shown(request, visitor, f"diff/{raw}")
    older = body.query(request).get("otherNumber", "").strip()
    if not older:
        words = "otherNumber: is missing; say ?otherNumber= with the number of the run to compare with"
        raise Invalid.of([Problem("otherNumber", "missing_other_number", words)])
    return JSON(diff.as_described(await _diff(request, visitor, raw, older)))


async def _compared(request: Request[Any], visitor: Visitor, raw: str, older: str) -> JSON[DiffJSON]:
    differing = await _diff(request, visitor, raw, older)
    accepted = request.headers.get("accept", "").replace(" ", "")
    form = diff.as_names if AS_NAMES in accepted else diff.as_served
    return JSON(form(differing))


async def _diff(request: Request[Any], visitor: Visitor, raw: str, older: str) -> diff.Diff:
    key, run = await found(request, visitor, raw, "read")
    access.numbered(visitor, "read", key, [(run.name, older)])
    other = await request.state["db"].glance(store.find_run(run.repo_id, run.name, older))
    if other is None or not access.may(visitor, "read", key, other):
        raise store.no_run(run.name, older, key)
    newer_data, older_data = [await _file(request, one_of) for one_of in (run, other)]
    return await threads.run(lambda: diff.compare(_document(newer_data), _document(older_data)))


async def _file(request: Request[Any], run: Run) -> bytes:
    return await files.read(request.state["blobs"], await request.state["db"].glance(store.file_of(run)))


def _document(data: bytes) -> Document:
    return document.of_content(document.loaded(data))


async def build_artifacts(request: Request[Any], visitor: Visitor) -> JSON[list[FileJSON]]:
    """The stored files that belong to a run; the last part of the path is the repository of build-info."""
    raw, _, last = request.path_params[RUN.name].strip("/").rpartition("/")
    key = names.names(last)[0]
    pairs = access.numbered(visitor, "read", key, names.pairs(raw))
    if not pairs:
        raise store.no_build(names.names(raw)[0], key)
    linked = await request.state["db"].read(_linked(key, visitor, pairs))
    if linked is None:
        raise store.no_run(*pairs[0], key)
    return JSON([_file_json(file) for file in linked])


def _linked(key: str, visitor: Visitor, pairs: Sequence[names.Pair]) -> Tx[Sequence[Candidate] | None]:
    repo = yield from access.find(key)
    run = (yield from store.find_first(repo.id, pairs)) if repo is not None else None
    if run is None or not access.may(visitor, "read", key, run):
        return None
    return (yield from stored.of_run(visitor, key, run, (yield from store.entries(run.id))))


def _file_json(file: Candidate) -> FileJSON:
    folder, _, name = file.path.rpartition("/")
    return FileJSON(repo=file.repo, path=folder or ".", name=name)


routes: Sequence[Endpoint] = [
    Endpoint("GET", BUILD, list_builds, operation="build_info.list", needs=VISITOR, query=WHERE, errors=[400]),
    Endpoint("PUT", BUILD, publish, operation="build_info.publish", needs=VISITOR, query=WHERE, errors=[400, 409, 413]),
    Endpoint(
        "GET",
        BUILD / ANY,
        show,
        operation="build_info.show",
        needs=VISITOR,
        query=[*WHERE, STARTED, Param("diff", "Number of a run before it, to compare with.")],
        errors=[400, 404],
    ),
    Endpoint(
        "GET",
        BUILD / "diff" / RUN,
        compare,
        operation="build_info.compare",
        needs=VISITOR,
        query=[
            *WHERE,
            STARTED,
            Param("otherNumber", "Number of the run to compare with.", required=True, example="41"),
        ],
        errors=[400, 404],
    ),
    Endpoint(
        "POST",
        BUILD / "append" / RUN,
        append,
        operation="build_info.append",
        needs=VISITOR,
        query=[*WHERE, STARTED],
        errors=[400, 404, 409, 413],
    ),
    Endpoint(
        "GET",
        Path.of("/artifactory/api/builds/buildArtifacts") / RUN,
        build_artifacts,
        operation="build_info.artifacts",
        needs=VISITOR,
        errors=[400, 404],
    ),
]
