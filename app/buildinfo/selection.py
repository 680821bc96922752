"""Which files a promotion puts where, which files stay, and why. Pure.

Contract artifactory-build 5, 6.1-6.4. The same decision is made for a dry run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from app.artifacts.rights import Action
from app.buildinfo.failures import Failure, absence, forbidden, lost, refusals
from app.buildinfo.links import (
    Builds,
    Entry,
    File,
    Found,
    Missing,
    Shelf,
    artifacts_of,
    dependencies_of,
    unreadable,
)

Level: TypeAlias = Literal["INFO", "WARNING", "ERROR"]


class Message(NamedTuple):
    """One thing that an answer says. Who may not read the path in all of the repositories is not told it."""

    level: Level
    text: str
    path: str = ""
    repos: tuple[str, ...] = ()


class There(NamedTuple):
    """What lies at a path of the target. A folder has no file."""

    file: File | None
    #: Who put the file.
    by: str = ""


class Move(NamedTuple):
    """A file that is put to the same path of the target."""

    file: File
    #: The run that the file belongs to; -1 for a dependency.
    run: int
    #: The file at the target that is replaced; 0 for none.
    replaces: int = 0


class Settled(NamedTuple):
    """A file that has its place already, and that is promoted all the same."""

    #: The file that has the place.
    file: File
    run: int
    #: The file with the same bytes that a move removes.
    source: File | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where files go, and what lies there."""

    #: The key of a local repository.
    repo: str
    #: Why its patterns refuse a path; no text when they do not.
    refuses: Callable[[str], str]
    immutable: bool = False
    #: By path: what lies where a file or an entry may go.
    there: Mapping[str, There] = field(default_factory=dict)
    #: Paths of files that are above such a path.
    files_above: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and all that the decision depends on."""

    #: Name and number of the promoted run, and of those that it aggregates.
    builds: Builds
    artifacts: Sequence[Entry]
    #: The dependencies that are promoted, too.
    dependencies: Sequence[Entry]
    #: Files that may be the entries'; those that the caller may not read are none of them.
    files: Sequence[File]
    #: Whether the caller may do something at a path of a repository.
    may: Callable[[Action, str, str], bool]
    #: The local repositories from which files are taken, in the order in which they are searched.
    sources: Sequence[str]
    #: None when the files stay where they are.
    target: Target | None = None
    #: The local repositories that each virtual one stands for.
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Ids of aggregated builds that are not known.
    lost_builds: Sequence[str] = ()
    copy: bool = False
    fail_fast: bool = True
    #: Whether properties are set.
    annotates: bool = False


@dataclass(slots=True)
class Decision:
    """What happens. With a `refusal`, which is an HTTP status, nothing does."""

    moves: list[Move] = field(default_factory=list)
    #: Files that are at the target, or that stay where they are.
    settled: list[Settled] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    #: What the messages come to.
    summary: str = ""
    #: Files and entries that were refused or not found.
    failures: int = 0
    refusal: int = 0

    @property
    def errors(self) -> list[str]:
        """What failed."""
        return [message.text for message in self.messages if message.level == "ERROR"]


def decide(asked: Asked) -> Decision:
    """Decide which files go where.

    Rights are judged before anything is said about what lies at the target.
    """
    return _Deciding(asked).decision()


class _Deciding:
    """One decision, as it is made."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.made = Decision()
        self.failures: list[Failure] = []
        #: What was put to which path by this decision.
        self.put: dict[str, File] = {}
        #: Folders that this decision needs, and for which path.
        self.folders: dict[str, str] = {}

    def decision(self) -> Decision:
        """Find the files, judge each, and say what follows."""
        asked = self.asked
        artifacts, dependencies = self._found(asked.artifacts, asked.dependencies)
        for link in artifacts.links.values():
            self._judge(link.file, link.run)
        for link in dependencies.links.values():
            if link.file.id not in artifacts.links:
                self._judge(link.file, -1)
        absent = [*(absence(found) for found in artifacts.missing), *map(lost, asked.lost_builds)]
        for found in dependencies.missing:
            self._say("WARNING", f"the dependency {found.entry.name} is not stored here; it is left out")
        if not (asked.artifacts or asked.dependencies or asked.lost_builds):
            self._say("WARNING", "the build has nothing to promote")
        self._conclude(absent)
        return self.made

    def _found(self, artifacts: Sequence[Entry], dependencies: Sequence[Entry]) -> tuple[Found, Found]:
        """The files of entries among the sources. What lies at the target already is settled, and missing no more."""
        asked, target = self.asked, self.asked.target
        order = {repo: at for at, repo in enumerate(asked.sources)}
        if target is not None and target.repo in order:
            order[target.repo] = len(order)
        shelf = Shelf(asked.builds, asked.files, order, asked.members)
        found, used = artifacts_of(artifacts, shelf), dependencies_of(dependencies, shelf)
        if target is not None and (found.missing or used.missing):
            found.missing, used.missing = self._settle(found.missing, used.missing, target)
        found.missing = unreadable(found.missing, lambda repo, path: asked.may("read", repo, path), shelf)
        return found, used

    def _settle(
        self, artifacts: Sequence[Missing], dependencies: Sequence[Missing], target: Target
    ) -> tuple[list[Missing], list[Missing]]:
        """What of these entries is missing at the target, too."""
        files = {file.id: file for file in self.asked.files if file.repo == target.repo}
        files |= {there.file.id: there.file for there in target.there.values() if there.file is not None}
        files = {at: file for at, file in files.items() if self.asked.may("promote", target.repo, file.path)}
        shelf = Shelf(self.asked.builds, files.values(), {target.repo: 0}, self.asked.members, unmarked=True)
        entries, used = [found.entry for found in artifacts], [found.entry for found in dependencies]
        there, there_too = artifacts_of(entries, shelf), dependencies_of(used, shelf)
        for link in there.links.values():
            self._settled(link.file, link.run)
        for link in there_too.links.values():
            self._settled(link.file, -1)
        reasons = {found.entry: found for found in (*artifacts, *dependencies)}
        return (
            [reasons[found.entry] for found in there.missing],
            [reasons[found.entry] for found in there_too.missing],
        )

    def _judge(self, file: File, run: int) -> None:
        asked, target = self.asked, self.asked.target
        if target is None:
            if asked.annotates and run >= 0 and not asked.may("annotate", file.repo, file.path):
                self._forbid("annotate", file.repo, file.path)
            else:
                self.made.settled.append(Settled(file, run))
            return
        if not asked.may("promote", target.repo, file.path):
            self._forbid("promote", target.repo, file.path)
        elif file.repo == target.repo:
            self._settled(file, run)
        elif why := target.refuses(file.path):
            self._clash(why, file, target)
        elif not asked.copy and not asked.may("delete", file.repo, file.path):
            self._forbid("delete", file.repo, file.path)
        else:
            self._put(file, run, target)

    def _put(self, file: File, run: int, target: Target) -> None:
        """Put a file that may go to the target there, unless something lies in its way."""
        source = None if self.asked.copy else file
        there = target.there.get(file.path)
        if (other := self.put.get(file.path)) is not None:
            if other.sha256 == file.sha256:
                self._settled(other, -1, source)  # which gets its properties as a file that is put
            else:
                words = f"{other.repo}:{file.path} and {file.repo}:{file.path} differ, and have one path"
                self._clash(f"{words} in {target.repo}; name the source repository", file, target)
        elif there is not None and there.file is not None and there.file.sha256 == file.sha256:
            self._settled(there.file, run, source)
        elif there is not None and there.file is None:
            self._clash(f"{target.repo}:{file.path} is a folder, so no file can be put there", file, target)
        elif (above := self._file_above(file.path, target)) is not None:
            self._clash(f"{target.repo}:{above} is a file, so nothing can be below it: {file.path}", file, target)
        elif file.path in self.folders:
            below = self.folders[file.path]
            self._clash(f"{file.path} cannot be a file in {target.repo} beside {below} below it", file, target)
        elif there is not None and there.file is not None and (why := self._kept(there, there.file, file, target)):
            self.failures.append(why)
        else:
            self._move(file, run, target, there.file.id if there is not None and there.file is not None else 0)

    def _move(self, file: File, run: int, target: Target, replaces: int) -> None:
        self.put[file.path] = file
        folder = file.path.rpartition("/")[0]
        while folder and folder not in self.folders:
            self.folders[folder] = file.path
            folder = folder.rpartition("/")[0]
        self.made.moves.append(Move(file, run, replaces))
        verb = "copy" if self.asked.copy else "move"
        text = f"{verb} {file.repo}:{file.path} to {target.repo}:{file.path}"
        self.made.messages.append(Message("INFO", text, file.path, (file.repo, target.repo)))

    def _file_above(self, path: str, target: Target) -> str | None:
        """The file where the path needs a folder."""
        if not target.files_above and not self.put:
            return None
        for folder in _folders(path):
            if folder in self.folders:  # nothing above it is a file
                return None
            if folder in target.files_above or folder in self.put:
                return folder
        return None

    def _kept(self, there: There, old: File, new: File, target: Target) -> Failure | None:
        """Why other bytes may not replace those of a path."""
        where, may = f"{target.repo}:{new.path}", self.asked.may
        if target.immutable:
            told = f"other bytes (sha256 {old.sha256}, put by {there.by or 'somebody'})"
            told = told if may("read", target.repo, new.path) else "other bytes"
            words = f"{target.repo} is immutable: {where} holds {told}, and keeps them; sha256 {new.sha256} is refused"
            return Failure(409, words, new.path, new.path, (new.repo, target.repo))
        if not may("delete", target.repo, new.path):
            words = f"Forbidden: {where} holds other bytes; the right delete is needed on {where} to replace them"
            return Failure(403, words, f"delete on {where}", new.path, (new.repo, target.repo))
        return None

    def _settled(self, file: File, run: int, source: File | None = None) -> None:
        assert self.asked.target is not None
        self.made.settled.append(Settled(file, run, source))
        repo = self.asked.target.repo
        repos = (repo,) if source is None else (source.repo, repo)
        self.made.messages.append(Message("INFO", f"{repo}:{file.path} is there already", file.path, repos))

    def _forbid(self, action: Action, repo: str, path: str) -> None:
        self.failures.append(forbidden(action, repo, path))

    def _clash(self, text: str, file: File, target: Target) -> None:
        self.failures.append(Failure(409, text, file.path, file.path, (file.repo, target.repo)))

    def _say(self, level: Level, text: str) -> None:
        self.made.messages.append(Message(level, text))

    def _conclude(self, absent: Sequence[Failure]) -> None:
        """Refuse everything, or name each failure and go on."""
        made = self.made
        failures = [*self.failures, *absent]
        made.failures = len(failures)
        if failures and self.asked.fail_fast:
            status = next(status for status in (403, 409, 400) if any(status == failure.status for failure in failures))
            told = [message for message in made.messages if message.level == "WARNING"]
            told += [Message("ERROR", text) for text in refusals(failures, self._whole())]
            self.made = Decision(messages=told, failures=len(failures), refusal=status)
            return
        made.messages += [Message("ERROR", found.text, found.path, found.repos) for found in failures]
        if self.asked.target is not None:
            done = "copied" if self.asked.copy else "moved"
            words = f"{len(made.moves)} {done}, {len(made.settled)} there already, {made.failures} failed"
            made.summary = f"files in {self.asked.target.repo}: {words}"
        else:
            made.summary = f"files with properties: {len(made.settled)} found, {made.failures} failed"

    def _whole(self) -> int:
        return len(dict.fromkeys(self.asked.artifacts)) + len(self.asked.lost_builds)


def _folders(path: str) -> Iterator[str]:
    """The folders of a path, the innermost first."""
    while (at := path.rfind("/")) >= 0:
        path = path[:at]
        yield path
