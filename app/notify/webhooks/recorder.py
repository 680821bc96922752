"""Writes down for subscribers what happens, in the transaction that makes it happen."""

from collections.abc import Callable, Sequence

from app.builds.moments import Moment
from app.db.tx import Tx, each
from app.moments import Change, Recorder
from app.notify.webhooks import deliveries
from app.notify.webhooks.events import VERBS, completed, events_of
from app.notify.webhooks.known import Known
from app.notify.webhooks.matching import wanted
from app.notify.webhooks.model import Event
from app.notify.webhooks.moments import DISABLED, Disabled, notice
from app.repos.model import Repo


class Telling:
    """Writes events and their deliveries. What nobody has subscribed to costs no statement.

    `server` is the public address of this server, `fresh` makes ids.
    """

    def __init__(self, known: Known, server: str, now_ms: Callable[[], int], fresh: Callable[[], str]) -> None:
        self._known = known
        self._server = server
        self._now_ms = now_ms
        self._fresh = fresh
        #: Called in the transaction that has written something, and perhaps in another thread.
        self.on_written: Callable[[], object] = lambda: None

    @property
    def recorder(self) -> Recorder:
        """The recorder of all moments that subscribers are told of."""
        return Recorder(self._record, verbs={*VERBS, DISABLED}, awake=self._is_heard, progress=self._wants_progress)

    def _is_heard(self) -> bool:
        return self._known.subscriptions.some

    def _wants_progress(self, verb: str) -> bool:
        wanted = self._known.subscriptions
        return wanted.steps if verb == "build.step" else wanted.stages

    def _record(self, moment: Moment | Change) -> Tx[None]:
        repo, namespace = _place(moment)
        subscriptions = self._known.subscriptions.of(repo, namespace)
        if not subscriptions:
            return
        now = self._now_ms()
        found = wanted(self._events(moment, now), subscriptions)
        if not found:
            return
        whole = yield from each(completed(event, {one.format for one in those}) for event, those in found)
        ids = ([one.id for one in those] for _, those in found)
        yield from deliveries.add(list(zip(whole, ids, strict=True)), repo, now)
        self.on_written()

    def _events(self, moment: Moment | Change, now: int) -> Sequence[Event]:
        if moment.verb == DISABLED:
            assert isinstance(moment, Change)
            return [notice(moment, now, self._fresh())]
        return events_of(moment, self._server, now, self._fresh())


def _place(moment: Moment | Change) -> tuple[Repo | None, str]:
    """The repository that a moment is about, or the namespace; '' for what concerns the whole server."""
    match moment.about if isinstance(moment, Change) else moment.repo:
        case Repo() as repo:
            return repo, ""
        case Disabled(webhook, repo):
            return repo, webhook.namespace
        case _:
            return None, ""
