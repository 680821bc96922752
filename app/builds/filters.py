"""What a caller may filter a list of builds by, and the part of the list that a query asks for."""

import re
from collections.abc import Mapping

from app.builds import lists
from app.db.tx import Tx
from app.db.window import Part, Window
from app.errors import Invalid, Problem
from app.repos.model import Repo
from app.web.route import Param

#: The form of the keys in cursors of a list of builds.
NUMBERS = r"\d{1,18}"
_COMMIT = "[0-9a-fA-F]{7,64}"
PARAMS = (
    Param("branch", "Only builds of this branch's ref."),
    Param("tag", "Only builds of this tag's ref; `branch` wins."),
    Param("event", f"Only builds of this event: {', '.join(lists.VALUES['event'])}."),
    Param(
        "status",
        f"Only builds with this status: {', '.join(lists.VALUES['status'])}. `blocked` are all builds that wait for "
        "approval; those are not among the `pending` ones.",
    ),
    Param("target", "Only promotions and rollbacks to this target."),
    Param(
        "by",
        "Only builds that this account began, or whose commit is this person's. They are looked for among "
        f"{lists.HISTORY:,} builds: a page may have fewer than asked for, or none, and another one follow.",
    ),
    Param("commit", "Only builds of the commit whose id begins with these 7 digits or more."),
)


def page(repo: Repo, query: Mapping[str, str], window: Window) -> Tx[Part[lists.Head]]:
    """A part of the builds that have what the query says, newest first. Invalid for what no build can have."""
    filters = _filters(query)
    if commit := query.get("commit"):
        filters["after_sha"] = (yield from lists.commit(repo.id, _digits(commit))) or commit
    return (yield from lists.page(repo, filters, window))


def _digits(commit: str) -> str:
    """The beginning of a commit's id, or all of it; Invalid when it is too short, or no id."""
    if not re.fullmatch(_COMMIT, commit):
        raise Invalid.of([Problem("commit", "bad_commit", "commit must be 7 to 64 hexadecimal digits")])
    return commit.lower()


def _filters(query: Mapping[str, str]) -> dict[str, str]:
    filters = {name: query[name] for name in lists.VALUES if query.get(name)}
    lists.check(filters)
    if target := query.get("target"):
        filters["deploy_to"] = target
    if by := query.get("by", "").strip():
        filters["by"] = by
    if branch := query.get("branch"):
        filters["ref"] = f"refs/heads/{branch}"
    elif tag := query.get("tag"):
        filters["ref"] = f"refs/tags/{tag}"
    return filters
