"""Routes that look after what is stored: collecting what nothing uses, and reading everything back."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, TypeAlias

from starlette.requests import Request
from typing_extensions import TypedDict

from app import duration
from app.artifacts.access import SYSTEM, State, Visitor
from app.artifacts.blobs.collection import GRACE
from app.artifacts.blobs.verification import Damage, Progress, verify
from app.encoding import encode
from app.errors import Invalid, Problem, Unavailable
from app.web import body
from app.web.reply import JSON, Lines
from app.web.route import Endpoint, Param


class CollectedJSON(TypedDict):
    """What a collection removed: blobs with their bytes, stored bytes that no row named, unused property sets."""

    blobs: int
    bytes: int
    orphans: int
    propertySets: int


class ProgressJSON(TypedDict):
    """How many blobs and bytes were read back so far, and how many blobs are lost. The last line has `done`."""

    kind: Literal["progress", "done"]
    checked: int
    bytes: int
    lost: int


class DamageJSON(TypedDict):
    """A blob that cannot be had as it was stored; of the files that it is the content of, the first ones."""

    kind: Literal["missing", "damaged"]
    sha256: str
    size: int
    place: str
    reason: str
    files: list[str]
    fileCount: int


class BrokenOffJSON(TypedDict):
    """Why the rest was not read back."""

    kind: Literal["error"]
    message: str


VerifiedJSON: TypeAlias = ProgressJSON | DamageJSON | BrokenOffJSON


async def collect(request: Request[State], _: Visitor) -> JSON[CollectedJSON]:
    """Remove stored bytes that no file uses any more.

    503 while a backup copies them, 409 while they are being collected already.
    """
    text = body.query(request).get("grace", "")
    try:
        grace = duration.seconds(text) if text else GRACE
    except ValueError as error:
        raise Invalid.of([Problem("grace", "bad_duration", f"grace: {error}")]) from None
    done = await request.state["collector"].collect(grace)
    found = CollectedJSON(blobs=done.blobs, bytes=done.bytes, orphans=done.orphans, propertySets=done.property_sets)
    return JSON(found)


async def read_back(request: Request[State], _: Visitor) -> Lines[VerifiedJSON]:
    """Read all stored bytes back, and name what is missing or damaged, one JSON object a line."""
    return Lines(_verified(request.state))


async def _verified(state: State) -> AsyncGenerator[bytes, None]:
    last = Progress(0, 0, 0)
    try:
        async for found in verify(state["db"], state["blobs"]):
            if isinstance(found, Progress):
                last = found
            yield _line(_damage(found) if isinstance(found, Damage) else _progress(found, "progress"))
    except Unavailable as error:
        yield _line(BrokenOffJSON(kind="error", message=error.message))
    else:
        yield _line(_progress(last, "done"))


def _progress(found: Progress, kind: Literal["progress", "done"]) -> ProgressJSON:
    return ProgressJSON(kind=kind, checked=found.checked, bytes=found.bytes, lost=found.lost)


def _damage(found: Damage) -> DamageJSON:
    blob = found.blob
    return DamageJSON(
        kind="missing" if found.missing else "damaged",
        sha256=blob.sha256,
        size=blob.size,
        place=blob.place,
        reason=found.reason,
        files=list(found.files),
        fileCount=found.count,
    )


def _line(value: VerifiedJSON) -> bytes:
    return encode(value) + b"\n"


_GRACE = Param("grace", "How long bytes are kept after they were last put or linked, as in 24h, the default, or 0s.")
routes: Sequence[Endpoint] = [
    Endpoint(
        "POST",
        "/artifactory/api/system/storage/gc",
        collect,
        needs=SYSTEM,
        operation="artifacts.collect",
        query=[_GRACE],
        errors=[400, 409],
    ),
    Endpoint("POST", "/artifactory/api/system/storage/verify", read_back, needs=SYSTEM, operation="artifacts.verify"),
]
