"""Why files and entries are not promoted, in words. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.artifacts.rights import Action
from app.buildinfo.links import Missing, Reason

#: How many names a sentence lists.
NAMED = 10
_WHY: Mapping[Reason, str] = {
    "absent": "",
    "unreadable": "",
    "other_bytes": "the path holds other bytes",
    "no_checksum": "the build-info has no checksum of it",
    "ambiguous": "its checksum is that of different files, and a sha256 is missing",
}


class Failure(NamedTuple):
    """Why a file or an entry is not promoted."""

    #: The HTTP status of a promotion that is refused for this alone.
    status: int
    text: str
    #: What the sentence about all failures of a status calls it.
    name: str
    path: str = ""
    repos: tuple[str, ...] = ()


def forbidden(action: Action, repo: str, path: str) -> Failure:
    """A right that lacks."""
    where = f"{repo}:{path}"
    words = f"Forbidden: the right {action} is needed on {where}"
    return Failure(403, words, f"{action} on {where}", path, (repo,))


def absence(found: Missing) -> Failure:
    """An artifact of which no file was found."""
    entry, reason = found
    if reason == "unreadable":
        return forbidden("read", entry.repo, entry.path)
    why = f": {_WHY[reason]}" if _WHY[reason] else ""
    status = 409 if reason == "ambiguous" else 400
    return Failure(status, f"the artifact {entry.place} was not found{why}", entry.place + why)


def lost(module: str) -> Failure:
    """A module of the type `build` whose run is not known."""
    return Failure(400, f"the build {module}, which is a module of the build, was not found", f"the build {module}")


def refusals(failures: Sequence[Failure], entries: int) -> Iterator[str]:
    """A sentence for each kind of failure; one failure alone has its own words."""
    counts = Counter(failure.status for failure in failures)
    for status in (403, 409, 400):
        some = [failure for failure in failures if failure.status == status]
        if not some:
            continue
        if status == 400:
            yield f"{counts[400]} of {entries} artifacts were not found: {listed(failure.name for failure in some)}"
        elif len(some) == 1:
            yield some[0].text
        elif status == 403:
            yield f"Forbidden: {len(some)} rights are missing: {listed(failure.name for failure in some)}"
        else:
            yield f"{len(some)} files cannot be put: {listed(failure.text for failure in some)}"


def listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    names = list(names)
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
