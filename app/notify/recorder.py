"""Writes into the outbox what hosts are told of a build, in the transaction that changes the build."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.builds.moments import STATUS_CHANGES, Moment, Verb
from app.db.tx import Tx
from app.moments import Recorder
from app.notify.deployments import deployment_of
from app.notify.statuses import PREFIX, status_of
from app.outbox import store
from app.outbox.model import Message
from app.scm.forge import Deployment, Deployments, Status, Statuses
from app.scm.hosts import Hosts

#: Characters of a subject at most; PostgreSQL has no room for a long one in an index.
LONGEST_SUBJECT = 300
#: A decision changes what is shown, even if the status of the build stays `pending`.
_DECISIONS: frozenset[Verb] = frozenset({"build.approve", "build.decline"})


@dataclass(frozen=True, slots=True)
class Naming:
    """How this server calls itself at hosts."""

    public_url: str
    #: The id of this server in the payloads of its deployments.
    server: str
    #: The first part of the contexts of statuses.
    prefix: str = PREFIX
    #: Whether commits get statuses at all.
    statuses: bool = True


class Notes:
    """Writes down what hosts are told. For a repository of plain git it writes nothing, and reads nothing."""

    def __init__(self, hosts: Hosts, naming: Naming, now_ms: Callable[[], int]) -> None:
        self._hosts = hosts
        self._naming = naming
        self._now_ms = now_ms
        #: Called in the transaction that has written something, and perhaps in another thread.
        self.on_written: Callable[[], object] = lambda: None

    @property
    def public_url(self) -> str:
        """The address of this server."""
        return self._naming.public_url

    @property
    def recorder(self) -> Recorder:
        """The recorder of the moments of builds."""
        return Recorder(self._record, verbs=STATUS_CHANGES)

    def _record(self, moment: Moment) -> Tx[None]:
        """One statement at most, whatever is told."""
        if moment.repo.scm and _is_news(moment) and (messages := self._messages(moment)):
            yield from store.add(messages, self._now_ms())
            self.on_written()

    def _messages(self, moment: Moment) -> list[Message]:
        """What the host of a repository can show of a moment."""
        return [found for found in (self._status(moment), self._deployment(moment)) if found is not None]

    def _status(self, moment: Moment) -> Message | None:
        repo, naming = moment.repo, self._naming
        if not naming.statuses or not self._hosts.may(repo.scm, Statuses):
            return None
        status = status_of(moment.build, repo.slug, prefix=naming.prefix, public_url=naming.public_url)
        if status is None:
            return None
        return Message(repo.id, "status", repo.scm, f"{status.sha} {status.context}", "", _values(status))

    def _deployment(self, moment: Moment) -> Message | None:
        repo, build, naming = moment.repo, moment.build, self._naming
        if not repo.deployments or not self._hosts.may(repo.scm, Deployments):
            return None
        shown = deployment_of(build, repo.slug, moment.by, server=naming.server, public_url=naming.public_url)
        if shown is None:
            return None
        subject = f"{shown.sha} {shown.environment}"[:LONGEST_SUBJECT]
        payload = {"build": build.id, "deployment": _values(shown)}
        return Message(repo.id, "deployment", repo.scm, subject, str(build.number), payload)


def _values(shown: Status | Deployment) -> dict[str, Any]:
    """The fields, all of them JSON values. (`asdict` copies each value, which takes ten times as long.)"""
    return {name: getattr(shown, name) for name in shown.__dataclass_fields__}


def _is_news(moment: Moment) -> bool:
    return moment.old is None or moment.old.status != moment.build.status or moment.verb in _DECISIONS
