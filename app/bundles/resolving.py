"""Finds the files that the sources of a version stand for, as far as the caller may read them.

Contract release-bundle 3.3. A file that the caller may not read is as one that is not there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.artifacts import repositories
from app.artifacts.access import Visitor
from app.artifacts.model import ArtifactRepository, parted, whole
from app.artifacts.repositories import Repositories
from app.artifacts.search.search import search
from app.buildinfo import access as builds
from app.buildinfo import candidates, failures, links
from app.buildinfo import store as runs_store
from app.buildinfo.candidates import array
from app.buildinfo.links import Builds, File, Found, Shelf
from app.buildinfo.model import Run
from app.bundles import access, sources, store
from app.bundles.freezing import Changed
from app.bundles.model import Artifact, Bundle
from app.bundles.packages import coordinates
from app.bundles.sources import Build, Files, Named, Package, Search, Source, Version
from app.bundles.union import MOST, Picked, named, too_many, united
from app.db.connect import Database
from app.db.tx import Rows, Tx, many
from app.errors import Conflict, Invalid, NotFound, Problem, Unreadable

_FILE = """
    items.id, items.repo_id, items.path, items.name, items.blob_id, items.set_id, items.mime, blobs.sha256, blobs.size
"""
BY_ID = f"""
    SELECT {_FILE} FROM :rows(ids; id bigint) AS wanted CROSS JOIN items CROSS JOIN blobs
    WHERE items.id = wanted.id AND blobs.id = items.blob_id
"""  # noqa: S608 - fixed texts
BY_PLACE = f"""
    SELECT {_FILE} FROM :rows(places; repo_id bigint, path text, name text) AS place CROSS JOIN items CROSS JOIN blobs
    WHERE items.repo_id = place.repo_id AND items.path = place.path AND items.name = place.name
        AND blobs.id = items.blob_id
"""  # noqa: S608 - fixed texts
BY_COORDINATES = f"""
    SELECT {_FILE} FROM properties AS name CROSS JOIN properties AS version CROSS JOIN items CROSS JOIN blobs
    WHERE name.key = :name_key AND name.value = :name AND version.set_id = name.set_id
        AND version.key = :version_key AND version.value = :version AND items.set_id = name.set_id
        AND items.repo_id IN (SELECT id FROM :rows(repos; id bigint) AS repo) AND blobs.id = items.blob_id
    ORDER BY items.repo_id, items.path, items.name
"""  # noqa: S608 - fixed texts


class Unresolved(Unreadable):
    """Artifacts of a build are not stored here."""

    code = "unresolved_artifacts"


@dataclass(frozen=True, slots=True)
class Content:
    """What sources come to."""

    picked: Sequence[Picked]
    #: The sources as a specification tells them.
    specification: Mapping[str, Any]
    #: The first environment of the repository that the files come from; empty for none.
    environment: str = ""
    #: What is left out, in words.
    notes: Sequence[str] = ()

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(each.artifact.size for each in self.picked)


def require(visitor: Visitor, wanted: Iterable[Source]) -> None:
    """Forbidden, or Unauthorized, when the caller may not read a build or a version that is a source.

    Nobody has looked yet whether they are there.
    """
    for source in wanted:
        if isinstance(source, Build):
            builds.numbered(visitor, "read", source.repo, [(source.name, source.number)])
        elif isinstance(source, Version):
            access.require(visitor, "read", source.repo, source.name, source.version)


async def resolved(db: Database, visitor: Visitor, wanted: Sequence[Source], kept: Sequence[Picked] = ()) -> Content:
    """The files of all sources, each once, behind those of `kept`.

    NotFound, Invalid and Unresolved name everything of their kind; Conflict for a version that is not made yet.
    """
    found = {source.field: await _ids(db, source, visitor) for source in wanted if isinstance(source, Search)}
    return await db.read_many(_Resolving(visitor, found, list(kept)).content(wanted))


async def _ids(db: Database, source: Search, visitor: Visitor) -> list[int]:
    """The ids of what a query finds."""
    try:
        found, _ = await search(db, source.query, visitor.rights)
    except Invalid as error:
        told = [Problem(source.field, each.code, f"{source.field}: {each.message}") for each in error.problems]
        raise Invalid.of(told) from None
    if found.total > MOST:
        raise too_many(found.total)
    return [item_id for batch in found.batches() for item_id in batch]


@dataclass(slots=True)
class _Resolving:
    """One look-up, as it is made."""

    visitor: Visitor
    #: The ids of the items that queries have found, by the field of the source.
    ids: Mapping[str, Sequence[int]]
    picked: list[Picked]
    repositories: Repositories = field(default_factory=lambda: Repositories({}, {}))
    by_id: dict[int, ArtifactRepository] = field(default_factory=dict)
    judges: dict[int, Callable[[str], bool]] = field(default_factory=dict)
    #: When the runs of builds began, by the field of the source.
    started: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    wrong: list[Problem] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def content(self, wanted: Sequence[Source]) -> Tx[Content]:
        """What all sources come to."""
        self.repositories = yield from repositories.read_all()
        self.by_id = self.repositories.by_id
        for source in wanted:
            yield from self._add(source)
        self._refuse()
        picked = united(self.picked)
        return Content(picked, sources.specification(wanted, self.started), self._environment(picked), self.notes)

    def _add(self, source: Source) -> Tx[None]:
        match source:
            case Search():
                yield from self._search(source)
            case Files():
                yield from self._files(source)
            case Build():
                yield from self._build(source)
            case Version():
                yield from self._version(source)
            case Package():
                yield from self._package(source)

    def _refuse(self) -> None:
        """Raise the error that names everything of its kind."""
        if self.absent:
            raise NotFound(f"not found: {failures.listed(self.absent)}")
        if self.wrong:
            raise Invalid.of(self.wrong)
        if self.unresolved:
            raise Unresolved("; ".join(self.unresolved))
        if self.unfinished:
            raise Conflict(f"not made yet: {failures.listed(self.unfinished)}; try again", code="unfinished")

    def _environment(self, picked: Sequence[Picked]) -> str:
        for key in dict.fromkeys(each.artifact.source for each in picked):
            repo = self.repositories.by_key.get(key)
            if repo is not None and repo.environments:
                return repo.environments[0]
        return ""

    def _may_read(self, repo_id: int, path: str) -> bool:
        judge = self.judges.get(repo_id)
        if judge is None:
            judge = self.judges[repo_id] = self.visitor.rights.judge("read", self.by_id[repo_id])
        return judge(path)

    def _picked(self, rows: Iterable[Any], *, chosen: bool = False) -> Iterator[Picked]:
        """The files of rows with the columns of `_FILE` that the caller may read."""
        for item_id, repo_id, path, name, blob_id, set_id, mime, sha256, size in rows:
            if repo_id in self.by_id and self._may_read(repo_id, whole(path, name)):
                repo = self.by_id[repo_id]
                artifact = Artifact(repo.package_type, path, name, repo.key, blob_id, set_id, mime, sha256, size)
                yield Picked(artifact, item_id, repo_id, chosen=chosen)

    def _keep(self, said: str, picked: Iterable[Picked]) -> None:
        """Take files that are in repositories of users; refuse those that are in repositories of the server."""
        own = dict[str, None]()
        for each in picked:
            if self.by_id[each.repo_id].system:
                own[each.artifact.source] = None
            else:
                self.picked.append(each)
        for key in own:
            words = f"{key} is kept by the server, so its files are no artifacts; name builds or release_bundles"
            self.wrong.append(Problem(said, "wrong_repository", f"{said}: {words}"))

    def _search(self, source: Search) -> Tx[None]:
        rows = yield from many(BY_ID, ids=array([item_id] for item_id in self.ids[source.field]))
        found = list(self._picked(rows))
        self._keep(source.field, found)
        if not found:
            words = f"{source.field}: the query finds no file that you may read"
            self.wrong.append(Problem(source.field, "no_artifacts", words))

    def _files(self, source: Files) -> Tx[None]:
        places = dict.fromkeys(
            (repo.id, *parted(each.path)) for each in source.files for repo in self._meant(each.repo, each.path)
        )
        rows = yield from many(BY_PLACE, places=array(places))
        there = {(each.repo_id, *each.artifact[1:3]): each for each in self._picked(rows)}
        absent, others = list[str](), list[str]()
        for each in source.files:
            at = [(repo.id, *parted(each.path)) for repo in self._meant(each.repo, each.path)]
            found = [there[place] for place in at if place in there]
            same = [file for file in found if each.sha256 in ("", file.artifact.sha256)]
            if same:
                self._keep(each.field, same[:1])
            elif found:
                others.append(_other_bytes(each, found[0].artifact))
            else:
                absent.append(f"the file {each}")
        self.absent += absent
        self.wrong += named("artifacts", "other_bytes", others)

    def _meant(self, key: str, path: str) -> list[ArtifactRepository]:
        """The local repositories that a key stands for, as far as the caller may read this path there."""
        repo = self.repositories.by_key.get(key)
        found = self.repositories.locals_of(repo) if repo is not None else []
        return [each for each in found if self._may_read(each.id, path)]

    def _build(self, source: Build) -> Tx[None]:
        repo = yield from builds.find(source.repo)
        run = (yield from runs_store.find_run(repo.id, source.name, source.number)) if repo is not None else None
        if run is None:
            self.absent.append(str(source))
            return
        self.started[source.field] = run.started_text
        found, used, lost = yield from self._linked(source, run)
        files = [link.file for each in (found, used) for link in each.links.values()]
        ids = dict.fromkeys(file.id for file in files)
        rows = yield from many(BY_ID, ids=array([item_id] for item_id in ids))
        self._keep(source.field, self._unchanged(files, self._picked(rows, chosen=True)))
        gone = [*(failures.absence(each).name for each in found.missing), *(f"the build {module}" for module in lost)]
        if gone:
            count = len(found.missing) + len(found.links) + len(lost)
            self.unresolved.append(f"of {source}, {len(gone)} of {count} artifacts are not stored here: ")
            self.unresolved[-1] += failures.listed(gone)
        if used.missing:
            names = failures.listed(each.entry.name for each in used.missing)
            self.notes.append(
                f"{len(used.missing)} dependencies of {source} are not stored here, and left out: {names}"
            )

    def _linked(self, source: Build, run: Run) -> Tx[tuple[Found, Found, list[str]]]:
        """The files of artifacts and of dependencies, and the modules whose run is not known."""
        runs, lost = yield from candidates.followed(
            run, lambda part: builds.may(self.visitor, "read", source.repo, part)
        )
        artifacts = yield from candidates.artifacts_of(runs)
        dependencies = (yield from candidates.dependencies_of(runs, frozenset())) if source.dependencies else []
        known = self.repositories
        searched = {
            repo.id: repo.key
            for repo in known.by_key.values()
            if repo.kind == "local" and not repo.system and self.visitor.rights.somewhere("read", repo)
        }
        virtual = (repo for repo in known.by_key.values() if repo.kind != "local")
        members = {repo.key: [member.key for member in known.locals_of(repo)] for repo in virtual}
        stored = yield from candidates.files_of(runs, artifacts, dependencies, searched, members)
        ids = {key: repo_id for repo_id, key in searched.items()}
        readable = [file for file in stored if self._may_read(ids[file.repo], file.path)]
        marks = yield from candidates.marks_of(readable)
        which = Builds([(each.name, each.number) for each in runs], source.repo, marks)
        order = {key: at for at, key in enumerate(searched.values())}
        shelf = Shelf(which, readable, order, members, marked_first=True)
        return links.artifacts_of(artifacts, shelf), links.dependencies_of(dependencies, shelf), lost

    def _unchanged(self, files: Iterable[File], picked: Iterable[Picked]) -> list[Picked]:
        """The files as they are now, in the order in which they were found; Changed when one is not the same."""
        now = {each.item_id: each for each in picked}
        found = {file.id: now.get(file.id) for file in files}
        for file in files:
            each = found[file.id]
            if each is None or each.artifact.sha256 != file.sha256:
                raise Changed("another caller has changed the files at the same time; try again")
        return [each for each in found.values() if each is not None]

    def _version(self, source: Version) -> Tx[None]:
        bundle = yield from store.find(source.repo, source.name, source.version)
        if bundle is None or bundle.status == "DELETING":
            self.absent.append(f"the version {source.version} of the release bundle {source.name} in {source.repo}")
        elif bundle.status in ("DRAFT", "FAILED"):
            why = "is a draft: finalize it" if bundle.status == "DRAFT" else "could not be made: make it anew"
            words = f"{source.field}: the version {source.version} of {source.name} in {source.repo} {why}"
            self.wrong.append(Problem(source.field, "not_completed", words))
        elif bundle.status != "COMPLETED":
            self.unfinished.append(f"the version {source.version} of {source.name} in {source.repo}")
        else:
            self.picked += yield from frozen(bundle)

    def _package(self, source: Package) -> Tx[None]:
        repo = self.repositories.by_key.get(source.repo)
        meant = self.repositories.locals_of(repo) if repo is not None else []
        keys = coordinates(source.type)
        rows: Rows = []
        if keys is not None and meant:
            values = dict(zip(("name_key", "version_key"), keys, strict=True), name=source.name, version=source.version)
            rows = yield from many(BY_COORDINATES, repos=array([each.id] for each in meant), **values)
        found = list(self._picked(rows))
        self._keep(source.field, found)
        if not found:
            self.wrong.append(Problem(source.field, "no_artifacts", f"{source.field}: {_no_package(source, keys)}"))


def frozen(bundle: Bundle) -> Tx[list[Picked]]:
    """The artifacts of a version."""
    artifacts = yield from store.artifacts_of(bundle.id)
    return [Picked(artifact, bundle_id=bundle.id) for artifact in artifacts]


def _other_bytes(asked: Named, there: Artifact) -> str:
    return f"{asked.field}: {asked} has the sha256 {there.sha256}, not {asked.sha256[:100]!r}"


def _no_package(source: Package, keys: tuple[str, str] | None) -> str:
    which = f"the {source.type} package {source.name} {source.version}"
    if keys is None:
        return f"{which} cannot be found by properties; name its files by artifacts or aql"
    properties = f"{keys[0]}={source.name} and {keys[1]}={source.version}"
    return f"no file in {source.repo} that you may read has the properties {properties}, so {which} is not found"
