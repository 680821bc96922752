"""Errors as pages: the words and the code that programs get as JSON, and the way out."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from app.accounts.auth import COOKIE
from app.ui import fragments, frame, render
from app.web.errors import Failure
from app.web.reply import HTML

_TITLES: Mapping[int, str] = {
    401: "Sign in to see this page",
    403: "You may not do this",
    404: "There is no such page",
    429: "Too many requests",
    500: "Something went wrong here",
    503: "Not now",
}
_WAYS_OUT: Mapping[int, str] = {
    400: "Correct what is said above, or go back.",
    401: "The page is there for who may see it, if it is there at all.",
    403: "Ask who administers the repository, or the server, for the right.",
    404: "It may be gone, its name may be another, or you may not see it.",
    405: "Open the page itself instead.",
    409: "Look at how things stand now, then try again.",
    413: "Go back and send less.",
    422: "Correct what is said above, then try again.",
    429: "Wait a moment, then try again.",
    500: "Try again. If it goes wrong again, tell whoever runs this server the id of the request.",
    503: "Try again a little later.",
}
#: Statuses after which the same request may succeed.
_PASSING = frozenset({429, 500, 503})


async def page(request: Request[Any], failure: Failure) -> HTML:
    """The page of an error; where a region was asked for, the words alone, which belong inside of the region.

    The page reads nothing, so that it can be shown whatever is out of order.
    """
    is_passing = failure.status in _PASSING and request.method == "GET"
    if fragments.asked(request):
        here = frame.here(request)
        return HTML(render.whole("parts/failed.html", failure=failure, here=here, is_passing=is_passing))
    return frame.whole(
        request,
        "error.html",
        None,
        has_session=failure.status != 401 and COOKIE in request.cookies,
        narrow=True,
        failure=failure,
        title=_TITLES.get(failure.status, HTTPStatus(failure.status).phrase),
        way_out=_WAYS_OUT.get(failure.status, ""),
        is_passing=is_passing,
    )
