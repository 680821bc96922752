"""What a promotion begins from: a build, or the commit that a branch, a tag or an id names."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

import click

from app.cli.remote.client import Client, Json, Refused
from app.cli.terminal.options import LAST, repo_path
from app.errors import NotFound
from app.scm.refs import is_full_id, is_short_id

Kind = Literal["branch", "tag", "commit"]
KINDS: tuple[Kind, ...] = ("branch", "tag", "commit")
_REFS: dict[str, Kind] = {"refs/heads/": "branch", "refs/tags/": "tag"}
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """A commit by its name, and what the name may be of, in the order in which hosts look for it."""

    name: str
    kinds: tuple[Kind, ...]


#: The number of a build, or LAST; or a commit.
Origin: TypeAlias = int | Named


def origin(value: str) -> Origin:
    """A build's number or `last`; else a branch, a tag or a commit.

    `branch:NAME`, `tag:NAME` and `commit:ID` say which; so do a full ref and a whole id.
    """
    if value == "last":
        return LAST
    if _NUMBER.fullmatch(value):
        return int(value)
    if (named := _named(value)) is None:
        raise click.BadParameter(
            f"{value!r} is neither a build nor a branch, tag or commit: write a build's number, last, a branch, a tag, "
            "7 digits or more of a commit's id; or which of them it is, as in tag:v1.2 or commit:5fcb01b"
        )
    return named


def _named(value: str) -> Named | None:
    kind, colon, name = value.partition(":")
    if colon:  # no name of a branch or a tag has a colon
        found = next((Named(name, (one,)) for one in KINDS if one == kind and name), None)
        return found if found is None or kind != "commit" or _is_id(name) else None
    if not value or re.search(r"\s", value):
        return None
    for prefix, of in _REFS.items():
        if value.startswith(prefix):
            return Named(value.removeprefix(prefix), (of,))
    if is_full_id(value.lower()):
        return Named(value, ("commit",))
    return Named(value, KINDS if _is_id(value) else ("branch", "tag"))


def _is_id(text: str) -> bool:
    return is_full_id(text.lower()) or is_short_id(text.lower())


def promote(client: Client, slug: str, begin: Origin, query: Json) -> Json | None:
    """Promote a build or a commit; the server's answer. NotFound when nothing of the repository has this name."""
    if isinstance(begin, int):
        number = begin or client.record("GET", repo_path(slug, "builds", "latest"))["number"]
        answer: Json | None = client.call("POST", repo_path(slug, "builds", number, "promote"), query=query)
        return answer
    for kind in begin.kinds:
        try:
            answer = client.call("POST", repo_path(slug, "promote"), query={**query, kind: begin.name})
        except Refused as refused:
            if refused.status != 404 or len(begin.kinds) == 1:
                raise
        else:
            return answer
    client.record("GET", repo_path(slug))  # refused, if it is the repository that is not there
    *others, last = begin.kinds
    raise NotFound(f"{slug} has no {', '.join(others)} or {last} {begin.name!r}")
