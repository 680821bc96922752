"""Which stored files are the artifacts and dependencies that runs list. Pure.

Contract artifactory-build 5. A file belongs to a run when its properties name the run, or when it lies where the entry
says that it was put.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

#: Why no file was found: none has the bytes; the place holds other bytes; the entry says no checksum; the checksum is
#: that of different files; the caller may not read the place.
Reason: TypeAlias = Literal["absent", "other_bytes", "no_checksum", "ambiguous", "unreadable"]


class Entry(NamedTuple):
    """An artifact or a dependency that a run lists. Checksums are lower-case hex; what is not known is empty."""

    name: str
    sha1: str = ""
    sha256: str = ""
    md5: str = ""
    #: The path in the repository, of an artifact.
    path: str = ""
    #: The key of the repository that the file was put into, or came from.
    repo: str = ""
    #: The position of the run that lists the entry.
    run: int = 0

    @property
    def checksum(self) -> str:
        """The checksum by which files are found."""
        return self.sha256 or self.sha1 or self.md5

    @property
    def place(self) -> str:
        """What people call the entry."""
        if not self.path or self.path.rpartition("/")[2] != self.name:
            return f"{self.name} ({self.repo}:{self.path})" if self.path and self.repo else self.name
        return f"{self.repo}:{self.path}" if self.repo else self.path


class File(NamedTuple):
    """A file that is stored in a local repository."""

    id: int
    repo: str
    path: str
    sha1: str
    sha256: str
    md5: str
    #: The set of its properties.
    set_id: int = 1

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def is_of(self, entry: Entry) -> bool:
        """Whether the file has the bytes of an entry."""
        if not entry.sha1:
            return bool(entry.checksum) and entry.checksum in (self.sha256, self.md5)
        return entry.sha1 == self.sha1 and entry.sha256 in ("", self.sha256)


class Marks(NamedTuple):
    """What a set of properties says of builds: the values of build.name, build.number and build.repo."""

    names: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    repos: frozenset[str] = frozenset()


class Link(NamedTuple):
    """A file, and the run that it belongs to."""

    file: File
    run: int


class Missing(NamedTuple):
    """An entry of which no file was found."""

    entry: Entry
    reason: Reason = "absent"


@dataclass(frozen=True, slots=True)
class Builds:
    """The runs whose entries are looked for, and what the properties of files say of builds."""

    #: Names and numbers.
    runs: Sequence[tuple[str, str]]
    #: The key of their repository of build-info.
    repo: str
    marks: Mapping[int, Marks]

    def is_foreign(self, set_id: int) -> bool:
        """Whether properties name another repository of build-info."""
        marks = self.marks.get(set_id)
        return marks is not None and bool(marks.repos) and self.repo not in marks.repos

    def marked(self, set_id: int) -> tuple[int, ...]:
        """The positions of the runs that properties name."""
        marks = self.marks.get(set_id)
        if marks is None or self.is_foreign(set_id):
            return ()
        return tuple(
            at for at, (name, number) in enumerate(self.runs) if name in marks.names and number in marks.numbers
        )


class _Group:
    """The files that have one checksum, in the order in which they are preferred."""

    def __init__(self, files: Sequence[File], order: Mapping[str, int]) -> None:
        self.files = sorted(files, key=lambda file: (order[file.repo], file.path))
        #: Whether the checksum is that of different files.
        self.ambiguous = len({file.sha256 for file in files}) > 1
        #: Files that may still be taken, by name and all.
        self.by_name: dict[str, deque[File]] = defaultdict(deque)
        self.rest = deque(self.files)
        self.by_repo: dict[str, list[File]] = defaultdict(list)
        #: The preferred file of a repository with a name; the empty text stands for any.
        self.first: dict[tuple[str, str], File] = {}
        for file in self.files:
            self.by_name[file.name].append(file)
            self.by_repo[file.repo].append(file)
            for key in ((file.repo, file.name), (file.repo, ""), ("", file.name), ("", "")):
                self.first.setdefault(key, file)


class Shelf:
    """The files among which the files of entries are looked for.

    `order` has the repositories that are searched; of two files that fit alike, the one whose repository comes first
    is preferred. `members` are the local repositories that a virtual one stands for. With `unmarked`, a file that lies
    at the path of an entry in any of the repositories is the entry's, whatever the properties of the file say. With
    `marked_first`, of the files at the path of an artifact one that names the run is preferred to one that does not,
    also when the latter lies where the artifact was put.
    """

    def __init__(
        self,
        builds: Builds,
        files: Iterable[File],
        order: Mapping[str, int],
        members: Mapping[str, Sequence[str]],
        *,
        unmarked: bool = False,
        marked_first: bool = False,
    ) -> None:
        self.builds, self.order, self.members = builds, order, members
        self.unmarked, self.marked_first = unmarked, marked_first
        #: The positions of the runs that a set of properties names.
        self.runs: dict[int, tuple[int, ...]] = {}
        self.files = list[File]()
        #: By path; almost always one file.
        self.by_path: dict[str, File | list[File]] = {}
        own: dict[int, bool] = {}
        for file in files:
            if file.set_id not in own:
                own[file.set_id] = not builds.is_foreign(file.set_id)
                self.runs[file.set_id] = builds.marked(file.set_id)
            if own[file.set_id] and file.repo in order:
                self.files.append(file)
                self._add(file)

    def _add(self, file: File) -> None:
        other = self.by_path.setdefault(file.path, file)
        if other is not file:
            others = other if isinstance(other, list) else [other]
            self.by_path[file.path] = sorted([*others, file], key=lambda file: self.order[file.repo])

    def at(self, path: str) -> Sequence[File]:
        """The files at a path."""
        found = self.by_path.get(path, [])
        return found if isinstance(found, list) else [found]

    def own(self, entry: Entry) -> Sequence[str]:
        """The repositories that the entry says that its file was put into."""
        return self.members.get(entry.repo, (entry.repo,))

    def groups_of(self, entries: Iterable[Entry]) -> dict[tuple[int, str], _Group]:
        """The files that name the run of an artifact, by the run and each checksum of these artifacts."""
        wanted = {entry.checksum for entry in entries}
        found: dict[tuple[int, str], list[File]] = defaultdict(list)
        for file in self.files if wanted else ():
            for checksum in wanted.intersection((file.sha256, file.sha1, file.md5)):
                for run in self.runs[file.set_id]:
                    found[run, checksum].append(file)
        return {key: _Group(files, self.order) for key, files in found.items()}

    def used_groups_of(self, entries: Iterable[Entry]) -> dict[str, _Group]:
        """All files, by each checksum of these dependencies."""
        wanted = {entry.checksum for entry in entries}
        found: dict[str, list[File]] = defaultdict(list)
        for file in self.files if wanted else ():
            for checksum in wanted.intersection((file.sha256, file.sha1, file.md5)):
                found[checksum].append(file)
        return {key: _Group(files, self.order) for key, files in found.items()}


class Found:
    """The files that were found, each once, in the order of the entries; and the entries without a file."""

    def __init__(self) -> None:
        self.links: dict[int, Link] = {}
        self.missing: list[Missing] = []

    def take(self, file: File, run: int) -> None:
        """Add a file, unless it is there."""
        if file.id not in self.links:
            self.links[file.id] = Link(file, run)


def artifacts_of(entries: Iterable[Entry], shelf: Shelf) -> Found:
    """The files of artifacts.

    An entry with a path names one file: the one where it was put, else the one at this path, else one that has its
    name, else any; the last two only if they are no other entry's. An entry without a path names all files with its
    bytes in one repository: the one that it was put into, else one that has such a file of its name, else any.
    """
    found, loose, others = Found(), list[Entry](), list[Entry]()
    for entry in dict.fromkeys(entries):
        if not entry.checksum:
            found.missing.append(Missing(entry, "no_checksum"))
        elif not entry.path:
            loose.append(entry)
        elif (file := _at_path(entry, shelf)) is not None:
            found.take(file, entry.run)
        else:
            others.append(entry)
    groups = shelf.groups_of([*loose, *others])
    for entry in others:
        _take_other(entry, shelf, _fitting(groups.get((entry.run, entry.checksum)), entry), found)
    taken = set[tuple[int, str, str]]()
    for entry in loose:
        _take_all(entry, shelf, _fitting(groups.get((entry.run, entry.checksum)), entry), found, taken)
    return found


def _fitting(group: _Group | None, entry: Entry) -> _Group | None:
    """The group if its files have all checksums of an entry. Files with one SHA-256 have the other checksums in common;
    by another checksum an entry looks only when it says no more."""
    return group if group is not None and group.files[0].is_of(entry) else None


def _at_path(entry: Entry, shelf: Shelf) -> File | None:
    there = [file for file in shelf.at(entry.path) if file.is_of(entry)]
    if not there:
        return None
    own = shelf.order if shelf.unmarked else shelf.own(entry)
    marked = [file for file in there if entry.run in shelf.runs[file.set_id]]
    found = [file for repo in own for file in there if file.repo == repo]
    if found and shelf.marked_first and marked:
        found = [file for file in found if file in marked] or marked
    if found:
        return found[0]
    return marked[0] if len({file.sha256 for file in marked}) == 1 else None


def _take_all(entry: Entry, shelf: Shelf, group: _Group | None, found: Found, taken: set[tuple[int, str, str]]) -> None:
    if group is None:
        found.missing.append(Missing(entry))
        return
    named = (repo for repo in group.by_repo if (repo, entry.name) in group.first)
    own = (repo for repo in shelf.own(entry) if repo in group.by_repo)
    chosen = next(own, None) or next(named, None) or next(iter(group.by_repo))
    files = group.by_repo[chosen]
    if group.ambiguous and len({file.sha256 for file in files}) > 1:
        found.missing.append(Missing(entry, "ambiguous"))
    elif (entry.run, entry.checksum, chosen) not in taken:
        taken.add((entry.run, entry.checksum, chosen))
        for file in files:
            found.take(file, entry.run)


def _take_other(entry: Entry, shelf: Shelf, group: _Group | None, found: Found) -> None:
    if group is not None and group.ambiguous:
        found.missing.append(Missing(entry, "ambiguous"))
        return
    if group is not None:
        for files in (group.by_name.get(entry.name, deque[File]()), group.rest):
            while files:
                file = files.popleft()
                if file.id not in found.links:
                    found.take(file, entry.run)
                    return
    own = shelf.own(entry)
    taken = any(file.repo in own for file in shelf.at(entry.path))
    found.missing.append(Missing(entry, "other_bytes" if taken else "absent"))


def dependencies_of(entries: Sequence[Entry], shelf: Shelf) -> Found:
    """The files of dependencies: of each one file, in the entry's repository if it names one, with its name if there
    is such a file."""
    found, groups = Found(), shelf.used_groups_of(entries)
    for entry in dict.fromkeys(entries):
        group = _fitting(groups.get(entry.checksum), entry) if entry.checksum else None
        if group is not None and group.ambiguous:
            found.missing.append(Missing(entry, "ambiguous"))
        elif group is None or (file := _first(entry, shelf, group)) is None:
            found.missing.append(Missing(entry))
        else:
            found.take(file, entry.run)
    return found


def _first(entry: Entry, shelf: Shelf, group: _Group) -> File | None:
    repos = ("",) if shelf.unmarked else shelf.own(entry)
    keys = [(repo, name) for name in (entry.name, "") for repo in repos]
    return next((group.first[key] for key in keys if key in group.first), None)


def unreadable(missing: Iterable[Missing], readable: Callable[[str, str], bool], shelf: Shelf) -> list[Missing]:
    """The entries without a file, with those among them marked whose own place the caller may not read."""
    return [
        Missing(entry, "unreadable") if entry.path and _closed(entry, readable, shelf) else Missing(entry, reason)
        for entry, reason in missing
    ]


def _closed(entry: Entry, readable: Callable[[str, str], bool], shelf: Shelf) -> bool:
    repos = [repo for repo in shelf.own(entry) if repo in shelf.order]
    return bool(repos) and not any(readable(repo, entry.path) for repo in repos)
