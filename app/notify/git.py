"""What plain git keeps of builds where a repository asks for that: notes of commits, tags of successful promotions.

A note says which builds its commit had, and how each has ended; it is made anew from the builds when it is sent. A tag
names the commit that a promotion or a rollback has brought to a target (contract scm-api 9.2).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from app.builds import store as builds
from app.builds.model import DONE, Build
from app.builds.moments import STATUS_CHANGES, Moment
from app.builds.push import DEPLOYED
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import AppError, Unreadable
from app.moments import Recorder
from app.notify.statuses import is_commit, page_of
from app.outbox import store
from app.outbox.model import Entry, Kind, Message
from app.outbox.worker import Channel, nothing
from app.repos import store as repos
from app.repos.model import Repo, source
from app.scm import refs
from app.scm.host import as_told
from app.scm.hosts import Hosts
from app.scm.plain import Author, Marks

#: Builds that a note tells of, the newest.
MOST_BUILDS = 50
#: All notes of a repository are in one ref, so one leaves after the other.
_NOTES = "refs/notes/ci"
#: Events of builds that bring a commit to a target.
_PROMOTIONS = frozenset({"promote", "rollback"})


class Marking:
    """Writes into the outbox which notes and tags are to be made, of builds that are over."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    @property
    def recorder(self) -> Recorder:
        """The recorder of the moments of builds."""
        return Recorder(self._record, verbs=STATUS_CHANGES, without={"build.start"})

    def _record(self, moment: Moment) -> Tx[None]:
        """One statement at most."""
        repo, build = moment.repo, moment.build
        is_news = moment.old is None or moment.old.status != build.status
        if not (is_news and build.status in DONE and is_commit(build.after)) or repo.scm:
            return
        if messages := [*_note(repo, build), *_tag(repo, build)]:
            yield from store.add(messages, self._now_ms())


class Marker:
    """Sends notes and tags."""

    def __init__(self, db: Database, hosts: Hosts, public_url: str) -> None:
        self._db = db
        self._hosts = hosts
        self._public_url = public_url
        self._author = Author("Gantry", f"noreply@{urlsplit(public_url).hostname or 'localhost'}")

    @property
    def channels(self) -> Mapping[Kind, Channel]:
        """What sends entries, by kind."""
        return {"note": Channel(self.send_note), "tag": Channel(self.send_tag)}

    async def send_note(self, entry: Entry) -> Tx[None]:
        """Write the note of a commit, as its builds are now."""
        repo, sha = await self._db.glance(repos.find(entry.repo)), entry.payload["sha"]
        had = await self._db.glance(builds.newest_of_commit(repo.id, sha, MOST_BUILDS))
        if (lines := self._lines(repo, had)) and repo.git_notes:
            try:
                await self._marks(repo).put_note(source(repo), sha, "\n".join(lines), self._author)
            except AppError as error:
                raise as_told(error) from error
        return nothing()

    async def send_tag(self, entry: Entry) -> Tx[None]:
        """Make the tag of a promotion."""
        repo, told = await self._db.glance(repos.find(entry.repo)), entry.payload
        if repo.git_tags:
            text = f"Build {told['number']} has brought this commit to {told['target']}"
            if told["parent"]:
                text += f", as build {told['parent']} had made it"
            text += f"\n\n{self._public_url}/{repo.slug}/{told['number']}"
            try:
                await self._marks(repo).put_tag(source(repo), told["sha"], told["tag"], text, self._author)
            except AppError as error:
                raise as_told(error) from error
        return nothing()

    def _marks(self, repo: Repo) -> Marks:
        host = self._hosts.of(source(repo))
        if not isinstance(host, Marks):
            raise Unreadable(f"the host {host.name!r} keeps no notes and tags of ours")
        return host

    def _lines(self, repo: Repo, had: Sequence[Build]) -> list[str]:
        """A line for each build that is over, oldest first: its number, event, target, status and page."""
        over = (build for build in reversed(had) if build.status in DONE)
        return [f"{_words(build)} {page_of(build, repo.slug, self._public_url)}" for build in over]


def _words(build: Build) -> str:
    target = "-".join(build.deploy_to.split())
    return " ".join(filter(None, (str(build.number), build.event, target, build.status)))


def tag_of(target: str, number: int) -> str:
    """The name of the tag of a promotion: `deploy/production/42`. What no name of git may hold becomes `-`."""
    part = re.sub(r"[^\w.-]+|\.\.+", "-", target).strip(".-")
    part = part.removesuffix(".lock") or "target"
    name = f"{DEPLOYED.removeprefix('refs/tags/')}{part}/{number}"
    return name if refs.problem(name) is None else f"deploy/target/{number}"


def _note(repo: Repo, build: Build) -> list[Message]:
    if not repo.git_notes:
        return []
    return [Message(repo.id, "note", _host(repo), _NOTES, build.after, {"sha": build.after})]


def _tag(repo: Repo, build: Build) -> list[Message]:
    if not (repo.git_tags and build.status == "success" and build.event in _PROMOTIONS and build.deploy_to):
        return []
    tag = tag_of(build.deploy_to, build.number)
    about = {"sha": build.after, "tag": tag, "target": build.deploy_to, "number": build.number, "parent": build.parent}
    return [Message(repo.id, "tag", _host(repo), str(build.number), "", about)]


def _host(repo: Repo) -> str:
    """The name of the machine of a repository in the outbox: all messages to one machine share limits and pauses."""
    return f"git:{urlsplit(repo.git_http_url).hostname or 'local'}"
