"""Where a comment is answered, as a place of a chat. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from app.chatops.model import Place
from app.scm.forge import Talk


@dataclass(frozen=True, slots=True)
class Spot:
    """A comment at a host, under an issue or a pull request of a repository."""

    #: The name of the host, and the id of the repository here.
    host: str
    repo_id: int
    number: int
    is_request: bool
    #: The host's id of the comment, and when it was written by the host's clock, in Unix seconds.
    comment: str
    written: int

    @property
    def talk(self) -> Talk:
        """The issue or the pull request."""
        return Talk(self.number, self.is_request)

    def place(self, answer: str = "") -> Place:
        """The place; `answer` is the host's id of the comment that answers, empty while that is not known."""
        channel = f"{self.repo_id}/{'request' if self.is_request else 'issue'}/{self.number}"
        return Place(channel=channel, thread=orjson.dumps(asdict(self)).decode(), message=answer)


def spot_of(place: Place) -> Spot:
    """The comment that is answered in a place."""
    values: dict[str, Any] = orjson.loads(place.thread)
    return Spot(**values)
