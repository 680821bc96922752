"""What the verbs of this room need from outside, handed in once."""

from collections.abc import Callable
from dataclasses import dataclass

from app.builds.configs import Configs
from app.builds.logs import Logs
from app.builds.model import Build
from app.db.connect import Database
from app.events import Events
from app.repos.model import Repo
from app.scm.host import Host


@dataclass(frozen=True, slots=True)
class Change:
    """A build as it is now, with stages and steps, and its repository."""

    repo: Repo
    build: Build


@dataclass(frozen=True, slots=True)
class Ports:
    """Database, git, clock, logs, and where to say what happened."""

    db: Database
    host: Host
    configs: Configs
    logs: Logs
    now: Callable[[], int]
    #: Builds that changed, on whichever server.
    changes: Events[Change]
    #: Ids of builds that changed here, for the other servers.
    changed: Events[int]
    #: Ids of builds that are over: their runners stop.
    ended: Events[int]
    #: Ids of builds with stages that wait for a runner.
    queued: Events[int]

    def tell(self, repo: Repo, build: Build) -> None:
        """Say that a build changed, here and to the other servers."""
        self.changes.publish(Change(repo, build))
        self.changed.publish(build.id)
