"""Takes comments that hosts tell of: a command is acknowledged, carried out and answered through the outbox.

What a comment commands waits in the outbox: a server that dies forgets nothing, and a host that is down is asked again.
The comment is a request of its own, which is carried out once, however often its host tells of it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.builds import store as builds
from app.chatops import people, requests
from app.chatops.comments.commands import command_in
from app.chatops.comments.place import Spot
from app.chatops.comments.writer import talking
from app.chatops.flow import Chat
from app.chatops.grammar import Misunderstood, parse
from app.chatops.model import Person, Request, Subject, System
from app.chatops.ports import Ports
from app.db.tx import Tx
from app.errors import AppError, Forbidden, NotFound
from app.outbox import store as outbox
from app.outbox.model import Entry, Message
from app.outbox.worker import Channel, nothing
from app.repos import access
from app.repos import store as repos
from app.repos.model import Repo, source
from app.repos.store import RepoRights
from app.scm.forge import Comments, Head
from app.scm.hook import Comment
from app.scm.host import as_told
from app.web.needs import renewing

#: Seconds after which a comment that its host tells of is too old to command: hosts send deliveries again for three
#: days, and requests are known for longer.
OLDEST = 3 * 24 * 3600
#: Milliseconds for which a host that is down is waited for. Who has written the command does not expect it any more.
PATIENCE = 3600 * 1000
#: Characters of a command that are kept; longer ones are refused.
LONGEST = 50_000
#: The hosts that take comments, by kind: `github` of `github:partners`.
SYSTEMS: Mapping[str, System] = {"github": "github", "gitea": "gitea", "gitlab": "gitlab"}
#: Builds of a commit that are looked at.
BUILDS = 50
TOO_LATE = "This server could not ask the host for an hour, so nothing was done. Write the command once more."
#: Parts of a message, and of its subject.
_EYES, _COMMAND = "eyes", "command"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A comment with a command, as it waits."""

    spot: Spot
    command: str
    author_uid: str
    author: str
    #: The address that the host's delivery came from.
    address: str
    closed: bool
    #: Empty and None where the host has not told.
    head: str
    fork: bool | None

    @property
    def by(self) -> Person:
        """The author."""
        return Person(SYSTEMS[self.spot.host.partition(":")[0]], self.spot.host, self.author_uid, self.author)

    @classmethod
    def of(cls, payload: Any) -> "Spoken":
        """The comment of a message's payload."""
        values = dict(payload)
        return cls(Spot(**values.pop("spot")), **values)


class Inbox:
    """Takes comments, and sends what follows from them."""

    def __init__(self, ports: Ports, chat: Chat, wake: Callable[[], None]) -> None:
        self._ports = ports
        self._builds = ports.builds
        self._chat = chat
        self._wake = wake

    @property
    def channel(self) -> Channel:
        """What sends the messages of the kind `comment`."""
        return Channel(self.send)

    async def hear(self, repo: Repo, comment: Comment, address: str) -> bool:
        """Take a comment that a host tells of; False when it commands nothing."""
        command = command_in(comment.text)
        is_old = comment.written <= self._builds.now() - OLDEST
        if command is None or is_old or not self._builds.hosts.may(repo.scm, Comments):
            return False
        spot = Spot(repo.scm, repo.id, comment.number, comment.is_request, comment.id, comment.written)
        about = (comment.author_uid, comment.author, address, comment.closed, comment.head, comment.fork)
        await self._builds.db.write_few(self._stored(Spoken(spot, command[:LONGEST], *about)))
        self._wake()
        return True

    def _stored(self, spoken: Spoken) -> Tx[None]:
        """Store a comment whose command was not carried out yet."""
        if (yield from requests.is_known(requests.key_of(spoken.by, spoken.spot.comment))):
            return
        spot, payload = spoken.spot, asdict(spoken)
        waiting = {_EYES: {"spot": payload["spot"]}, _COMMAND: payload}
        messages = [
            Message(spot.repo_id, "comment", spot.host, f"{part} {spot.comment}", part, told)
            for part, told in waiting.items()
        ]
        yield from outbox.add(messages, self._ports.now_ms())

    async def send(self, entry: Entry) -> Tx[None]:
        """Show that a comment was read, or carry out what it commands, which is answered as in any chat."""
        repo = await self._builds.db.glance(repos.find(entry.repo))
        try:
            if entry.part == _EYES:
                spot, where = Spot(**entry.payload["spot"]), source(repo)
                await talking(self._builds.hosts, where).acknowledge(where, spot.talk, spot.comment)
            elif repo.active:
                await self._carry_out(repo, Spoken.of(entry.payload), entry)
        except AppError as error:
            raise as_told(error) from error
        return nothing()

    async def _carry_out(self, repo: Repo, spoken: Spoken, entry: Entry) -> None:
        head, refusal = Head("", fork=False, closed=False), ""
        if self._ports.now_ms() - entry.created > PATIENCE:
            refusal = TOO_LATE
        elif spoken.spot.is_request:
            head = await self._head(repo, spoken)
            refusal = await self._of_fork(repo, spoken) if head.fork else ""
        subject = await self._subject(repo, "" if head.closed else head.sha)
        asked = (spoken.by, spoken.command, spoken.spot.comment, spoken.spot.place())
        request = Request(*asked, address=spoken.address, subject=subject)
        await self._chat.answer_later(request, refusal or _beyond(spoken.command, subject))

    async def _subject(self, repo: Repo, commit: str) -> Subject:
        """What a command is about that names no build: the newest green build of the head of the pull request."""
        found = await self._builds.db.read(builds.newest_of_commit(repo.id, commit, BUILDS)) if commit else ()
        green = (one.number for one in found if one.status == "success" and one.event not in ("promote", "rollback"))
        return Subject(repo.slug, commit, next(green, 0))

    async def _head(self, repo: Repo, spoken: Spoken) -> Head:
        """Where the pull request is at: as the host has told with the comment, else as the host says now."""
        if spoken.head and spoken.fork is not None:
            return Head(spoken.head, spoken.fork, spoken.closed)
        where = source(repo)
        return await talking(self._builds.hosts, where).head(where, spoken.spot.number)

    async def _of_fork(self, repo: Repo, spoken: Spoken) -> str:
        """Why a comment on a pull request of a fork commands nothing; empty for one of an administrator."""
        words = f"The pull request comes from a fork: only administrators of `{repo.slug}` command here."
        user = await self._builds.db.read(people.account_of(spoken.by))
        if user is None or not user.active:
            return words
        ports = self._builds

        def judged() -> Awaitable[RepoRights]:
            now, renew = ports.now(), ports.renew_rights
            return ports.db.read(access.of_account(user, repo.namespace, repo.name, "admin", now, renew))

        try:
            await renewing(judged)
        except (Forbidden, NotFound):
            return words
        return ""


def _beyond(command: str, about: Subject) -> str:
    """Why a comment may not give a command; empty if it may. What is no command is answered as such."""
    try:
        repo = parse(command, about).repo
    except Misunderstood:
        return ""
    if repo.lower() in ("", about.repo.lower()):
        return ""
    return f"Comments of `{about.repo}` command nothing in other repositories."
