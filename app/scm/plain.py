"""The interfaces of plain git: what is asked of a repository that has no host with an API (contract scm-api 9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from app.scm.host import Source


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes the commits of notes, and the tags."""

    name: str
    email: str


@runtime_checkable
class Listing(Protocol):
    """Hosts whose repositories are polled."""

    async def refs(self, source: Source) -> Mapping[str, str]:
        """The ids of all branches, tags and heads of pull requests, by their whole names.

        The id of an annotated tag is that of the tag. Unreadable or Unavailable.
        """
        ...


@runtime_checkable
class Marks(Protocol):
    """Hosts that keep notes and tags of ours (contract scm-api 9.2)."""

    async def put_note(self, source: Source, sha: str, text: str, author: Author) -> None:
        """Write the note of a commit in `refs/notes/ci`, in the place of an earlier one.

        Notes of other commits stay, also those that somebody else writes meanwhile. Unreadable, or Unavailable when
        others write all the time.
        """
        ...

    async def put_tag(self, source: Source, sha: str, name: str, text: str, author: Author) -> None:
        """Make an annotated tag; nothing when the commit has this tag already. Unreadable when another one has it."""
        ...
