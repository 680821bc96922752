"""From a command or a pressed button to what it does, and to its answer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from app import background
from app.accounts.model import User
from app.builds import store as builds
from app.builds.model import Build
from app.chatops import messages, people, requests
from app.chatops.buttons import Pressed
from app.chatops.command import Command
from app.chatops.commands import Asking, Commands, Outcome, private, refusal, said
from app.chatops.grammar import Misunderstood, parse
from app.chatops.help import HELP
from app.chatops.model import NOWHERE, Answer, Person, Place, Press, Request
from app.chatops.ports import Ports
from app.chatops.recorder import message
from app.chatops.requests import Asked
from app.chatops.sender import PLAIN
from app.chatops.telling import Teller
from app.db.tx import Tx
from app.errors import AppError, Unavailable
from app.outbox import store as outbox
from app.repos import store as repos

log = logging.getLogger(__name__)

#: Seconds until the first answer, whatever happens: the strictest chat waits three.
PATIENCE = 1.5
#: Seconds that requests which are worked on get when the server stops.
GRACE = 3.0
#: Milliseconds after which a request without an answer is given up: its server is gone.
LEASE = 300_000
#: Seconds between two looks for such requests, and for what is too old to be kept.
SWEEP = 60.0

#: What is given for an answer that the chat shows by itself.
SHOWN = Answer("")
WORKING = Answer("This takes a moment: the answer follows here.")
UNSEEN = Answer("This takes a moment: ask `status` or `list` for what has become of it.")
STILL = Answer("This is being worked on.")
TOO_MANY = Answer(f"At most {requests.MOST} commands a minute: wait a moment, then send this one again.")
UNLINKED = "This chat is not linked to your account here yet, so nothing was done. Say `login` to link it."
UNLINKED_HOST = "Nobody here has your account of this host, so nothing was done: log in at {url} with it once."
INACTIVE = "Your account {login} is not active, so nothing was done: ask an administrator."
GIVEN_UP = Answer("The server stopped while it worked on this, and nothing was begun: send it again.")
BROKEN = "This met an internal error; the server's log has more."
UNKNOWN_BUTTON = "This button is not of this server, or was changed: type the command."
EXPIRED = "This button is too old: type the command, as in `{command}`."

#: What is to be done for a request, for the account of its person, if there is one.
Work: TypeAlias = Callable[[Asked, User | None], Awaitable[Outcome]]


@dataclass
class _Talk:
    """A request that is worked on: whether its first answer was given without the result; the result once stored."""

    late: bool = False
    #: Whether the chat shows nothing of what the request is answered with.
    unanswered: bool = False
    answer: Answer | None = None


class Chat:
    """Carries out what people ask for in chats, with the rights of their accounts here.

    Errors that people make are answers, never exceptions. An answer comes within two seconds; what takes longer is
    answered later, in the place of the request. `wake` is called when something waits in the outbox.
    """

    def __init__(self, ports: Ports, wake: Callable[[], None]) -> None:
        self._ports = ports
        self._db = ports.builds.db
        self._wake = wake
        self._teller = Teller(ports)
        self._commands = Commands(ports, self._teller)
        self._tasks = set[asyncio.Task[Answer]]()
        self._sweeps = background.Loop(
            self._sweep, log, "requests of chats wait", "sweeping the requests of chats met an internal error", SWEEP
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the block lasts, requests whose server is gone are answered, and old ones are forgotten."""
        self._sweeps.wake()
        try:
            async with background.serving(self._sweeps.run()):
                yield
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=GRACE)
            for task in (left := list(self._tasks)):
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def command(self, request: Request) -> Answer:
        """Carry out a command."""
        return await self._within(request, partial(self._commanded, request))

    async def press(self, press: Press) -> Answer:
        """Carry out what a pressed button says. SHOWN when the answer leaves through the outbox."""
        return await self._within(press, partial(self._pressed, press))

    async def answer_later(self, request: Request, refusal: str = "") -> None:
        """Carry out a command whose answer is shown in its place alone, however soon the answer is there.

        With a `refusal`, that is the answer, and nothing else is done. Unavailable when the same command may be sent
        once more. One command too many has no answer: there would be as many of these as of such commands.
        """

        async def refused(*_: object) -> Outcome:
            return private(refusal)

        work = refused if refusal else partial(self._commanded, request)
        await asyncio.shield(self._begin(self._done(request, work, _Talk(late=True, unanswered=True))))

    # Each request is worked on once, and its first answer comes in time

    def _begin(self, doing: Coroutine[object, object, Answer]) -> "asyncio.Task[Answer]":
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _within(self, request: Request | Press, work: Work) -> Answer:
        unanswered = isinstance(request, Press) and request.unanswered
        talk = _Talk(late=unanswered, unanswered=unanswered)
        task = self._begin(self._do(request, work, talk))
        await asyncio.wait({task}, timeout=PATIENCE)
        if task.done():
            return task.result()
        if talk.answer is not None:
            return talk.answer
        talk.late = True
        return WORKING if request.place else UNSEEN

    async def _do(self, request: Request | Press, work: Work, talk: _Talk) -> Answer:
        try:
            return await self._done(request, work, talk)
        except Unavailable as error:
            return Answer(f"This is not possible at present, try again in a moment: {error.message}")
        except Exception:  # a bug: the person is told, and the chat shows no failure of its own
            log.exception("a request of a chat met an internal error")
            return Answer(BROKEN)

    async def _done(self, request: Request | Press, work: Work, talk: _Talk) -> Answer:
        """The first answer, once what follows from the request is stored; Unavailable while the database is."""
        begun = await self._db.write_few(requests.begin(self._row(request.by, request.key, request.place), request.by))
        if begun.asked is None:
            return TOO_MANY
        if begun.known:
            return SHOWN if talk.unanswered else begun.asked.answer or STILL
        outcome = await self._outcome(work, begun.asked, begun.user)
        return await self._finish(begun.asked, outcome, talk, pressed=isinstance(request, Press))

    def _row(self, by: Person, key: str, place: Place) -> Asked:
        writer = self._ports.writers.get(by.system)
        where = place if writer is not None else NOWHERE
        return Asked(
            id=0,
            key=requests.key_of(by, key),
            system=by.system,
            tenant=requests.kept(by.tenant),
            chat_user=requests.kept(by.user),
            channel=requests.kept(place.channel),
            user_id=0,
            created=self._ports.now_ms(),
            state="working",
            answer=None,
            repo_id=0,
            build_id=0,
            intent="",
            place=requests.sealed(where, self._ports.builds.seal),
            host=writer.host(where) if writer and where else "",
            follows=bool(where),
            shown="",
            posts=0,
            note="",
        )

    async def _outcome(self, work: Work, asked: Asked, user: User | None) -> Outcome:
        """What comes of a request; errors become answers."""
        try:
            return await work(asked, user)
        except AppError as error:
            return refusal(error)
        except Exception:  # a bug: the person is told, and the same request is not worked on again
            log.exception("a request of a chat met an internal error", extra={"request_key": asked.key})
            return private(BROKEN)

    async def _finish(self, asked: Asked, outcome: Outcome, talk: _Talk, *, pressed: bool) -> Answer:
        """Store the answer, and return what the request is answered with. Whoever has not got the answer yet, or got it
        for a state that has changed, is told later."""
        late = talk.late
        if await self._db.write_few(self._finished(asked, outcome, late=late, pressed=pressed)):
            self._wake()
        if talk.late and not late:
            await self._db.write_few(self._told_later(asked, outcome.build))
            self._wake()
        talk.answer = SHOWN if talk.unanswered and asked.host else outcome.answer
        return talk.answer

    def _finished(self, asked: Asked, outcome: Outcome, *, late: bool, pressed: bool) -> Tx[bool]:
        """Whether something waits in the outbox now."""
        build = outcome.build
        now = (yield from builds.find_if_any(build.id)) if build else None
        if now is not None:
            now = yield from builds.lock(now.id)  # a change of the build sees that this request is answered, or is seen
        shown = "" if late else messages.mark(build) if build else PLAIN
        about = {"repo_id": build.repo_id if build else 0, "build_id": build.id if build else 0}
        if not (yield from requests.answer(asked, outcome.answer, shown=shown, note=outcome.note, **about)):
            return False
        if build is not None and pressed:
            yield from requests.take_over(asked, build.id)
        if not asked.host or not (late or (now is not None and messages.mark(now) != shown)):
            return False
        yield from outbox.add([message(about["repo_id"], asked.id, asked.host)], self._ports.now_ms())
        return True

    def _told_later(self, asked: Asked, build: Build | None) -> Tx[None]:
        """The first answer was given while the result was stored: the result is told later."""
        if asked.host:
            yield from requests.unseen(asked)
            yield from outbox.add([message(build.repo_id if build else 0, asked.id, asked.host)], self._ports.now_ms())

    # What is asked for

    async def _commanded(self, request: Request, asked: Asked, user: User | None) -> Outcome:
        text = request.text.encode("utf-8", "replace").decode()
        try:
            command = parse(text, request.subject)
        except Misunderstood as error:
            if user is None:
                return self._unlinked(request.by)
            meant = await self._commands.meant(error.short, user) if error.short else ()
            owned = error.nearest.replace(f"OWNER/{error.short}", meant[0]) if meant else error.nearest
            return private(said(error.problems, owned, meant))
        if command.verb == "login" and (user is None or user.active):
            return await self._commands.login(request.by, user)
        if command.verb == "help":
            return private(HELP)
        if user is None:
            return self._unlinked(request.by)
        if not user.active:
            return private(INACTIVE.format(login=user.login))
        return await self._commands.carry_out(command, Asking(request.by, user, asked, request.address))

    async def _pressed(self, press: Press, asked: Asked, user: User | None) -> Outcome:
        pressed = self._ports.buttons.read(press.value)
        if pressed is None:
            return private(UNKNOWN_BUTTON)
        if user is None:
            return self._unlinked(press.by)
        if not user.active:
            return private(INACTIVE.format(login=user.login))
        if pressed.expires <= self._ports.builds.now():
            return private(EXPIRED.format(command=_typed(pressed)))
        asking = Asking(press.by, user, asked, press.address, pressed)
        if pressed.action == "rollback":
            return await self._commands.roll_back(pressed, asking)
        return await self._commands.carry_out(Command(pressed.action, pressed.repo, pressed.build), asking)

    def _unlinked(self, by: Person) -> Outcome:
        at_host = by.system in people.HOSTS
        return private(UNLINKED_HOST.format(url=self._ports.log_in) if at_host else UNLINKED)

    # What a server that is gone has left

    async def _sweep(self) -> None:
        now = self._ports.now_ms()
        for asked in await self._db.read(requests.left(now - LEASE)):
            if await self._db.write_few(self._given_up(asked, await self._answer_of(asked))):
                self._wake()
        while await self._db.write(requests.forget(now - requests.KEPT)) == requests.ROWS:
            pass
        while await self._db.write(people.forget(now // 1000)) == people.ROWS:
            pass

    async def _answer_of(self, asked: Asked) -> Answer:
        """The answer that the request would have got: its build was made, or nothing was."""
        found = await self._db.read(builds.find_if_any(asked.build_id)) if asked.build_id else None
        if found is None:
            return GIVEN_UP
        build, repo = await self._db.read(builds.whole(found.id)), await self._db.read(repos.find(found.repo_id))
        return await self._teller.about(repo, build, asked.note)

    def _given_up(self, asked: Asked, answer: Answer) -> Tx[bool]:
        about = {"repo_id": asked.repo_id, "build_id": asked.build_id}
        if not (yield from requests.answer(asked, answer, shown="", note=asked.note, **about)) or not asked.host:
            return False
        yield from outbox.add([message(asked.repo_id, asked.id, asked.host)], self._ports.now_ms())
        return True


def _typed(pressed: Pressed) -> str:
    build = "" if pressed.action == "rollback" else f"#{pressed.build}"
    return f"{pressed.action} {pressed.repo}{build}" + (" in TARGET" if pressed.action == "rollback" else "")
