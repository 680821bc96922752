"""Comments under issues and pull requests, as GitHub and Gitea let them be written (contract scm-api 10)."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.errors import NotFound
from app.scm import answers
from app.scm.forge import Comments, Head, Refused, Reply, Talk
from app.scm.host import Source
from app.scm.served import Served

#: Comments among which one of an earlier call is looked for, at most.
MOST = 1000


class Talking(Served, Comments):
    """A host with comments. A comment of an earlier call whose answer was lost is found by its mark."""

    async def put_comment(self, source: Source, talk: Talk, known: str, reply: Reply) -> str:
        """See Comments."""
        found = known or await self._with_mark(source, talk, reply)
        if not found:
            return await self._make(source, "POST", self._comments_of(talk), {"body": reply.text}, answers.ident)
        try:
            await self._do(source, self._changing, self._comment(talk, found), {"body": reply.text})
        except Refused as error:
            if not error.absent:
                raise
        return found

    async def acknowledge(self, source: Source, talk: Talk, comment: str) -> None:
        """See Comments."""
        try:
            await self._show_eyes(source, self._comment(talk, comment))
        except Refused as error:
            if not error.absent:
                raise

    async def head(self, source: Source, number: int) -> Head:
        """See Comments."""
        try:
            return await self._head(source, number)
        except Refused as error:
            if error.absent:
                raise NotFound(f"there is no pull request {number}") from None
            raise

    async def _with_mark(self, source: Source, talk: Talk, reply: Reply) -> str:
        """The id of the comment with the mark; empty without one."""
        for name, text in await self._newest(source, talk, reply.since):
            if reply.mark in text:
                return name
        return ""

    # What each host says for itself; the paths are below that of the repository.

    #: The method of a call that changes a comment.
    _changing: str

    @abstractmethod
    def _comments_of(self, talk: Talk) -> str:
        """The path of the comments of an issue or a pull request."""

    @abstractmethod
    def _comment(self, talk: Talk, comment: str) -> str:
        """The path of a comment."""

    @abstractmethod
    async def _show_eyes(self, source: Source, comment: str) -> None:
        """Show eyes beside the comment at a path."""

    @abstractmethod
    async def _newest(self, source: Source, talk: Talk, since: int) -> Sequence[tuple[str, str]]:
        """Id and text of the comments since a time, about."""

    @abstractmethod
    async def _head(self, source: Source, number: int) -> Head:
        """Where a pull request is at."""


class IssueTalking(Talking):
    """GitHub, and Gitea after it: a pull request is an issue, too."""

    _changing = "PATCH"

    def _comments_of(self, talk: Talk) -> str:
        return f"issues/{talk.number}/comments"

    def _comment(self, talk: Talk, comment: str) -> str:
        return f"issues/comments/{comment}"

    async def _show_eyes(self, source: Source, comment: str) -> None:
        await self._do(source, "POST", f"{comment}/reactions", {"content": "eyes"})

    async def _newest(self, source: Source, talk: Talk, since: int) -> Sequence[tuple[str, str]]:
        query = {"since": datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}
        return await self._all(source, self._comments_of(talk), _identified, MOST, per_page="100", **query)

    async def _head(self, source: Source, number: int) -> Head:
        return await self._get(source, f"pulls/{number}", _pull_request)


def _identified(found: Any) -> tuple[str, str]:
    return answers.ident(found), answers.text(found.get("body"))


def _pull_request(found: Any) -> Head:
    """A pull request whose repository is gone is one of a fork."""
    origin = found["head"].get("repo") or {}
    return Head(str(found["head"]["sha"]), origin.get("id") != found["base"]["repo"]["id"], found["state"] != "open")
