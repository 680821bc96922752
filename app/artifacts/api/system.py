"""Routes that tell of the server (contract artifactory-storage 11)."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Scope
from typing_extensions import TypedDict

from app.artifacts.access import ACCOUNT, VISITOR, State, Visitor
from app.artifacts.identity import service_id
from app.errors import NotFound
from app.web.path import Path, Word
from app.web.reply import JSON, Text
from app.web.route import Endpoint

#: The version of the API that clients ask for, to know what they may call (contract artifactory-storage 11).
VERSION, REVISION = "7.140.0", "74000900"


class VersionJSON(TypedDict):
    """The version of Artifactory's API that is spoken here."""

    version: str
    revision: str
    addons: list[str]
    license: str


class NodeJSON(TypedDict):
    """A part of the service."""

    id: str
    state: str


class StatusJSON(TypedDict):
    """The state of the service."""

    nodes: list[NodeJSON]


class LicenseJSON(TypedDict):
    """What the server may be used for."""

    type: str
    validThrough: str
    licensedTo: str


class UploadsJSON(TypedDict):
    """Whether files may be sent in parts."""

    supported: bool


async def ping(_: Request[State]) -> Text:
    """Whether the server answers."""
    return Text("OK")


async def version(request: Request[State], _: Visitor) -> JSON[VersionJSON]:
    """The version of Artifactory's API that is spoken here."""
    license_id = hashlib.sha256(service_id(request.state["public_url"]).encode()).hexdigest()[:41]
    return JSON(VersionJSON(version=VERSION, revision=REVISION, addons=[], license=license_id))


async def show_service_id(request: Request[State], _: Visitor) -> Text:
    """The name of the service, which stays the same as long as its public address does."""
    return Text(service_id(request.state["public_url"]))


async def status(request: Request[State], _: Visitor) -> JSON[StatusJSON]:
    """The state of the service."""
    return JSON(StatusJSON(nodes=[NodeJSON(id=service_id(request.state["public_url"]), state="RUNNING")]))


async def show_license(_: Request[State], __: Visitor) -> JSON[LicenseJSON]:
    """The licence of the server."""
    return JSON(LicenseJSON(type="OSS", validThrough="", licensedTo=""))


async def usage(_: Request[State]) -> Text:
    """Take a report of what a client was used for; the report is not kept."""
    return Text("")


async def uploads(_: Request[State], __: Visitor) -> JSON[UploadsJSON]:
    """Files are not sent in parts (contract artifactory-storage 3.6)."""
    return JSON(UploadsJSON(supported=False))


async def release_bundle(_: Request[State], __: Visitor) -> Text:
    """Release bundles of the first kind are not kept here."""
    raise NotFound("there are no release bundles of the first version here")


def refuse_unserved(request: Request[State]) -> NoReturn:
    """NotFound for a call that is not served, such as those of the protocols of package managers."""
    words = [word for word in request.url.path.split("/") if word]
    name = words[2] if len(words) > 2 and words[0] != "v2" else "docker"
    if words[0] != "v2" and name in _LACKING:
        raise NotFound(_LACKING[name])
    if words[0] != "v2" and name not in _MANAGERS:
        raise NotFound(f"there is no call {request.method} {request.url.path}; /docs/api lists those that there are")
    raise NotFound(
        f"the protocol of {name} is not spoken here; files of any package type are put and read "
        "as /artifactory/REPOSITORY/PATH"
    )


_API = Path.of("/artifactory/api")
_SYSTEM = _API / "system"
#: What stands behind `api/` in the addresses of package managers.
_MANAGERS = frozenset(
    [
        "alpine",
        "ansible",
        "bower",
        "cargo",
        "chef",
        "cocoapods",
        "composer",
        "conan",
        "conda",
        "cran",
        "deb",
        "docker",
        "gems",
        "gitlfs",
        "go",
        "gradle",
        "helm",
        "helm-oci",
        "huggingfaceml",
        "lfs",
        "npm",
        "nuget",
        "oci",
        "opkg",
        "pub",
        "puppet",
        "pypi",
        "swift",
        "terraform",
        "vagrant",
        "vcs",
        "yum",
    ]
)
_NO_REPLICATION = "replication is not done here; copy files with api/copy, or read them from here and put them there"
#: What stands behind `api/` in the addresses of other calls that are not served, and what to do instead.
_LACKING = {
    "archive": "folders are not sent as an archive; read the files that api/storage/REPOSITORY/PATH?list&deep=1 names",
    "replication": _NO_REPLICATION,
    "replications": _NO_REPLICATION,
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_REST = Word("rest", "What the call says.", "npm/npm-local/left-pad", rest=True)


def unserved(allowed: Callable[[Scope], Collection[str]]) -> list[Endpoint]:
    """The rows of what no other row serves; a repository cannot be called `api`.

    `allowed` gives the methods that other rows have for the path of a request.
    """

    async def refuse(request: Request[State]) -> Text:
        """Not Found, or Method Not Allowed."""
        if methods := allowed(request.scope):
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
        refuse_unserved(request)

    paths = (_API / _REST, Path.of("/v2"), Path.of("/v2") / _REST)
    return [Endpoint(method, path, refuse) for path in paths for method in _METHODS]


routes: Sequence[Endpoint] = [
    Endpoint("GET", _SYSTEM / "ping", ping, operation="platform.ping"),
    Endpoint("GET", "/access/api/v1/system/ping", ping, operation="platform.ping_access"),
    Endpoint("GET", _SYSTEM / "version", version, operation="platform.version", needs=VISITOR),
    Endpoint("GET", _SYSTEM / "service_id", show_service_id, operation="platform.service_id", needs=VISITOR),
    Endpoint("GET", _SYSTEM / "status", status, operation="platform.status", needs=ACCOUNT),
    Endpoint("GET", _SYSTEM / "license", show_license, operation="platform.license", needs=ACCOUNT),
    Endpoint("POST", _SYSTEM / "usage", usage, operation="platform.report_usage"),
    Endpoint("POST", "/jfconnect/api/v1/backoffice/metrics/log", usage, operation="platform.report_metrics"),
    Endpoint("GET", _API / "v1/uploads/config", uploads, operation="platform.uploads", needs=VISITOR),
    Endpoint(
        "GET",
        _API / "release_bundles/records" / Word("bundle", "Name of the bundle.", "apps"),
        release_bundle,
        operation="platform.release_bundle",
        needs=VISITOR,
    ),
]
