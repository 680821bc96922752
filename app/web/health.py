"""Whether the server is alive and ready, and its version (contract drone-rest 3.7)."""

import asyncio
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from typing_extensions import TypedDict

from app import DISTRIBUTION
from app.db.tx import one
from app.errors import Unavailable
from app.web.examples import Example
from app.web.reply import JSON, Text
from app.web.route import Endpoint

#: Seconds that the database may take to show that the server is ready.
PATIENCE = 2.0


class VersionJSON(TypedDict):
    """The version of the server."""

    version: str


class RateJSON(TypedDict):
    """What the git host allows; a plain git repository counts nothing."""

    limit: int
    remaining: int
    reset: int


class SCMJSON(TypedDict):
    """Where this is."""

    url: str
    rate: RateJSON


class LicenseJSON(TypedDict):
    """There is none to buy: every limit is 0, which means none."""

    kind: str
    seats: int
    repos: int
    expire_at: str


class VarzJSON(TypedDict):
    """What monitoring of Drone asks for."""

    scm: SCMJSON
    license: LicenseJSON


async def alive(_: Request[Any]) -> Text:
    """Whether the process answers."""
    return Text("OK")


async def ready(request: Request[Any]) -> Text:
    """Whether the database answers, too, and the store of artifacts."""
    asked: dict[str, asyncio.Future[object]] = {
        "the database": asyncio.ensure_future(request.state["db"].read(one("SELECT 1 AS one"))),
        **{name: asyncio.ensure_future(check()) for name, check in request.state["checks"].items()},
    }
    await asyncio.wait(asked.values(), timeout=PATIENCE)
    for asking in asked.values():  # a question ends by itself: to cancel it would take as long
        asking.add_done_callback(_forget)
    for name, asking in asked.items():
        if not asking.done():
            raise Unavailable(f"{name} did not answer within {PATIENCE:g} s")
        asking.result()
    return Text("OK")


def _forget(asking: "asyncio.Future[object]") -> None:
    """Look at the error of a question whose answer nobody waits for, or asyncio would report it as never looked at."""
    if not asking.cancelled():
        asking.exception()


async def show_version(_: Request[Any]) -> JSON[VersionJSON]:
    """The version of the server."""
    return JSON(VersionJSON(version=version(DISTRIBUTION)))


async def show_varz(request: Request[Any]) -> JSON[VarzJSON]:
    """What monitoring of Drone asks for: the public address and an edition without limits."""
    rate = RateJSON(limit=0, remaining=0, reset=0)
    edition = LicenseJSON(kind="free", seats=0, repos=0, expire_at="0001-01-01T00:00:00Z")
    return JSON(VarzJSON(scm=SCMJSON(url=request.state["public_url"], rate=rate), license=edition))


#: Paths without a limit on requests: a monitor that gets no answer here would restart the server.
UNLIMITED = frozenset({"/healthz", "/readyz"})
#: Methods besides GET that monitoring may use.
_OTHERS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_OK = Example(answer="OK")
EXAMPLES: Mapping[str, Example] = {
    **dict.fromkeys(["server.alive", "server.ready"], _OK),
    **{f"server.alive.{method.lower()}": _OK for method in _OTHERS},
}
routes = [
    Endpoint("GET", "/healthz", alive, operation="server.alive"),
    *(Endpoint(method, "/healthz", alive, operation=f"server.alive.{method.lower()}") for method in _OTHERS),
    Endpoint("GET", "/readyz", ready, operation="server.ready"),
    Endpoint("GET", "/version", show_version, operation="server.show_version"),
    Endpoint("GET", "/varz", show_varz, operation="server.show_varz"),
]
