"""What the API of GitLab takes and answers, and Gantry's own values for it."""

import re
from typing import Any

from app.scm import answers
from app.scm.forge import Comparison, Deployment, Head, Listed, Person, Refused
from app.scm.host import Commit
from app.scm.webhooks import Registered

#: The states of commits (contract scm-api 3.2); what is not in the table has failed.
STATES = {
    "pending": "pending",
    "waiting_on_dependencies": "pending",
    "blocked": "pending",
    "running": "running",
    "success": "success",
    "failure": "failed",
    "error": "failed",
    "killed": "canceled",
    "declined": "canceled",
    "skipped": "skipped",
}
#: The states of deployments (contract scm-api 4.3), empty for those that GitLab does not show.
DEPLOYMENTS = {
    "pending": "",
    "waiting_on_dependencies": "",
    "blocked": "",
    "running": "running",
    "success": "success",
    "failure": "failed",
    "error": "failed",
    "killed": "canceled",
    "declined": "canceled",
    "skipped": "canceled",
}
_TRANSITION = re.compile(r"cannot transition", re.IGNORECASE)
#: The levels of access from which an account may write, and administer (contract scm-api 6).
_WRITES, MAINTAINER = 30, 40


def is_transition(error: Refused) -> bool:
    """Whether GitLab refused to repeat a state, or to go back to an earlier one."""
    return error.status in {400, 409, 422} and _TRANSITION.search(error.message) is not None


def short_ref(ref: str) -> str:
    """The name of a branch or a tag, as GitLab's statuses and deployments have it."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def deployment(wanted: Deployment, state: str) -> dict[str, Any]:
    """A new deployment. One whose ref is not known is of its commit."""
    return {
        "environment": wanted.environment,
        "sha": wanted.sha,
        "ref": short_ref(wanted.ref) or wanted.sha,
        "tag": wanted.ref.startswith("refs/tags/"),
        "status": state,
    }


def commit(found: Any) -> Commit:
    """A commit. GitLab names no account."""
    return Commit(
        sha=str(found["id"]),
        message=answers.text(found.get("message")),
        author_login="",
        author_name=answers.text(found.get("author_name")),
        author_email=answers.text(found.get("author_email")),
        timestamp=answers.seconds(found.get("committed_date") or found.get("authored_date")),
    )


def comparison(found: Any) -> Comparison:
    """What lies between two commits; GitLab gives the oldest first."""
    commits = [commit(one) for one in found["commits"]]
    return Comparison(tuple(commits), answers.paths(change(one) for one in found.get("diffs") or ()))


def change(found: Any) -> tuple[Any, Any]:
    """The new and the old path of a change."""
    return found["new_path"], found.get("old_path")


def entry(found: Any) -> tuple[str, str]:
    """Name and mode of an entry of a tree."""
    return str(found["name"]), str(found["mode"])


def tag(found: Any) -> tuple[str, str]:
    """The name of a tag, and the id of its object."""
    return str(found["name"]), str(found["target"])


def registered(found: Any) -> Registered:
    """A webhook of a project."""
    return Registered(answers.ident(found), answers.text(found.get("url")))


def note(found: Any) -> tuple[str, str]:
    """Id and text of a comment."""
    return answers.ident(found), answers.text(found.get("body"))


def merge_request(found: Any) -> Head:
    """Where a merge request is at; one whose source is gone is one of a fork."""
    fork = found["source_project_id"] != found["target_project_id"]
    return Head(str(found["sha"]), fork, found["state"] != "opened")


def person(found: Any) -> Person:
    """An account."""
    return Person(
        answers.ident(found),
        answers.text(found["username"]),
        answers.text(found.get("email")),
        answers.text(found.get("avatar_url")),
    )


def listed(found: Any) -> Listed:
    """A project, with the rights that its own members and those of its group have."""
    rights = found.get("permissions") or {}
    granted = [rights.get(name) or {} for name in ("project_access", "group_access")]
    level = max(int(one.get("access_level") or 0) for one in granted)
    return Listed(
        uid=answers.ident(found),
        slug=f"{answers.text(found['namespace']['full_path'])}/{answers.text(found['path'])}",
        http_url=answers.text(found.get("http_url_to_repo")),
        ssh_url=answers.text(found.get("ssh_url_to_repo")),
        link=answers.text(found.get("web_url")),
        default_branch=answers.text(found.get("default_branch")),
        visibility=answers.text(found.get("visibility")) or "private",
        archived=bool(found.get("archived")),
        write=level >= _WRITES,
        admin=level >= MAINTAINER,
    )
