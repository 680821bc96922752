"""What a repository is, and what an account may do in it."""

from dataclasses import dataclass
from typing import Literal

from app.scm.host import Source

Visibility = Literal["public", "private", "internal"]
Right = Literal["read", "write", "admin"]


@dataclass(frozen=True)
class Repo:
    """A git project (contract drone-rest 2.3). Times are Unix seconds, `timeout` is minutes."""

    id: int
    namespace: str
    name: str
    uid: str = ""
    user_id: int = 0
    scm: str = ""
    git_http_url: str = ""
    git_ssh_url: str = ""
    link: str = ""
    default_branch: str = ""
    visibility: Visibility = "private"
    active: bool = False
    config_path: str = ".drone.yml"
    trusted: bool = False
    protected: bool = False
    ignore_forks: bool = False
    ignore_pull_requests: bool = False
    auto_cancel_pull_requests: bool = False
    auto_cancel_pushes: bool = False
    auto_cancel_running: bool = False
    timeout: int = 60
    throttle: int = 0
    counter: int = 0
    synced: int = 0
    created: int = 0
    updated: int = 0
    version: int = 1
    #: Key of incoming hooks, sealed. Never rendered.
    signer: bytes = b""
    #: Key of signatures and inline secrets, sealed. Only runners are told.
    secret: bytes = b""
    #: From this number up to the counter every number is a build's.
    unbroken_from: int = 0

    @property
    def slug(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def private(self) -> bool:
        """Whether strangers are kept out."""
        return self.visibility == "private"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What one account may do in one repository."""

    read: bool = False
    write: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A named value for steps, opened: never rendered, never logged.

    It is one repository's, or of a namespace for all its repositories; the other of the two is 0 or empty.
    """

    id: int
    repo_id: int
    name: str
    data: str = ""
    #: Whether builds of pull requests get it.
    pull_request: bool = False
    #: Kept for Drone's clients; nothing depends on it (contract drone-rpc 4 filters by the other alone).
    pull_request_push: bool = False
    namespace: str = ""

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"


#: Columns of sealed keys, and what their values are sealed for.
SIGNER, SECRET = "repos.signer", "repos.secret"
SEALED = (SIGNER, SECRET)


def source(repo: Repo) -> Source:
    """What the git room needs to know of a repository."""
    return Source(repo.id, repo.git_http_url or repo.git_ssh_url, repo.scm)
