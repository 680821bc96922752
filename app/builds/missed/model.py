"""What a comparison of the refs of a repository with what was built decides. Pure."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.repos.model import Repo
from app.scm import refs
from app.scm.host import MOST_TAGS

#: The server of a repository whose address names none: it is on this machine.
LOCAL = "file"
BRANCHES, TAGS = "refs/heads/", "refs/tags/"
#: A time that does not come.
NEVER = 2**62
#: Seconds by which a host's list of refs may lag behind its webhooks.
LAG = 60


@dataclass(frozen=True)
class Look:
    """A repository whose refs are compared. Times are Unix seconds; see the table for each.

    `looked` is the last comparison that left no tag to a later one.
    """

    repo_id: int
    server: str
    enabled: int
    looked: int
    due: int
    tries: int


@dataclass(frozen=True, slots=True)
class Found:
    """A ref that names another id than when it was last seen, so that its delivery may be lost."""

    ref: str
    oid: str
    #: The id when the ref was last seen, zeros for a ref that was not.
    before: str
    #: A tag that was built since this time, at whatever commit, is no news; for a branch the commit counts alone.
    since: int
    #: A commit that is older is none that was pushed since; 0 where the ref was seen before, so that it has moved.
    oldest: int


@dataclass(frozen=True, slots=True)
class Difference:
    """`found` may have been missed, the branch before the tags, and `v9` before `v10`.

    Of `known` nothing is to be built; `gone` are no refs any more.
    """

    found: tuple[Found, ...]
    known: Mapping[str, str]
    gone: Set[str]


def server_of(repo: Repo) -> str:
    """The name of the server that a repository is at: of its host, or of its git server."""
    return repo.scm or urlsplit(repo.git_http_url).netloc.rpartition("@")[2].lower() or LOCAL


def compared(look: Look, branch: str, listed: Mapping[str, str], seen: Mapping[str, str]) -> Difference:
    """What follows from the refs that a host lists, which are a branch and all tags.

    The refs of the first look are older than the repository's enabling, so that they count as seen. Only the branch may
    have moved between the enabling and the look, which the time of its commit tells.
    """
    is_whole = len(listed) <= MOST_TAGS
    changed = {ref: oid for ref, oid in listed.items() if seen.get(ref) != oid and not refs.problem(ref)}
    found = [
        Found(
            ref,
            oid,
            seen.get(ref, "0" * len(oid)),
            NEVER if ref.startswith(BRANCHES) else look.looked - LAG,
            _oldest(look, ref, seen, is_whole=is_whole),
        )
        for ref, oid in sorted(changed.items(), key=lambda one: _by_numbers(one[0]))
        if look.looked or (look.enabled and ref == BRANCHES + branch)
    ]
    news = {one.ref for one in found}
    known = {ref: oid for ref, oid in changed.items() if ref not in news}
    return Difference(tuple(found), known, seen.keys() - listed.keys() if is_whole else frozenset())


def _by_numbers(ref: str) -> str:
    """What to sort a ref by, so that numbers in its name count as numbers."""
    return re.sub("[0-9]+", lambda number: number[0].zfill(20), ref)


def _oldest(look: Look, ref: str, seen: Mapping[str, str], *, is_whole: bool) -> int:
    if ref in seen:
        return 0
    if ref.startswith(BRANCHES):  # perhaps another branch has become the default branch
        had_another = any(one.startswith(BRANCHES) for one in seen)
        return look.enabled if not look.looked else look.looked if had_another else 0
    return 0 if is_whole else look.enabled  # an older tag may have come into the list
