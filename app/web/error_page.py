"""The plain page of an error: its words, its code and the id of the request, and nothing that could fail with it."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from app.web import pages
from app.web.errors import Failure
from app.web.reply import HTML


async def plain(_: Request[Any], failure: Failure) -> HTML:
    """The page of any error."""
    return HTML(pages.render("error.html", failure=failure, phrase=HTTPStatus(failure.status).phrase))
