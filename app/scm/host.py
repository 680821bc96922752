"""What Gantry asks of the place where a repository lives, whichever place that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import Unreadable
from app.scm.hook import Delivery


@dataclass(frozen=True, slots=True)
class Source:
    """What a host needs to know of a repository."""

    repo_id: int
    url: str
    #: Name of the host that has the repository; plain git has none.
    host: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """With what private repositories are read over https: one for all."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `timestamp` is when it was committed, in Unix seconds."""

    sha: str
    message: str
    #: account at the host; empty where there are no accounts (plain git)
    author_login: str
    author_name: str
    author_email: str
    timestamp: int


class TooLarge(Unreadable):
    """A repository holds or says more than is read of it."""

    code = "repository_too_large"


class Host(Protocol):
    """Where code lives, as far as every host can be asked: commits and files, and what its webhooks say.

    Each call that is awaited may raise Unreadable (for good) or Unavailable (for now). What only some hosts can do
    (install hooks, show statuses and deployments, list repositories) is a Protocol of its own beside this one.
    """

    @property
    def name(self) -> str:
        """What `scm` of a repository says; empty for plain git."""
        ...

    def serves(self, url: str) -> bool:
        """Whether a repository of this address is this host's."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """A webhook of this host in the form that all hosts share; None when it is none of this host's.

        Invalid lists what is wrong with it. Nothing is verified yet: the delivery says which key signed it.
        """
        ...

    def check_url(self, url: str) -> None:
        """Raise Invalid (field `git_http_url`) when this host will never read from `url`."""
        ...

    async def default_branch(self, source: Source) -> str:
        """The branch that HEAD names, without `refs/heads/`."""
        ...

    async def branch(self, source: Source, name: str) -> Commit:
        """The newest commit of a branch; NotFound when there is no such branch."""
        ...

    async def commit(self, source: Source, name: str) -> Commit:
        """The commit of an id, an abbreviated id or a ref name; NotFound when there is none."""
        ...

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        """The text of one file as it was at a commit; NotFound when there is no such commit."""
        ...

    async def forget(self, source: Source) -> None:
        """Drop what is kept here of a repository that was deleted."""
        ...
