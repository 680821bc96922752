"""Tells the places of requests what waits in the outbox for them (contract gantry-chatops 6.3)."""

from collections.abc import Mapping

from app.builds import store as builds
from app.builds.model import Build
from app.chatops import messages, requests
from app.chatops.model import NOWHERE, Answer, Writer
from app.chatops.ports import Ports
from app.chatops.requests import Asked
from app.chatops.telling import Teller
from app.db.tx import Tx
from app.outbox.model import Entry, Kind
from app.outbox.worker import Channel, nothing
from app.repos import store as repos

#: What a place shows that shows an answer which is about no build.
PLAIN = "answer"


class Sender:
    """Gives later answers: the present state of a build, or the answer itself where that came too late."""

    def __init__(self, ports: Ports, teller: Teller) -> None:
        self._ports = ports
        self._db = ports.builds.db
        self._teller = teller

    @property
    def channels(self) -> Mapping[Kind, Channel]:
        """What sends entries, by kind."""
        return {"chat": Channel(self.send)}

    async def send(self, entry: Entry) -> Tx[None]:
        """Tell the place of a request. Nothing is sent if nothing has changed or the place takes no more answers."""
        asked = await self._db.glance(requests.find(entry.payload["request"]))
        writer = self._ports.writers.get(asked.system) if asked else None
        if asked is None or writer is None or self._ports.now_ms() >= asked.created + writer.lifetime * 1000:
            return nothing()
        build = await self._build(asked)
        shown = messages.mark(build) if build else PLAIN
        taken_over = bool(asked.shown) and not asked.follows
        if shown == asked.shown or taken_over or not _has_room(asked, writer, build):
            return nothing()
        place = requests.opened(asked.place, self._ports.builds.seal)
        answer = await self._answer(asked, build)
        if place == NOWHERE or answer is None:
            return nothing()
        following = await writer.later(place, answer)
        kept = requests.sealed(following, self._ports.builds.seal) if following != place else asked.place
        return requests.posted(asked, shown, kept)

    async def _build(self, asked: Asked) -> Build | None:
        found = await self._db.glance(builds.find_if_any(asked.build_id)) if asked.build_id else None
        return await self._db.glance(builds.whole(found.id)) if found else None

    async def _answer(self, asked: Asked, build: Build | None) -> Answer | None:
        if build is None:
            return asked.answer
        repo = await self._db.glance(repos.find(build.repo_id))
        # Not the note of this request: whoever was faster to decide on the build has said something meanwhile.
        note = await self._db.glance(requests.note_of(build.id))
        return await self._teller.about(repo, build, note)


def _has_room(asked: Asked, writer: Writer, build: Build | None) -> bool:
    """Whether the place takes this answer. The last answer that it takes is left for the end of the build."""
    ends = build is None or messages.is_last(build)
    return asked.posts < (writer.most if ends else writer.most - 1)
