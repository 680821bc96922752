"""Whether the server lives, is ready, and which one it is (`spec` drone-rest 3.7)."""

from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.db.tx import one
from app.web.reply import JSON


async def alive(_: Request[Any]) -> Response:
    """/healthz: the process answers."""
    return PlainTextResponse("OK")


async def ready(request: Request[Any]) -> Response:
    """GET /readyz: the database answers too; 503 when it does not."""
    await request.state["db"].read(one("SELECT 1 AS one"))
    return PlainTextResponse("OK")


async def show_version(_: Request[Any]) -> Response:
    """GET /version"""
    return JSON({"version": version("gantry")})


routes = [
    Route("/healthz", alive, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    Route("/readyz", ready),
    Route("/version", show_version),
]
