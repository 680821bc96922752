"""Routes that read versions of release bundles, and give them a tag (contract release-bundle 4, 5)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NotRequired

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app import threads
from app.artifacts import environments, projects, properties
from app.artifacts.access import ACCOUNT, VISITOR, Visitor
from app.artifacts.lax import Storable
from app.artifacts.rights import ACTIONS
from app.artifacts.times import text_of
from app.artifacts.visible import visible_in
from app.bundles import access, lists, moments, names, store, work
from app.bundles.api import parts
from app.bundles.api.asked import (
    KEY,
    LIFECYCLE,
    NAME,
    PROJECT,
    RECORDS,
    VERSION,
    WHERE,
    found,
    repository,
    version,
)
from app.bundles.api.parts import ASCENDING, PAGE
from app.bundles.api.wire import PropertyJSON, StatusJSON, status
from app.bundles.api.wire import properties as shown_properties
from app.bundles.lists import Asked, Group, Order, Page
from app.bundles.model import Artifact, Bundle, MessageJSON
from app.bundles.work import Work
from app.db.tx import Tx
from app.encoding import encode
from app.web import body
from app.web.path import decoded
from app.web.reply import JSON, Encoded
from app.web.route import Endpoint, Param

#: The environment that a version is released to when there is no order of environments.
PROD = "PROD"


class ExistenceJSON(TypedDict):
    """Whether there is a version."""

    exists: bool


class ArtifactJSON(TypedDict):
    """A file of a version, as the file was when the version was created."""

    path: str
    checksum: str
    source_repository_key: str
    package_type: str
    size: int
    properties: list[PropertyJSON]


class SpecificationJSON(TypedDict):
    """All that is in a version, and what the version was made from."""

    schema_version: str
    service_id: str
    created_by: str
    created: str
    created_millis: int
    artifacts: list[ArtifactJSON]
    checked_webhooks: list[str]
    source: dict[str, Any]


class VersionJSON(TypedDict):
    """A version in a list."""

    status: str
    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    service_id: str
    created_by: str
    created: str
    release_status: str
    release_bundle_tag: NotRequired[str]
    messages: NotRequired[list[MessageJSON]]
    permissions: NotRequired[list[str]]
    #: What the version was made from (ours).
    source: NotRequired[dict[str, Any]]


class VersionsJSON(TypedDict):
    """A part of the versions of a name; `total` counts all."""

    release_bundles: list[VersionJSON]
    total: int
    limit: int
    offset: int


class GroupJSON(TypedDict):
    """A name, its newest version, and how many versions there are."""

    repository_key: str
    project_key: str
    project_name: str
    service_id: str
    created: str
    release_bundle_name: str
    release_bundle_version_latest: str
    release_bundle_versions_count: int


class GroupsJSON(TypedDict):
    """A part of the names; `total` counts all."""

    release_bundles: list[GroupJSON]
    total: int
    limit: int
    offset: int


class NameJSON(TypedDict):
    """A name, and where it is."""

    repository_key: str
    release_bundle_name: str
    project_key: str
    project_name: str


class NamesJSON(TypedDict):
    """All names."""

    release_bundles: list[NameJSON]


class TagInput(body.Input):
    """The tag of a version; an empty one, or none, removes the tag."""

    tag: Storable = Field("", max_length=128)


class TaggedJSON(TypedDict):
    """A version and its tag; null without one."""

    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    release_bundle_tag: str | None


async def existence(request: Request[Any], visitor: Visitor) -> JSON[ExistenceJSON]:
    """Whether there is a version; a draft is one."""
    key, (name, number) = repository(request), version(request)
    access.require(visitor, "read", key, name, number)
    found = await request.state["db"].glance(store.find(key, name, number))
    return JSON(ExistenceJSON(exists=found is not None))


async def specification(request: Request[Any], visitor: Visitor) -> Encoded[SpecificationJSON]:
    """All that is in a version. Without `project` or `repository_key` the only repository that has it is meant."""
    parts = await request.state["db"].read_many(_specification(request, visitor))
    return Encoded(await threads.run(_encoded, request.state["service_id"], *parts))


def _specification(
    request: Request[Any], visitor: Visitor
) -> Tx[tuple[Bundle, list[Artifact], Mapping[int, properties.Properties]]]:
    _, bundle = yield from found(request, visitor)
    artifacts = yield from store.artifacts_of(bundle.id)
    sets = yield from properties.of_sets(sorted({artifact.set_id for artifact in artifacts}))
    return bundle, artifacts, sets


def _encoded(
    service: str, bundle: Bundle, artifacts: Sequence[Artifact], sets: Mapping[int, properties.Properties]
) -> bytes:
    shown = {set_id: shown_properties(said) for set_id, said in sets.items()}
    listed = [
        ArtifactJSON(
            path=artifact.whole_path,
            checksum=artifact.sha256,
            source_repository_key=artifact.source,
            package_type=artifact.package_type,
            size=artifact.size,
            properties=shown[artifact.set_id],
        )
        for artifact in artifacts
    ]
    return encode(
        SpecificationJSON(
            schema_version="1.0.0",
            service_id=service,
            created_by=bundle.by_name,
            created=text_of(bundle.created),
            created_millis=bundle.created,
            artifacts=listed,
            checked_webhooks=[],
            source=dict(bundle.sources),
        )
    )


async def creation_status(request: Request[Any], visitor: Visitor) -> JSON[StatusJSON]:
    """How far the creation of a version has come."""
    bundle, under_way = await request.state["db"].glance(_creation(request, visitor))
    return status(bundle.status, bundle.messages, under_way)


def _creation(request: Request[Any], visitor: Visitor) -> Tx[tuple[Bundle, Work | None]]:
    _, bundle = yield from found(request, visitor)
    return bundle, (yield from work.of(bundle.id))


async def list_versions(request: Request[Any], visitor: Visitor) -> JSON[VersionsJSON]:
    """The versions of a name, the newest first; an unknown name has none."""
    key, name = repository(request), decoded(request.path_params["name"])
    asked = _asked(request, ("created", "release_bundle_version"))
    include = _words(request, "include", ("messages", "permissions", "source"))
    page, promoted, goal = await request.state["db"].read(_versions(visitor, key, name, asked))
    service = request.state["service_id"]
    listed = []
    for bundle in page.rows:
        entry = VersionJSON(
            status=bundle.status,
            repository_key=key,
            release_bundle_name=bundle.name,
            release_bundle_version=bundle.version,
            service_id=service,
            created_by=bundle.by_name,
            created=text_of(bundle.created),
            release_status="RELEASED" if goal in promoted.get(bundle.id, ()) else "PRE_RELEASE",
        )
        if bundle.tag:
            entry["release_bundle_tag"] = bundle.tag
        if "messages" in include:
            entry["messages"] = list(bundle.messages)
        if "permissions" in include:
            entry["permissions"] = [a for a in ACTIONS if access.may(visitor, a, key, name, bundle.version)]
        if "source" in include:
            entry["source"] = dict(bundle.sources)
        listed.append(entry)
    return JSON(VersionsJSON(release_bundles=listed, total=page.total, limit=asked.limit, offset=asked.offset))


def _versions(
    visitor: Visitor, key: str, name: str, asked: Asked
) -> Tx[tuple[Page[Bundle], Mapping[int, set[str]], str]]:
    """A page, the environments where its versions are, and the environment to which a version is released."""
    _require_any(visitor, key)
    repo = yield from access.find(key)
    if repo is None:
        return Page([], 0), {}, PROD
    page = yield from lists.versions(repo.id, name, asked, visible_in(visitor.rights, [repo]))
    promoted = yield from lists.environments_of([bundle.id for bundle in page.rows])
    order = yield from environments.order()
    return page, promoted, order[-1] if order else PROD


def _require_any(visitor: Visitor, key: str) -> None:
    """Forbidden when the caller may read no version in a repository."""
    if not visitor.rights.somewhere("read", access.judged(key)):
        visitor.refuse("read", key)


async def list_groups(request: Request[Any], visitor: Visitor) -> JSON[GroupsJSON]:
    """The names of bundles with their newest versions, the newest first."""
    key, asked = repository(request), _asked(request, ("created", "release_bundle_name"))
    page, project = await request.state["db"].read(_groups(visitor, key, asked))
    service = request.state["service_id"]
    listed = [
        GroupJSON(
            repository_key=key,
            project_key=names.project_of(key) or "default",
            project_name=project,
            service_id=service,
            created=text_of(group.created),
            release_bundle_name=group.name,
            release_bundle_version_latest=group.latest,
            release_bundle_versions_count=group.versions,
        )
        for group in page.rows
    ]
    return JSON(GroupsJSON(release_bundles=listed, total=page.total, limit=asked.limit, offset=asked.offset))


def _groups(visitor: Visitor, key: str, asked: Asked) -> Tx[tuple[Page[Group], str]]:
    """A page, and the name of the project."""
    _require_any(visitor, key)
    project = names.project_of(key)
    title = next((each.name for each in (yield from projects.list_all()) if each.key == project), project or "Default")
    repo = yield from access.find(key)
    if repo is None:
        return Page([], 0), title
    return (yield from lists.groups(repo.id, asked, visible_in(visitor.rights, [repo]))), title


async def list_names(request: Request[Any], visitor: Visitor) -> JSON[NamesJSON]:
    """The names of bundles, in their order."""
    key = repository(request)
    page, project = await request.state["db"].read(_groups(visitor, key, _all_names(request)))
    listed = [
        NameJSON(
            repository_key=key,
            release_bundle_name=group.name,
            project_key=names.project_of(key) or "default",
            project_name=project,
        )
        for group in page.rows
    ]
    return JSON(NamesJSON(release_bundles=listed))


def _all_names(request: Request[Any]) -> Asked:
    asked = _asked(request, ("release_bundle_name", "created"))
    return Asked(asked.limit, asked.offset, "release_bundle_name", ascending=True, pattern=asked.pattern)


async def set_tag(request: Request[Any], visitor: Visitor) -> JSON[TaggedJSON]:
    """Give a version a tag; an empty one removes the tag."""
    key, (name, number) = repository(request), version(request)
    access.require(visitor, "annotate", key, name, number)
    wanted = await body.parse(request, TagInput)
    tagging = _tag(request, visitor, key, name, number, wanted.tag.strip())
    await request.state["db"].write_few(tagging)
    tag = wanted.tag.strip() or None
    return JSON(
        TaggedJSON(repository_key=key, release_bundle_name=name, release_bundle_version=number, release_bundle_tag=tag)
    )


def _tag(request: Request[Any], visitor: Visitor, key: str, name: str, number: str, tag: str) -> Tx[None]:
    found = yield from store.find(key, name, number)
    bundle = (yield from store.hold(found.id)) if found is not None else None
    if bundle is None:
        raise store.no_bundle(key, name, number)
    if tag != bundle.tag:
        yield from store.set_tag(bundle.id, tag)
        yield from request.state["recorders"].record(moments.tagged(visitor.by, key, bundle, tag))


def _asked(request: Request[Any], orders: Sequence[Order]) -> Asked:
    """The part of a list that the query asks for; Invalid names everything that is wrong."""
    return Asked(*parts.part(request, orders, names.LONGEST_NAME))


def _words(request: Request[Any], field: str, known: Iterable[str]) -> set[str]:
    """The words of a list in the query, separated by commas, that are known."""
    return {word.strip() for word in body.query(request).get(field, "").split(",")} & set(known)


_FILTER = Param("filter_by", "What the version or the name is; `*` is any text.")
_LIST = (*WHERE, *PAGE, _FILTER, ASCENDING)
_BUNDLE = LIFECYCLE / "release_bundle"
routes: Sequence[Endpoint] = [
    Endpoint("GET", _BUNDLE / "existence" / NAME / VERSION, existence, operation="bundles.exists", needs=VISITOR,
             query=WHERE, errors=[400]),
    Endpoint("GET", _BUNDLE / "statuses" / NAME / VERSION, creation_status, operation="bundles.status", needs=VISITOR,
             query=WHERE, errors=[400]),
    Endpoint("GET", RECORDS / NAME / VERSION, specification, operation="bundles.info", needs=VISITOR,
             query=[PROJECT, KEY], errors=[400]),
    Endpoint("GET", RECORDS / NAME, list_versions, operation="bundles.list_versions", needs=VISITOR,
             query=[*_LIST, Param("order_by", "`created` or `release_bundle_version`."),
                    Param("include", "`messages`, `permissions`, `source`, with commas between them.")], errors=[400]),
    Endpoint("GET", _BUNDLE / "groups", list_groups, operation="bundles.list_groups", needs=VISITOR,
             query=[*_LIST, Param("order_by", "`created` or `release_bundle_name`.")], errors=[400]),
    Endpoint("GET", _BUNDLE / "names", list_names, operation="bundles.list_names", needs=VISITOR,
             query=[*WHERE, *PAGE, _FILTER], errors=[400]),
    Endpoint("PUT", RECORDS / NAME / VERSION / "tag", set_tag, operation="bundles.tag", needs=ACCOUNT, query=WHERE,
             body=TagInput, errors=[400]),
]  # fmt: skip
