"""The interface of a host: the calls that Gantry makes to the host of a repository."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from app.errors import AppError, Unavailable, Unreadable
from app.scm.hook import Delivery, Notice
from app.scm.ssh import Identity


@dataclass(frozen=True, slots=True)
class Source:
    """The facts of a repository that a host needs."""

    repo_id: int
    url: str
    #: Name of the repository's host; empty for plain git.
    host: str = ""
    #: Id of the account in whose name the host is called; 0 for the repository's owner.
    account: int = 0
    #: The host's id of the repository, which stays when the repository is renamed; empty if not known. A host is asked
    #: about the repository of this id, though the name in the address may be another repository's by now.
    uid: str = ""


#: The password beside a token that is the login: some hosts take tokens so.
TOKEN_AS_LOGIN = "x-oauth-basic"


@dataclass(frozen=True, slots=True)
class Account:
    """The login and password, or token, with which a private repository is read over https."""

    login: str
    password: str = field(repr=False)


#: With what git is let in by the host of a repository.
Access: TypeAlias = Account | Identity


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `timestamp` is the time of the commit, in Unix seconds."""

    sha: str
    message: str
    #: account at the host; empty where there are no accounts (plain git)
    author_login: str
    author_name: str
    author_email: str
    timestamp: int


class TooLarge(Unreadable):
    """An object of a repository, or an output of git, is larger than Gantry reads."""

    code = "repository_too_large"


#: Codes of errors of a host that may pass, beside Unavailable: git does not say whether only the network is down.
_PASSING = frozenset({"repository_unreachable", "mirror_damaged"})


def passes(error: AppError) -> bool:
    """Whether a call of a host that failed may succeed a little later."""
    return isinstance(error, Unavailable) or error.code in _PASSING


def as_told(error: AppError) -> AppError:
    """The error of a call, as Unavailable if a later call may succeed: no other error is of a call to be repeated."""
    if passes(error) and not isinstance(error, Unavailable):
        return Unavailable(error.message, code=error.code)
    return error


class Host(Protocol):
    """The calls that every host answers: about commits, files and deliveries.

    Each call that is awaited may raise Unreadable (a later call fails, too) or Unavailable (a later call may succeed).
    Calls that only some hosts can answer (install hooks, show statuses and deployments, list repositories) belong in
    other Protocols beside this one.
    """

    @property
    def name(self) -> str:
        """The value of `scm` of the host's repositories; empty for plain git."""
        ...

    def serves(self, url: str) -> bool:
        """Whether a repository of this address is at this host."""
        ...

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        """What the headers of a webhook of this host tell; None when the webhook is not of this host.

        `headers` must find names in any letter case, here and in `read`.
        """
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Read a webhook of this host, as a Delivery; None when the webhook is not of this host.

        Invalid lists the faults of the webhook. Nothing is verified yet: `signed_with` of the delivery verifies a key.
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
        """Remove the data that this server keeps of a repository that was deleted."""
        ...

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        """Remove the data that this server keeps of repositories whose ids are not among these.

        Data that was fetched since a time stays.
        """
        ...


#: Tags of one repository that are listed, if a host lists them in parts.
MOST_TAGS = 1000


@runtime_checkable
class Tips(Protocol):
    """Hosts that tell what a branch and the tags of a repository name."""

    async def tips(self, source: Source, branch: str) -> Mapping[str, str]:
        """What a branch and all tags name, by full ref: the id of a commit, or that of an annotated tag.

        Of more than `MOST_TAGS` tags, a host may list those alone that were changed last. NotFound when there is no
        such branch, or no repository.
        """
        ...
