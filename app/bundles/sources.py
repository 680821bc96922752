"""What a request names as the content of a version: queries, files, builds, other versions, packages. Pure.

Contract release-bundle 3.2, 5. Whatever is wrong is collected, so that one answer lists all of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar

from app.artifacts.search import query
from app.artifacts.search.model import Query
from app.buildinfo import names as build_names
from app.buildinfo.fields import Fields, parsed
from app.bundles import names
from app.errors import Invalid, Problem

T = TypeVar("T")

#: The most sources of a version: queries, builds, other versions, packages, and lists of files.
MOST = 100
#: The most bytes of a body.
BODY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Search:
    """The files that a query finds. `field` is what the request calls the source, here and below."""

    field: str
    text: str
    query: Query


class Named(NamedTuple):
    """A file that is named by the key of its repository, local or virtual, and its path."""

    field: str
    repo: str
    path: str
    #: What its SHA-256 must be, in lower case; empty for any.
    sha256: str = ""

    def __str__(self) -> str:
        return f"{self.repo}/{self.path}"


@dataclass(frozen=True, slots=True)
class Files:
    """Files that are named one by one."""

    files: Sequence[Named]


@dataclass(frozen=True, slots=True)
class Build:
    """The artifacts of the newest run of a number."""

    field: str
    name: str
    number: str
    #: Key of the repository of build-info.
    repo: str
    #: Whether the dependencies that are stored here are meant, too.
    dependencies: bool = False

    def __str__(self) -> str:
        return f"the build '{self.name}' #{self.number} in '{self.repo}'"


@dataclass(frozen=True, slots=True)
class Version:
    """The artifacts of another version of a release bundle."""

    field: str
    #: Key of the repository of bundles.
    repo: str
    name: str
    version: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """The files of a package in a repository, local or virtual."""

    field: str
    name: str
    version: str
    type: str
    repo: str


Source: TypeAlias = Search | Files | Build | Version | Package


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: a version of a bundle, and what it is made from."""

    name: str
    version: str
    sources: Sequence[Source]
    draft: bool = False


def of_creation(data: bytes, now: int) -> Asked:
    """What the body of a creation asks for, at a time in Unix milliseconds. Invalid lists what is wrong."""
    fields = Fields.of(parsed(data))
    single = bool(fields.values.get("source_type") or fields.values.get("source"))
    several = bool(fields.values.get("sources"))
    sources: list[Source] = []
    if single and several:
        fields.wrong("sources", "two_forms", "stands beside source_type and source; send one of the two forms")
    elif single:
        said = fields.text("source_type").strip()
        sources = list(_of_type(said, fields, Fields(fields.map("source"), "source", fields.problems), now))
    elif several:
        sources = _listed(fields, "sources", now)
    else:
        fields.wrong("sources", "no_source", "is missing, and so are source_type and source; send one of the two forms")
    return _asked(fields, sources, draft=fields.flag("draft"))


def of_update(data: bytes, now: int) -> Asked:
    """The same of what is added to a draft."""
    fields = Fields.of(parsed(data))
    if not fields.values.get("add_sources"):
        fields.wrong("add_sources", "no_source", "is missing or empty; name at least one source")
    return _asked(fields, _listed(fields, "add_sources", now), draft=True)


def _asked(fields: Fields, sources: Sequence[Source], *, draft: bool) -> Asked:
    name, version = fields.text("release_bundle_name"), fields.text("release_bundle_version")
    fields.problems[:0] = names.problems(name, version)
    if len(sources) > MOST:
        words = f"{len(sources)} sources are named; at most {MOST} are taken: make a version of some, and name it"
        fields.problems.append(Problem("sources", "too_many_sources", words))
    fields.finish()
    return Asked(name, version, sources, draft)


def _listed(fields: Fields, field: str, now: int) -> list[Source]:
    found: list[Source] = []
    for entry in fields.objects(field):
        found.extend(_of_type(entry.text("source_type").strip(), entry, entry, now))
    return found


def _of_type(said: str, where: Fields, entry: Fields, now: int) -> Iterator[Source]:
    """The sources of an entry; `where` is the object with its type."""
    if said == "aql":
        yield from _search(entry, now)
    elif said == "artifacts":
        yield from _files(entry)
    elif said in _KINDS:
        kind, make = _KINDS[said]
        for each in _objects(entry, said, kind):
            yield make(each)
    else:
        words = f"is {said[:100]!r}; known are aql, artifacts, builds, release_bundles and packages"
        where.wrong("source_type", "bad_source_type", words)


def _search(entry: Fields, now: int) -> Iterator[Search]:
    text = entry.text("aql")
    found = _checked(entry, "aql", lambda: query.read(text, now))
    if found is not None:
        yield Search(entry.name("aql"), text, found)


def _files(entry: Fields) -> Iterator[Files]:
    yield Files([_named(each) for each in _objects(entry, "artifacts", "artifact")])


def _objects(entry: Fields, field: str, kind: str) -> Iterator[Fields]:
    """A list of objects, which must have at least one."""
    if entry.values.get(field) in (None, []):
        entry.wrong(field, "no_source", f"names no {kind}; name at least one")
    yield from entry.objects(field)


def _named(each: Fields) -> Named:
    path = each.text("path")
    repo, _, rest = path.strip("/").partition("/")
    if not repo or not rest:
        each.wrong("path", "bad_path", f"is {path[:100]!r}; write the key of the repository, a slash and the path")
    return Named(each.name("path"), repo, rest, each.text("sha256").strip().lower())


def _build(each: Fields) -> Build:
    name, number = _due(each, "build_name"), each.number_text("build_number")
    if not number.strip():
        each.wrong("build_number", "missing_field", "is missing or blank")
    repo = build_names.repository_key("", each.text("build_repository").strip())
    return Build(each.where, name, number, repo, each.flag("include_dependencies"))


def _version(each: Fields) -> Version:
    project, key = each.text("project").strip(), each.text("repository_key").strip()
    repo = _checked(each, "repository_key" if key else "project", lambda: names.repository_key(project, key))
    name, version = _due(each, "release_bundle_name"), _due(each, "release_bundle_version")
    return Version(each.where, repo or "", name, version, project)


def _package(each: Fields) -> Package:
    wanted = (_due(each, name) for name in ("package_name", "package_version", "package_type", "repository_key"))
    return Package(each.where, *wanted)


_KINDS: Mapping[str, tuple[str, Callable[[Fields], Source]]] = {
    "builds": ("build", _build),
    "release_bundles": ("release bundle", _version),
    "packages": ("package", _package),
}


def _due(each: Fields, field: str) -> str:
    text = each.text(field).strip()
    if not text:
        each.wrong(field, "missing_field", "is missing or blank")
    return text


def _checked(fields: Fields, field: str, read: Callable[[], T]) -> T | None:
    """What `read` gives; None when `read` says that the field is invalid."""
    try:
        return read()
    except Invalid as error:
        for problem in error.problems:
            fields.wrong(field, problem.code, problem.message.removeprefix(f"{problem.field}: "))
        return None


def specification(sources: Sequence[Source], started: Mapping[str, str]) -> dict[str, Any]:
    """What sources look like in the specification of a version (contract release-bundle 4.2); `started` says when the
    runs of builds began, by the field of the source."""
    found: dict[str, Any] = {}
    queries = [source.text for source in sources if isinstance(source, Search)]
    if queries:
        found["aql"] = "\n".join(queries)
    for source in sources:
        if isinstance(source, Build):
            found.setdefault("builds", []).append(
                {
                    "build_repository": source.repo,
                    "build_name": source.name,
                    "build_number": source.number,
                    "build_started": started[source.field],
                    "include_dependencies": source.dependencies,
                }
            )
        elif isinstance(source, Version):
            found.setdefault("release_bundles", []).append(
                {
                    "project_key": names.project_of(source.repo) or "default",
                    "repository_key": source.repo,
                    "release_bundle_name": source.name,
                    "release_bundle_version": source.version,
                }
            )
        elif isinstance(source, Package):
            found.setdefault("packages", []).append(
                {
                    "repository_key": source.repo,
                    "package_type": source.type,
                    "package_name": source.name,
                    "package_version": source.version,
                }
            )
    return found


def together(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The specification of what was made from two lots of sources; no source stands there twice."""
    found = dict(old)
    for name, value in new.items():
        if name not in found:
            found[name] = value
        elif name == "aql":
            found[name] = value if value == found[name] else f"{found[name]}\n{value}"
        else:
            found[name] = [*found[name], *(each for each in value if each not in found[name])]
    return found
