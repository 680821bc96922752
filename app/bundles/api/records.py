"""Routes that read promotions of release bundles (contract release-bundle 6.6, 6.7)."""

from collections.abc import Sequence
from typing import Any, NotRequired, get_args

from starlette.requests import Request
from typing_extensions import TypedDict

from app import threads
from app.artifacts import repositories
from app.artifacts.access import VISITOR, Visitor
from app.artifacts.repositories import Repositories
from app.artifacts.times import text_of
from app.artifacts.visible import visible_in
from app.bundles import access, records, removal, store, work
from app.bundles.api import parts
from app.bundles.api.asked import CREATED, LIFECYCLE, NAME, PROMOTIONS, VERSION, WHERE, found, repository
from app.bundles.api.parts import ASCENDING, PAGE
from app.bundles.api.wire import StatusJSON, status
from app.bundles.model import Artifact, Bundle, MessageJSON, Promotion
from app.bundles.records import Asked, Order, Page, Record
from app.bundles.work import Work
from app.db.tx import Tx
from app.encoding import encode
from app.web import body
from app.web.path import decoded
from app.web.reply import JSON, Encoded
from app.web.route import Endpoint, Param

ORDERS: Sequence[Order] = get_args(Order)
#: The most characters of a filter.
LONGEST_FILTER = 1000


class RecordJSON(TypedDict):
    """A promotion in a list."""

    status: str
    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    environment: str
    source_environment: NotRequired[str]
    service_id: str
    created_by: str
    created: str
    created_millis: int
    xray_retrieval_status: str
    #: `copy` or `move`, the repositories that took files, and how many files are at their places.
    operation: str
    included_repository_keys: list[str]
    files: int
    #: Why the order of environments was overridden.
    override_reason: NotRequired[str]
    messages: NotRequired[list[MessageJSON]]


class RecordsJSON(TypedDict):
    """A part of the promotions; `total` counts all."""

    promotions: list[RecordJSON]
    total: int
    limit: int
    offset: int


class PromotedFileJSON(TypedDict):
    """A file that a promotion put: key of the repository, slash, path."""

    path: str
    checksum: str
    package_type: str
    package_name: str
    package_version: str


class PromotionJSON(TypedDict):
    """A promotion with the files that it put."""

    environment: str
    created_by: str
    created: str
    created_millis: int
    artifacts: list[PromotedFileJSON]


async def promotion_status(request: Request[Any], visitor: Visitor) -> JSON[StatusJSON]:
    """How far a promotion has come."""
    promotion, under_way = await request.state["db"].glance(_status(request, visitor))
    return status(promotion.status, promotion.messages, under_way)


def _status(request: Request[Any], visitor: Visitor) -> Tx[tuple[Promotion, Work | None]]:
    bundle, promotion = yield from _found(request, visitor)
    return promotion, (yield from work.of(bundle.id, promotion.id))


def _found(request: Request[Any], visitor: Visitor) -> Tx[tuple[Bundle, Promotion]]:
    created = body.number(request, CREATED.name, "time of the promotion")
    _, bundle = yield from found(request, visitor)
    return bundle, (yield from removal.find(bundle, created))


async def of_version(request: Request[Any], visitor: Visitor) -> JSON[RecordsJSON]:
    """The promotions of a version, the newest first; those that failed are among them."""
    asked = _asked(request)
    key, page = await request.state["db"].read(_of_version(request, visitor, asked))
    return _listed(request, key, asked, page)


def _of_version(request: Request[Any], visitor: Visitor, asked: Asked) -> Tx[tuple[str, Page]]:
    key, bundle = yield from found(request, visitor)
    return key, (yield from records.of_version(bundle.id, asked))


async def of_name(request: Request[Any], visitor: Visitor) -> JSON[RecordsJSON]:
    """The promotions of all versions of a name, the newest first; an unknown name has none."""
    key, name, asked = repository(request), decoded(request.path_params[NAME.name]), _asked(request)
    if not visitor.rights.somewhere("read", access.judged(key)):
        visitor.refuse("read", key)
    return _listed(request, key, asked, await request.state["db"].read(_of_name(visitor, key, name, asked)))


def _of_name(visitor: Visitor, key: str, name: str, asked: Asked) -> Tx[Page]:
    repo = yield from access.find(key)
    if repo is None:
        return Page([], 0)
    return (yield from records.of_name(repo.id, name, asked, visible_in(visitor.rights, [repo])))


def _listed(request: Request[Any], key: str, asked: Asked, page: Page) -> JSON[RecordsJSON]:
    messages = "messages" in {word.strip() for word in body.query(request).get("include", "").split(",")}
    service = request.state["service_id"]
    listed = [_record(record, key, service, messages=messages) for record in page.records]
    return JSON(RecordsJSON(promotions=listed, total=page.total, limit=asked.limit, offset=asked.offset))


def _record(record: Record, key: str, service: str, *, messages: bool) -> RecordJSON:
    promotion = record.promotion
    entry = RecordJSON(
        status=promotion.status,
        repository_key=key,
        release_bundle_name=promotion.name,
        release_bundle_version=record.version,
        environment=promotion.environment,
        service_id=service,
        created_by=promotion.by_name,
        created=text_of(promotion.created),
        created_millis=promotion.created,
        xray_retrieval_status="NOT_APPLICABLE",
        operation=promotion.operation,
        included_repository_keys=list(promotion.targets),
        files=promotion.files,
    )
    if promotion.source_environment:
        entry["source_environment"] = promotion.source_environment
    if promotion.reason:
        entry["override_reason"] = promotion.reason
    if messages or promotion.status == "FAILED":
        entry["messages"] = list(promotion.messages)
    return entry


async def one(request: Request[Any], visitor: Visitor) -> Encoded[PromotionJSON]:
    """A promotion with the files that it put; one that failed, or that is under way, has put none."""
    read = await request.state["db"].read_many(_one(request, visitor))
    return Encoded(await threads.run(_encoded, *read))


def _one(request: Request[Any], visitor: Visitor) -> Tx[tuple[Promotion, Sequence[Artifact], Repositories]]:
    bundle, promotion = yield from _found(request, visitor)
    artifacts = (yield from store.artifacts_of(bundle.id)) if promotion.status == "COMPLETED" else []
    return promotion, artifacts, (yield from repositories.read_all())


def _encoded(promotion: Promotion, artifacts: Sequence[Artifact], known: Repositories) -> bytes:
    targets = [known.by_key[key] for key in promotion.targets if key in known.by_key]
    files = [
        PromotedFileJSON(
            path=f"{repo.key}/{artifact.whole_path}",
            checksum=artifact.sha256,
            package_type=artifact.package_type,
            package_name="",
            package_version="",
        )
        for repo in targets
        for artifact in artifacts
        if artifact.package_type == repo.package_type
    ]
    return encode(
        PromotionJSON(
            environment=promotion.environment,
            created_by=promotion.by_name,
            created=text_of(promotion.created),
            created_millis=promotion.created,
            artifacts=files,
        )
    )


def _asked(request: Request[Any]) -> Asked:
    """The part of a list that the query asks for; Invalid names everything that is wrong."""
    said = parts.part(request, ORDERS, LONGEST_FILTER)
    return Asked(said.limit, said.offset, said.order, said.ascending, records.filters_of(said.filter))


_LIST = (
    *WHERE,
    *PAGE,
    Param("order_by", f"One of {', '.join(ORDERS)}."),
    ASCENDING,
    Param(
        "filter_by", "`environment=PROD,created_by=ada,release_bundle_version=1.*,status=FAILED`, or an environment."
    ),
    Param("include", "`messages` = with what is told of each."),
)
_RECORD = PROMOTIONS / NAME / VERSION
routes: Sequence[Endpoint] = [
    Endpoint("GET", LIFECYCLE / "promotion/statuses" / NAME / VERSION / CREATED, promotion_status,
             operation="bundles.promotion_status", needs=VISITOR, query=WHERE, errors=[400]),
    Endpoint("GET", PROMOTIONS / NAME, of_name, operation="bundles.list_promotions_of_name", needs=VISITOR,
             query=_LIST, errors=[400]),
    Endpoint("GET", _RECORD, of_version, operation="bundles.list_promotions", needs=VISITOR, query=_LIST,
             errors=[400]),
    Endpoint("GET", _RECORD / CREATED, one, operation="bundles.promotion", needs=VISITOR, query=WHERE,
             errors=[400]),
]  # fmt: skip
