"""Whether the server lives, is ready, and which one it is (`spec` drone-rest 3.7)."""

from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from typing_extensions import TypedDict

from app.db.tx import one
from app.web.reply import JSON, Text
from app.web.route import Endpoint


class VersionJSON(TypedDict):
    """Which Gantry this is."""

    version: str


async def alive(_: Request[Any]) -> Text:
    """The process answers."""
    return Text("OK")


async def ready(request: Request[Any]) -> Text:
    """The database answers too."""
    await request.state["db"].read(one("SELECT 1 AS one"))
    return Text("OK")


async def show_version(_: Request[Any]) -> JSON[VersionJSON]:
    """Which Gantry this is."""
    return JSON(VersionJSON(version=version("gantry")))


routes = [
    *(Endpoint(method, "/healthz", alive) for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")),
    Endpoint("GET", "/readyz", ready),
    Endpoint("GET", "/version", show_version),
]
