"""The route of *go to*: what a few typed words may mean. Drone has no such call."""

from collections.abc import Sequence
from typing import NotRequired
from urllib.parse import quote

from starlette.requests import Request
from typing_extensions import TypedDict

from app.accounts.auth import Caller
from app.builds import goto
from app.builds.api.request import State
from app.builds.goto import Found, Kind
from app.builds.wire import BuildJSON, build_json
from app.db.tx import Tx
from app.repos.access import ADMITTED
from app.web import body
from app.web.reply import JSON
from app.web.route import Endpoint, Param


class FoundJSON(TypedDict):
    """Something that the words may mean, and the address of its page.

    `build` is the build of a number, or the newest one of a commit; `target` is the name of a target.
    """

    kind: Kind
    slug: str
    link: str
    build: NotRequired[BuildJSON]
    target: NotRequired[str]


async def go_to(request: Request[State], _: Caller | None, found: Sequence[Found]) -> JSON[list[FoundJSON]]:
    """What a few typed words may mean: of what the caller may read, at most eight, the most exact first.

    A repository (`web`, `acme/web`), a build (`web#42`), a commit (7 digits and more), a target (`production`,
    `web production`). Letter case does not matter.
    """
    return JSON([_json(one, request.state["public_url"]) for one in found])


def _found(request: Request[State], caller: Caller | None) -> Tx[Sequence[Found]]:
    user = caller.user if caller else None
    return goto.find(body.query(request).get("q", ""), user, request.state["now"]())


def _json(one: Found, public_url: str) -> FoundJSON:
    made = FoundJSON(kind=one.kind, slug=one.repo.slug, link=f"{public_url}/{one.repo.slug}")
    if one.build is not None:
        made["build"] = build_json(one.build)
        made["link"] += f"/{one.build.number}"
    if one.target:
        made["target"] = one.target
        made["link"] += f"/-/targets/{quote(one.target, safe='')}"
    return made


routes = [
    Endpoint(
        "GET",
        "/api/search",
        go_to,
        operation="builds.go_to",
        needs=ADMITTED,
        reads=_found,
        query=[Param("q", "The words.", example="acme/web#42")],
    ),
]
