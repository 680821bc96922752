"""The names of the fields of a build and a repository in each language (contract drone-yaml 14).

The server's own names are the keys of its API (contract drone-rest 2.3, 2.4).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.convert.gotemplate.values import Struct

#: The field's name in Go: the key of the API. The repository's keys for signatures and webhooks must never be added.
GO_BUILD = {
    "ID": "id",
    "RepoID": "repo_id",
    "Trigger": "trigger",
    "Number": "number",
    "Parent": "parent",
    "Status": "status",
    "Error": "error",
    "Event": "event",
    "Action": "action",
    "Link": "link",
    "Timestamp": "timestamp",
    "Title": "title",
    "Message": "message",
    "Before": "before",
    "After": "after",
    "Ref": "ref",
    "Fork": "source_repo",
    "Source": "source_branch",
    "Target": "target_branch",
    "Author": "author_login",
    "AuthorName": "author_name",
    "AuthorEmail": "author_email",
    "AuthorAvatar": "author_avatar",
    "Sender": "sender",
    "Params": "params",
    "Cron": "cron",
    "Deploy": "deploy_to",
    "DeployID": "deploy_id",
    "Debug": "debug",
    "Created": "created",
}
GO_REPO = {
    "ID": "id",
    "UID": "uid",
    "UserID": "user_id",
    "Namespace": "namespace",
    "Name": "name",
    "Slug": "slug",
    "SCM": "scm",
    "HTTPURL": "git_http_url",
    "SSHURL": "git_ssh_url",
    "Link": "link",
    "Branch": "default_branch",
    "Private": "private",
    "Visibility": "visibility",
    "Active": "active",
    "Config": "config_path",
    "Trusted": "trusted",
    "Protected": "protected",
    "IgnoreForks": "ignore_forks",
    "IgnorePulls": "ignore_pull_requests",
    "Timeout": "timeout",
}
#: The name in Starlark and Jsonnet: the key of the API.
SCRIPT_BUILD = {
    "event": "event",
    "action": "action",
    "cron": "cron",
    "environment": "deploy_to",
    "link": "link",
    "branch": "target_branch",
    "source": "source_branch",
    "before": "before",
    "after": "after",
    "target": "target_branch",
    "ref": "ref",
    "commit": "after",
    "title": "title",
    "message": "message",
    "source_repo": "source_repo",
    "author_login": "author_login",
    "author_name": "author_name",
    "author_email": "author_email",
    "author_avatar": "author_avatar",
    "sender": "sender",
    "debug": "debug",
}
SCRIPT_REPO = {
    "uid": "uid",
    "name": "name",
    "namespace": "namespace",
    "slug": "slug",
    "git_http_url": "git_http_url",
    "git_ssh_url": "git_ssh_url",
    "link": "link",
    "branch": "default_branch",
    "config": "config_path",
    "private": "private",
    "visibility": "visibility",
    "active": "active",
    "trusted": "trusted",
    "protected": "protected",
    "ignore_forks": "ignore_forks",
    "ignore_pull_requests": "ignore_pull_requests",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """The build and repository that a file can read, by the keys of the API; a missing key reads as the empty text."""

    build: Mapping[str, Any] = field(default_factory=dict)
    repo: Mapping[str, Any] = field(default_factory=dict)


def template(facts: Facts, data: Mapping[str, Any]) -> dict[str, Any]:
    """The value of `.` in a Go template."""
    build, repo = _named(GO_BUILD, facts.build), _named(GO_REPO, facts.repo)
    return {"build": Struct(build), "repo": Struct(repo), "input": data}


def starlark(facts: Facts, data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of `ctx`."""
    build, repo = _named(SCRIPT_BUILD, facts.build), _named(SCRIPT_REPO, facts.repo)
    return {"build": build | {"params": _params(facts)}, "repo": repo, "input": dict(data)}


def jsonnet(facts: Facts, data: Mapping[str, Any]) -> dict[str, str]:
    """The external variables: texts unchanged, other values as JSON, which std.parseJson reads."""
    named = {f"build.{name}": value for name, value in _named(SCRIPT_BUILD, facts.build).items()}
    named |= {f"build.param.{name}": value for name, value in _params(facts).items()}
    named |= {f"repo.{name}": value for name, value in _named(SCRIPT_REPO, facts.repo).items()}
    named |= {f"input.{name}": value for name, value in data.items()}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in named.items()}


def _params(facts: Facts) -> dict[str, Any]:
    return dict(facts.build.get("params") or {})


def _named(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values.get(ours, "") for name, ours in names.items()}
