"""Routes that create versions of release bundles, and change drafts (contract release-bundle 3, 5)."""

from collections.abc import Coroutine, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from starlette.requests import Request

from app import threads
from app.artifacts.access import ACCOUNT, Visitor
from app.background import Unhurried
from app.bundles import creation, sources
from app.bundles.api import asked
from app.bundles.api.asked import ASYNC, LIFECYCLE, NAME, VERSION, WHERE, ports, repository, signing_key
from app.bundles.api.wire import VersionKeyJSON, version_key
from app.bundles.creation import Accepted, Call
from app.errors import Unavailable
from app.web import body
from app.web.reply import JSON, Made
from app.web.route import Endpoint, Param

FAIL_SAFE = Param("fail_safe", "Read by other servers; it changes nothing here.")


class State(asked.State):
    """The fields of a request's state that these routes need."""

    unhurried: Unhurried


class ArtifactInput(BaseModel):
    """A file: key of the repository, slash, path."""

    path: str
    #: What the SHA-256 of the file must be.
    sha256: str = ""


class BuildInput(BaseModel):
    """The newest run of a number."""

    build_name: str
    build_number: str
    build_repository: str = "artifactory-build-info"
    include_dependencies: bool = False


class VersionInput(BaseModel):
    """Another version of a release bundle."""

    release_bundle_name: str
    release_bundle_version: str
    project: str = ""
    repository_key: str = ""


class PackageInput(BaseModel):
    """A package, which is found by the properties that package clients set."""

    package_name: str
    package_version: str
    package_type: str
    repository_key: str


class SourceInput(BaseModel):
    """What a version is made from; the field of the type says which."""

    aql: str = ""
    artifacts: list[ArtifactInput] = []
    builds: list[BuildInput] = []
    release_bundles: list[VersionInput] = []
    packages: list[PackageInput] = []


class TypedSourceInput(SourceInput):
    """One of several sources."""

    source_type: Literal["aql", "artifacts", "builds", "release_bundles", "packages"]


class CreationInput(BaseModel):
    """A version and its content: either `source_type` and `source`, or `sources`."""

    release_bundle_name: str
    release_bundle_version: str
    source_type: Literal["aql", "artifacts", "builds", "release_bundles", "packages"] | None = None
    source: SourceInput | None = None
    sources: list[TypedSourceInput] = []
    #: Whether more may be added until the version is finalized.
    draft: bool = False
    #: Read by other servers; it changes nothing here.
    skip_docker_manifest_resolution: bool = False


class UpdateInput(BaseModel):
    """What is added to a draft."""

    release_bundle_name: str
    release_bundle_version: str
    add_sources: list[TypedSourceInput]


async def create(request: Request[State], visitor: Visitor) -> Made[VersionKeyJSON] | JSON[VersionKeyJSON]:
    """Create a version from queries, files, builds, other versions or packages.

    The content is frozen, with its properties, before the answer. With `async=false` the answer comes when the version
    is signed: 201. Else it comes before, 200, and the status of the version tells when it is done.
    """
    call = _call(request, visitor)
    wanted = await threads.run(sources.of_creation, await body.read(request, sources.BODY), call.at)
    made = await _made(request, call, creation.create(ports(request), call, wanted))
    return (Made if call.sync else JSON)(made)


async def update(request: Request[State], visitor: Visitor) -> JSON[VersionKeyJSON]:
    """Add the content of more sources to a draft."""
    call = _call(request, visitor)
    wanted = await threads.run(sources.of_update, await body.read(request, sources.BODY), call.at)
    return JSON(await _made(request, call, creation.update(ports(request), call, wanted)))


async def finalize(request: Request[State], visitor: Visitor) -> JSON[VersionKeyJSON]:
    """Make a draft a version that is signed, and that does not change any more. There is no body."""
    call = _call(request, visitor)
    name, version = asked.version(request)
    return JSON(await _made(request, call, creation.finalize(ports(request), call, name, version)))


def _call(request: Request[State], visitor: Visitor) -> Call:
    sync = body.flag(request, "async") is False
    return Call(visitor, repository(request), request.state["now_ms"](), signing_key(request), sync)


async def _made(request: Request[State], call: Call, doing: Coroutine[Any, Any, Accepted]) -> VersionKeyJSON:
    """The version, when its work has ended; before that when the caller does not wait."""
    accepted = await request.state["unhurried"].do(doing)
    worker, bundle = request.state["worker"], accepted.bundle
    if accepted.work_id and call.sync:
        await worker.ended(accepted.work_id)
        if not await request.state["db"].glance(creation.is_signed(bundle.id)):  # another server has tried
            raise Unavailable("the version could not be made; the log of the server that tried says why")
    elif accepted.work_id:
        worker.wake()
    return version_key(call.key, bundle)


_BUNDLES = LIFECYCLE / "release_bundle"
routes: Sequence[Endpoint] = [
    Endpoint("POST", _BUNDLES, create, needs=ACCOUNT, operation="bundles.create",
             query=[ASYNC, *WHERE, FAIL_SAFE], body=CreationInput, errors=[404, 409, 422, 507]),
    Endpoint("PATCH", _BUNDLES, update, needs=ACCOUNT, operation="bundles.update", query=[ASYNC, *WHERE],
             body=UpdateInput, errors=[404, 409, 422]),
    Endpoint("POST", _BUNDLES / NAME / VERSION / "finalize", finalize, needs=ACCOUNT,
             operation="bundles.finalize", query=[ASYNC, *WHERE], errors=[400, 409, 507]),
]  # fmt: skip
