"""Writes into the outbox that a chat is to be told of a build, in the transaction that changes the build."""

from collections.abc import Callable

from app.builds.moments import STATUS_CHANGES, Moment, Verb
from app.chatops import requests
from app.db.tx import Tx
from app.moments import Recorder
from app.outbox import store
from app.outbox.model import Message

#: The first moments of the builds that are begun in chats.
BEGINNINGS: frozenset[Verb] = frozenset({"build.promote", "build.rollback"})


class Following:
    """Follows the builds that were begun in chats. For every other build it writes nothing, and reads nothing."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        #: Called in the transaction that has written something, and perhaps in another thread.
        self.on_written: Callable[[], object] = lambda: None

    @property
    def recorder(self) -> Recorder:
        """The recorder of the moments of builds."""
        return Recorder(self._record, verbs=STATUS_CHANGES)

    def _record(self, moment: Moment) -> Tx[None]:
        build = moment.build
        if not build.via:
            return
        if moment.verb in BEGINNINGS and moment.by.way == "chat":
            yield from requests.began(moment.by.request, moment.repo.id, build.id)
            return
        found = yield from requests.followers(build.id)
        if found:
            messages = [message(moment.repo.id, asked_id, host) for asked_id, host in found]
            yield from store.add(messages, self._now_ms())
            self.on_written()


def message(repo_id: int, asked_id: int, host: str) -> Message:
    """What waits in the outbox: the place of a request is to be told how its build goes on, or what its answer is.

    What is told is what is so when the message leaves: one that has not left takes the news of the next one, too.
    """
    return Message(repo_id or None, "chat", host, f"chat {asked_id}", "", {"request": asked_id})
