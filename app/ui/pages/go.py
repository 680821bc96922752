"""*Go to*: the page of what a few words mean, or a list of what they may mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.accounts.auth import Caller
from app.builds import goto
from app.builds.api.request import State
from app.builds.goto import Found
from app.db.tx import Tx
from app.repos.access import ADMITTED
from app.ui import addresses, fragments, frame
from app.ui.frame import Read
from app.web import body
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param


@dataclass(frozen=True, slots=True)
class View:
    """What the words may mean."""

    words: str
    found: Sequence[Found]
    most: int = goto.MOST


async def show(request: Request[State], caller: Caller | None, read: Read[Sequence[Found]]) -> HTML | SeeOther:
    """The page of the one thing that the words mean; a list of several, and also of none.

    What is found while somebody types is a region, and always a list.
    """
    words = _words(request)
    meant = "" if fragments.asked(request) else _meant(words, read.found)
    if meant:
        return SeeOther(meant)
    user = caller.user if caller else None
    return frame.page(request, "go.html", user, read, view=View(words, read.found))


def _words(request: Request[State]) -> str:
    return body.query(request).get("q", "").strip()


def _meant(words: str, found: Sequence[Found]) -> str:
    """The address of the only thing that was found, or of the one that is called so; empty for none."""
    exact = [one for one in found if _name(one) == words.lower()]
    meant = exact if len(exact) == 1 else found
    if len(meant) != 1:
        return ""
    only = meant[0]
    if only.build:
        return addresses.build(only.repo, only.build.number)
    return addresses.target(only.repo, only.target) if only.target else addresses.repo(only.repo)


def _name(found: Found) -> str:
    """What people call a repository, a build of one, or a target of one."""
    slug = found.repo.slug.lower()
    if found.build:
        return f"{slug}#{found.build.number}"
    return f"{slug} {found.target.lower()}" if found.target else slug


def _reads(request: Request[State], caller: Caller | None) -> Tx[Sequence[Found]]:
    return goto.find(_words(request), caller.user if caller else None, request.state["now"]())


routes = [
    Endpoint(
        "GET",
        f"/{addresses.OURS}/go",
        show,
        needs=ADMITTED,
        reads=frame.reading(_reads),
        query=[Param("q", "The words.", example="acme/web#42")],
    )
]
