"""The interfaces of hosts with an API of their own: what only some hosts can do (contract scm-api).

A host satisfies those of these Protocols that its software can answer, beside `Host`. Each call that is awaited may
raise Unreadable (a later call fails, too), Unavailable (a later call may succeed) or Later (not before a time).
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from app.errors import Unavailable, Unreadable
from app.scm.host import Account, Commit, Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Credential:
    """What a call shows to a host: a token, or a login with its password."""

    #: `bearer` is a token of OAuth, `token` a token that a person has made, `basic` a password.
    kind: Literal["bearer", "token", "basic"]
    secret: str = field(repr=False)
    #: The login of a password.
    login: str = ""


#: Finds what calls about a repository show to its host: of its owner, or of the server itself; None for nothing.
CredentialOf: TypeAlias = Callable[[Source], Awaitable[Credential | None]]


@runtime_checkable
class Renewing(Protocol):
    """A CredentialOf that has something else to show when a host does not take a credential."""

    async def call(self, source: Source, ask: Callable[[Credential | None], Awaitable[T]]) -> T:
        """What `ask` gives; when `ask` raises Rejected, then that with another credential, if there is one."""
        ...


class Later(Unavailable):
    """The host wants no call before some time has passed."""

    code = "host_busy"

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, retry_after=max(1, math.ceil(seconds)))
        #: Seconds until the next call.
        self.seconds = seconds


class Rejected(Unreadable):
    """The host does not take the credential: a token that was revoked or is over, or a wrong password (401)."""

    code = "host_token_rejected"


class Forbids(Unreadable):
    """The host takes the credential, but its account or its scopes do not allow the call (403)."""

    code = "host_forbids"


class Refused(Unreadable):
    """The host refuses the call, and will refuse the same call again (404, 409, 422 and the like)."""

    code = "host_refused"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        #: The status of the host's answer.
        self.status = status

    @property
    def absent(self) -> bool:
        """Whether the host says that a thing is not there, or hides the thing: the answer is the same."""
        return self.status == 404


class TooMuch(Unavailable):
    """The host answers with more bytes than are read."""

    code = "host_answer_too_large"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a commit, as a build of it shows it (contract scm-api 3)."""

    sha: str
    #: `continuous-integration/drone/push`: a later status of the same context replaces an earlier one.
    context: str
    #: The status of the build: `pending`, `running`, `blocked`, `success`, `failure`, `error`, `killed`, `declined`,
    #: `skipped`.
    state: str
    description: str
    link: str
    #: The ref of the build; empty if not known.
    ref: str = ""


@runtime_checkable
class Statuses(Protocol):
    """Hosts that show states of commits."""

    async def put_status(self, source: Source, status: Status) -> None:
        """Show a state. A host that shows this state already, or refuses to go back to it, counts as done."""
        ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """A promotion or a rollback, as a host shows it (contract scm-api 4)."""

    sha: str
    #: The ref of the build; empty if not known.
    ref: str
    environment: str
    #: The status of the build, as that of a Status.
    state: str
    description: str
    #: The page of the build.
    link: str
    #: `deploy` or `rollback`.
    task: str = "deploy"
    #: What marks the deployment as one of this server, so that its webhook starts nothing: `{"ci": …, "build": …}`.
    payload: Mapping[str, str | int] = field(default_factory=dict)


@runtime_checkable
class Deployments(Protocol):
    """Hosts that keep deployments."""

    async def put_deployment(self, source: Source, known: str, deployment: Deployment) -> str:
        """Show a deployment in its state, and return its id at the host.

        `known` is that id from an earlier call, empty for a deployment that the host does not know. The result is empty
        while the host has nothing to show for this state.
        """
        ...


@dataclass(frozen=True, slots=True)
class Talk:
    """An issue, or a pull request, under which people write comments."""

    number: int
    is_request: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A comment of this server, as it is to be shown."""

    #: Markdown of the host.
    text: str
    #: A text of `text` that no other comment has, and that nobody sees.
    mark: str
    #: A time by the clock of the host, in Unix seconds, before which no comment can have the mark.
    since: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """Where a pull request is at."""

    sha: str
    #: Whether the commits come from another repository, also one that is gone.
    fork: bool
    closed: bool


@runtime_checkable
class Comments(Protocol):
    """Hosts at which people write comments under issues and pull requests (contract scm-api 10)."""

    async def head(self, source: Source, number: int) -> Head:
        """Where a pull request is at; NotFound without it."""
        ...

    async def acknowledge(self, source: Source, talk: Talk, comment: str) -> None:
        """Show eyes beside a comment; eyes that are there count as done, and so does a comment that is gone."""
        ...

    async def put_comment(self, source: Source, talk: Talk, known: str, reply: Reply) -> str:
        """Show a comment, and return its id at the host.

        `known` is that id from an earlier call, empty for a comment that is perhaps not there. A comment that somebody
        has removed counts as shown.
        """
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """What lies between two commits."""

    #: The oldest first; the newest `MOST_COMMITS` of them.
    commits: tuple[Commit, ...]
    #: The paths that differ, in order; a renamed file has both. Hosts leave out some of very many.
    paths: tuple[str, ...]


#: Commits of one comparison at most.
MOST_COMMITS = 250


@runtime_checkable
class Compares(Protocol):
    """Hosts that tell what commits have changed (contract scm-api 2). NotFound when there is no such commit."""

    async def compare(self, source: Source, before: str, after: str) -> Comparison:
        """The commits that `after` has and `before` has not, and the paths that differ. Both are whole ids."""
        ...

    async def changed(self, source: Source, sha: str) -> Sequence[str]:
        """The paths that one commit has changed, in order; a renamed file has both. `sha` is a whole id."""
        ...


@runtime_checkable
class Hooks(Protocol):
    """Hosts at which a webhook can be registered (contract scm-api 5)."""

    async def install_hook(self, source: Source, url: str, key: str) -> None:
        """Let the host send webhooks about a repository to `url`, signed with `key`, and remove older ones of ours."""
        ...

    async def remove_hook(self, source: Source, url: str) -> None:
        """Remove all webhooks to `url`; one that is not there counts as removed."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A repository, as the host lists it, with the rights of the caller (contract scm-api 6)."""

    #: The host's id, which stays when the repository is renamed.
    uid: str
    #: `namespace/name`; the namespace of a nested group has slashes.
    slug: str
    http_url: str
    ssh_url: str
    link: str
    default_branch: str
    #: `public`, `internal` or `private`.
    visibility: str
    archived: bool = False
    read: bool = True
    write: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """An account at a host. `uid` stays when the account is renamed."""

    uid: str
    login: str
    email: str = ""
    avatar: str = ""


@runtime_checkable
class Directory(Protocol):
    """Hosts that know accounts, and list the repositories of an account (contract scm-api 6)."""

    async def person(self, credential: Credential) -> Person:
        """The account that a credential belongs to; Unauthorized when the host does not take the credential."""
        ...

    async def organisations(self, credential: Credential) -> Sequence[str]:
        """The names of the organisations, or groups, of the account."""
        ...

    async def repositories(self, credential: Credential, tell: Callable[[int], None] = lambda _: None) -> list[Listed]:
        """All repositories that the account may see; `tell` is called with how many are known so far."""
        ...

    async def repository(self, credential: Credential, slug: str, uid: str = "") -> Listed:
        """One repository with the rights of the account; NotFound when it is not there, or hidden.

        With `uid` the repository of this id, whatever its slug is by now, if the host can be asked so: the answer has
        the id of the repository that was found.
        """
        ...


@runtime_checkable
class Organisations(Protocol):
    """Hosts that tell who administers a namespace (contract scm-api 6)."""

    async def administers(self, credential: Credential, namespace: str) -> bool:
        """Whether the namespace is that of the account, or of an organisation or group that the account administers."""
        ...


@dataclass(frozen=True, slots=True)
class Granted:
    """Tokens that a host gave to this server for an account."""

    token: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    #: Unix seconds; 0 for a token that does not expire.
    expires: int = 0


@runtime_checkable
class Logins(Protocol):
    """Hosts with OAuth2 (contract scm-api 7)."""

    def authorize_url(self, state: str, challenge: str, redirect: str) -> str:
        """The page of the host that asks the person. `challenge` is that of PKCE, S256."""
        ...

    async def exchange(self, code: str, verifier: str, redirect: str) -> Granted:
        """The tokens for a code; Unauthorized when the host refuses the code."""
        ...

    async def refreshed(self, refresh: str) -> Granted:
        """New tokens for a refresh token; Unauthorized when the host refuses the token."""
        ...


@runtime_checkable
class Passwords(Protocol):
    """Hosts without OAuth2, at which a person logs in with a password. The password is shown to the host alone."""

    async def token(self, login: str, password: str) -> Granted:
        """A new token of the account; Unauthorized when the host does not take the password.

        The host keeps each token until the person removes the token there: ask only if there is none that works.
        """
        ...


@runtime_checkable
class Clones(Protocol):
    """Hosts that know from where git clones, and how git shows a credential over https (contract scm-api 7.1)."""

    def clone_account(self, credential: Credential) -> Account:
        """The login and the password for git."""
        ...

    async def found(self, source: Source) -> Listed:
        """A repository as it is at the host now, a few seconds ago at most; NotFound without any.

        Unreadable (`another_repository`) when its name is another one's and the host cannot be asked by the id.
        """
        ...
