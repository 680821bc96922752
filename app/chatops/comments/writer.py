"""Shows answers as comments of a host."""

from app.chatops.comments.place import spot_of
from app.chatops.comments.showing import mark_of, shown
from app.chatops.model import Answer, Place
from app.db.connect import Database
from app.errors import AppError, Unreadable
from app.repos import store as repos
from app.repos.model import source
from app.scm.forge import Comments, Reply
from app.scm.host import Source, as_told
from app.scm.hosts import Hosts


class CommentWriter:
    """Writes one comment for each comment with a command, and changes it as the promotion goes on."""

    #: A promotion changes its state a few times; each person who decides on it changes it once more.
    most = 1000
    #: As long as a request is known.
    lifetime = 7 * 24 * 3600

    def __init__(self, db: Database, hosts: Hosts, public_url: str) -> None:
        self._db = db
        self._hosts = hosts
        self._public_url = public_url

    def host(self, place: Place) -> str:
        """The name of the host: what else is told to it has the same pauses."""
        return spot_of(place).host

    async def later(self, place: Place, answer: Answer) -> Place:
        """See Writer."""
        spot = spot_of(place)
        mark = mark_of(spot.comment, self._public_url)
        reply = Reply(shown(answer, mark), mark, spot.written)
        where = source(await self._db.glance(repos.find(spot.repo_id)))
        try:
            return spot.place(await talking(self._hosts, where).put_comment(where, spot.talk, place.message, reply))
        except AppError as error:
            raise as_told(error) from error


def talking(hosts: Hosts, where: Source) -> Comments:
    """The host of a repository, at which comments are written; Unavailable while the settings do not name the host."""
    host = hosts.awaited(where)
    if not isinstance(host, Comments):
        raise Unreadable(f"no comments are written at the host {host.name!r}")
    return host
