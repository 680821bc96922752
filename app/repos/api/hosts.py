"""The route of what an account has at hosts (Drone has no such route). `GET /api/user` lists it."""

from starlette.requests import Request

from app.accounts.auth import ACCOUNT, Caller
from app.repos.access import State
from app.repos.hosted import disconnect as leaving
from app.web.path import Path, Word
from app.web.reply import Empty
from app.web.route import Endpoint


async def disconnect(request: Request[State], caller: Caller) -> Empty:
    """Take the caller's account at a host away: its token is deleted, and the rights that the host has told end.

    Repositories that the server reads as the caller are read with the server's own token, if there is one. Refused
    where the host is the only way to sign in.
    """
    await leaving.disconnect(request.state, caller, request.path_params["host"])
    return Empty()


_HOST = Word("host", "Name of the host, as the account's `hosts` say.", "github")
routes = [
    Endpoint(
        "DELETE",
        Path.of("/api/user/hosts") / _HOST,
        disconnect,
        operation="accounts.disconnect",
        needs=ACCOUNT,
        errors=[409],
    )
]
