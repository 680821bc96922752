"""Repositories as clients read them (`spec` drone-rest 2.3, in its order of keys)."""

from typing import Any

from app.repos.model import Permissions, Repo

_FIRST = ("id", "uid", "user_id", "namespace", "name", "slug", "scm", "git_http_url", "git_ssh_url", "link")
_SECOND = (
    "default_branch",
    "private",
    "visibility",
    "active",
    "config_path",
    "trusted",
    "protected",
    "ignore_forks",
    "ignore_pull_requests",
    "auto_cancel_pull_requests",
    "auto_cancel_pushes",
    "auto_cancel_running",
    "timeout",
)
_LAST = ("counter", "synced", "created", "updated", "version")


def repo_json(
    repo: Repo, *, build: dict[str, Any] | None = None, permissions: Permissions | None = None
) -> dict[str, Any]:
    """A repository; with a build of it, or with the caller's rights, where the route says so."""
    body = {key: getattr(repo, key) for key in (*_FIRST, *_SECOND)}
    if repo.throttle:
        body["throttle"] = repo.throttle
    body |= {key: getattr(repo, key) for key in _LAST}
    if build is not None:
        body["build"] = build
    if permissions is not None:
        body["permissions"] = permissions_json(permissions)
    body["archived"] = False
    return body


def permissions_json(rights: Permissions) -> dict[str, bool]:
    """Rights of one account."""
    return {"read": rights.read, "write": rights.write, "admin": rights.admin}
