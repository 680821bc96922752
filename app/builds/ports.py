"""What the verbs of this room need from outside, as one object."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.builds.config.files import Configs
from app.builds.logs.logs import Logs
from app.builds.moments import Moments
from app.db.connect import Database
from app.repos.access import Renew
from app.scm.hosts import Hosts
from app.sealing.seal import Seal


@dataclass(frozen=True, slots=True)
class Ports:
    """Database, git hosts, pipeline files, logs, clock (Unix seconds), the funnel of moments, the seal of keys, and the
    renewal of rights that hosts know."""

    db: Database
    hosts: Hosts
    configs: Configs
    logs: Logs
    now: Callable[[], int]
    moments: Moments
    seal: Seal
    renew_rights: Renew

    def rehearsing(self) -> "Ports":
        """The same, but no verb changes anything: each is carried out and rolled back."""
        return replace(self, moments=self.moments.rehearsal())
