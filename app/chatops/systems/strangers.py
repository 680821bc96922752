"""Counts the requests to the routes of chats that no chat has sent.

All of a chat's people share the addresses of the chat, so what the chat has signed counts for nobody: the commands of
each person are counted by themselves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request

from app.errors import NotFound, Unauthorized
from app.web.connected import address
from app.web.connections import network


@contextmanager
def counted(request: Request[Any]) -> Iterator[None]:
    """Count a request that the block refuses for the strangers of its address; TooMany when there are too many."""
    try:
        yield
    except (NotFound, Unauthorized):
        if (budgets := request.state["budgets"]) is not None:
            budgets.strangers.spend(network(address(request)))
        raise
