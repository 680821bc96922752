"""Repositories, rights and secrets."""

from dataclasses import dataclass
from typing import Literal

from app.scm.host import Source

Visibility = Literal["public", "private", "internal"]
Right = Literal["read", "write", "admin"]


@dataclass(frozen=True)
class Repo:
    """A repository (contract drone-rest 2.3). Times are Unix seconds, `timeout` is minutes."""

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
    #: Key of the signatures of deliveries, sealed. Never shown.
    signer: bytes = b""
    #: Key of the signatures of pipeline files, and of inline secrets; sealed. Shown only to runners.
    secret: bytes = b""
    #: Every number from this number up to `counter` is the number of a build.
    unbroken_from: int = 0
    #: The only names that the parameters of builds may have; empty: every name that is not reserved.
    parameters: tuple[str, ...] = ()
    #: Whether promotions and rollbacks are shown at the host as deployments.
    deployments: bool = True
    #: Seconds between two looks at the refs of a repository of plain git; 0: none.
    poll: int = 0
    #: Whether commits of a repository of plain git get notes about their builds, and tags for successful promotions.
    git_notes: bool = False
    git_tags: bool = False

    @property
    def slug(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def private(self) -> bool:
        """Whether only accounts with rights in the repository may read it."""
        return self.visibility == "private"


@dataclass(frozen=True, slots=True)
class Permissions:
    """The rights of one account in one repository."""

    read: bool = False
    write: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A named value for steps. `data` is the plain value: never shown, never logged.

    A secret belongs to one repository (then `namespace` is empty), or to all repositories of a namespace (then
    `repo_id` is 0).
    """

    id: int
    repo_id: int
    name: str
    data: str = ""
    #: Whether builds of pull requests get the secret.
    pull_request: bool = False
    #: Stored for Drone's clients and not used: only `pull_request` filters secrets (contract drone-rpc 4).
    pull_request_push: bool = False
    namespace: str = ""

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"


#: The columns of sealed keys; each name is also the purpose that the values of the column are sealed for.
SIGNER, SECRET = "repos.signer", "repos.secret"
SEALED = (SIGNER, SECRET)


def source(repo: Repo) -> Source:
    """The facts of a repository that its host needs.

    A repository that was registered by its address has its slug as its id until the host tells the id.
    """
    uid = repo.uid if repo.scm and "/" not in repo.uid else ""
    return Source(repo.id, repo.git_http_url or repo.git_ssh_url, repo.scm, uid=uid)
