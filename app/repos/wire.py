"""Repositories as clients read them (contract drone-rest 2.3, in its order of keys)."""

from collections.abc import Sequence
from typing import Any, NotRequired

from typing_extensions import TypedDict

from app.repos.model import Permissions, Repo, Visibility


class PermissionsJSON(TypedDict):
    """What an account may do in a repository."""

    read: bool
    write: bool
    admin: bool


class CollaboratorJSON(TypedDict):
    """Somebody with rights; `repo_id` is the repository's `uid`."""

    user_id: int
    repo_id: str
    login: str
    avatar: str
    read: bool
    write: bool
    admin: bool
    synced: int
    created: int
    updated: int


class HookJSON(TypedDict):
    """Where a push is told, and the key that signs it."""

    url: str
    key: str


class RotatedJSON(HookJSON):
    """A new key. `at_host`: the repository's host has it already; else the hook must get it until the time `until`.

    Until then, in Unix seconds, the key before counts, too.
    """

    at_host: bool
    until: int


class RepoJSON(TypedDict):
    """A repository. `timeout` is minutes; `permissions` only where the route says so.

    Ours are `parameters`, the only names that parameters may have, where there are any; `deployments`, which is false
    where promotions are not shown at the host as deployments; `workflow_deployments`, which is true where deployments
    promote that a workflow of the host made; and of plain git, where they are set, `poll` (seconds), `git_notes` and
    `git_tags`.
    """

    id: int
    uid: str
    user_id: int
    namespace: str
    name: str
    slug: str
    scm: str
    git_http_url: str
    git_ssh_url: str
    link: str
    default_branch: str
    private: bool
    visibility: Visibility
    active: bool
    config_path: str
    trusted: bool
    protected: bool
    ignore_forks: bool
    ignore_pull_requests: bool
    auto_cancel_pull_requests: bool
    auto_cancel_pushes: bool
    auto_cancel_running: bool
    parameters: NotRequired[Sequence[str]]
    deployments: NotRequired[bool]
    poll: NotRequired[int]
    git_notes: NotRequired[bool]
    git_tags: NotRequired[bool]
    workflow_deployments: NotRequired[bool]
    timeout: int
    throttle: NotRequired[int]
    counter: int
    synced: int
    created: int
    updated: int
    version: int
    permissions: NotRequired[PermissionsJSON]
    archived: bool


_BEFORE = tuple(key for key in RepoJSON.__annotations__ if key not in ("permissions", "archived"))


def repo_json(repo: Repo, *, permissions: Permissions | None = None) -> RepoJSON:
    """The JSON of a repository; with the caller's rights if they are given."""
    body: Any = {key: getattr(repo, key) for key in _BEFORE}
    for key in ("throttle", "parameters", "poll", "git_notes", "git_tags", "workflow_deployments"):
        if not body[key]:
            del body[key]
    if repo.deployments:
        del body["deployments"]
    if permissions is not None:
        body["permissions"] = permissions_json(permissions)
    body["archived"] = False
    made: RepoJSON = body
    return made


def permissions_json(rights: Permissions) -> PermissionsJSON:
    """The JSON of the rights of one account."""
    return PermissionsJSON(read=rights.read, write=rights.write, admin=rights.admin)
