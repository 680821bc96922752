"""What requests about release bundles say in their paths, queries and headers."""

from typing import Any

from starlette.requests import Request

from app.artifacts import access
from app.artifacts.access import Visitor
from app.bundles import access as rights
from app.bundles import names, store
from app.bundles.model import BUNDLES, Bundle
from app.bundles.ports import Ports
from app.bundles.work import Worker
from app.db.tx import Tx
from app.sealing.seal import Seal
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.route import Param

LIFECYCLE = Path.of("/lifecycle/api/v2")
RECORDS = LIFECYCLE / "release_bundle/records"
PROMOTIONS = LIFECYCLE / "promotion/records"
#: The paths of this server's own calls.
OWN = Path.of("/api/bundles")
NAME = Word("name", "Name of the release bundle.", "shop")
VERSION = Word("version", "Version of the release bundle.", "1.0")
CREATED = Word("created", "`created_millis` of the promotion.", 1795413827941)
PROJECT = Param("project", "Key of the project of the release bundle; without one, or `default`, the common one.")
KEY = Param("repository_key", "Key of the repository of the release bundle, instead of `project`.")
WHERE = (PROJECT, KEY)
ASYNC = Param("async", "Whether to answer before the work has ended; `true` without it.")
SIGNING_KEY = "x-jfrog-signing-key-name"


class State(access.State):
    """The fields of a request's state that the routes of release bundles need."""

    seal: Seal
    service_id: str
    worker: Worker


def ports(request: Request[Any]) -> Ports:
    """The objects that the verbs use."""
    state = request.state
    return Ports(state["db"], state["blobs"], state["recorders"], state["seal"], state["now_ms"], state["service_id"])


def repository(request: Request[Any]) -> str:
    """The key of the repository of bundles that the query names; the common one when it names none."""
    said = body.query(request)
    return names.repository_key(said.get("project", "").strip(), said.get("repository_key", "").strip())


def says_repository(request: Request[Any]) -> bool:
    """Whether the query names a repository."""
    said = body.query(request)
    return bool(said.get("project", "").strip() or said.get("repository_key", "").strip())


def version(request: Request[Any]) -> tuple[str, str]:
    """The name and the version in the path."""
    words = request.path_params
    return decoded(words["name"]), decoded(words["version"])


def found(request: Request[Any], visitor: Visitor) -> Tx[tuple[str, Bundle]]:
    """The version in the path, and the key of its repository; as `named`."""
    return (yield from named(request, visitor, *version(request)))


def named(request: Request[Any], visitor: Visitor, name: str, number: str) -> Tx[tuple[str, Bundle]]:
    """A version, and the key of the repository that the query names; NoBundle, Forbidden.

    Without `project` or `repository_key` the common repository is meant, or the only other one that has the version.
    """
    key = repository(request) if says_repository(request) else (yield from _home(visitor, name, number))
    rights.require(visitor, "read", key, name, number)
    bundle = yield from store.find(key, name, number)
    if bundle is None:
        raise store.no_bundle(key, name, number)
    return key, bundle


def _home(visitor: Visitor, name: str, number: str) -> Tx[str]:
    """The key of the repository that a request means which names none (contract release-bundle 4.2). A version that
    the caller may not read is as one that is not there."""
    homes = [key for key in (yield from store.homes_of(name, number)) if rights.may(visitor, "read", key, name, number)]
    return homes[0] if len(homes) == 1 else BUNDLES


def signing_key(request: Request[Any]) -> str:
    """The name of the key that the header asks for; empty for none."""
    return str(request.headers.get(SIGNING_KEY, "")).strip()
