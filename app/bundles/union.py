"""The files of all sources together, each once, and what cannot stand in one version. Pure.

Contract release-bundle 3.3.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from app.artifacts.model import TOP, parted
from app.bundles.model import Artifact
from app.errors import Invalid, Problem

#: The most artifacts of a version.
MOST = 100_000
#: How many problems of one kind an answer names.
NAMED = 10


class Picked(NamedTuple):
    """A file that a source stands for, as it was found."""

    artifact: Artifact
    #: The item, and its repository; 0 for an artifact of another version.
    item_id: int = 0
    repo_id: int = 0
    #: The version that the artifact is from; 0 for none.
    bundle_id: int = 0
    #: Whether the server has chosen the file among copies.
    chosen: bool = False


def united(found: Iterable[Picked]) -> list[Picked]:
    """The files, each once; Invalid when two cannot stand in one version, when there are none, or too many.

    Of two copies with one path and equal bytes, both chosen by the server, the first one stands for both.
    """
    kept: dict[tuple[str, str, str], Picked] = {}
    clashes: list[str] = []
    for each in found:
        other = kept.setdefault(each.artifact[:3], each)
        if other is not each and (words := _clash(other, each)):
            clashes.append(words)
    if not kept and not clashes:
        words = "the sources have no artifact, and a version needs at least one"
        raise Invalid.of([Problem("sources", "no_artifacts", words)])
    if len(kept) > MOST:
        raise too_many(len(kept))
    if problems := [*named("sources", "collision", [*clashes, *_files_in_the_way(kept.values())])]:
        raise Invalid.of(problems)
    return list(kept.values())


def too_many(count: int) -> Invalid:
    """The error for more artifacts than a version may have."""
    words = f"the sources have {count} artifacts, and a version has at most {MOST}: make several versions"
    return Invalid.of([Problem("sources", "too_many_artifacts", words)])


def _clash(one: Picked, other: Picked) -> str:
    """Why two files with one path cannot stand in one version; empty when they are the same file."""
    first, second = one.artifact, other.artifact
    same_bytes = first.blob_id == second.blob_id
    if first.source != second.source and not (same_bytes and one.chosen and other.chosen):
        where = f"{first.source} and from {second.source}"
        return f"{first.whole_path} comes from {where}: a version has one {first.package_type} file of a path"
    if not same_bytes:
        where = f"{first.source}/{first.whole_path}"
        return f"{where} comes with two contents: sha256 {first.sha256} and sha256 {second.sha256}"
    return ""


def _files_in_the_way(picked: Iterable[Picked]) -> Iterator[str]:
    """The files that others would have to lie below."""
    by_type: dict[str, dict[tuple[str, str], Artifact]] = {}
    for artifact in (each.artifact for each in picked):
        by_type.setdefault(artifact.package_type, {})[artifact.path, artifact.name] = artifact
    for kind, files in by_type.items():
        for folder in sorted(folders_of({path for path, _ in files})):
            if (file := files.get(parted(folder))) is not None:
                yield f"{file.source}/{folder} is a file, and other {kind} files lie below this path"


def folders_of(folders: Iterable[str]) -> set[str]:
    """Some folders, with all folders around them; without the top of the repository."""
    found = set[str]()
    for folder in folders:
        while folder and folder != TOP and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def named(field: str, code: str, texts: Sequence[str]) -> Iterator[Problem]:
    """The first of the problems, and how many more there are."""
    for text in texts[:NAMED]:
        yield Problem(field, code, text)
    if len(texts) > NAMED:
        yield Problem(field, code, f"and {len(texts) - NAMED} more of this kind")
