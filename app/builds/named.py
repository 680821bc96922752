"""The commit that a caller names by a branch, a tag or an id, where no build of the commit is asked for."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from app.builds import flow, requests
from app.builds.model import Build
from app.builds.ports import Ports
from app.builds.requests import Once
from app.db.tx import Tx
from app.errors import Invalid, NotFound, Problem
from app.evolve import evolve
from app.moments import Actor
from app.repos.model import Repo, source
from app.scm import refs
from app.scm.host import Commit

Kind = Literal["branch", "tag", "commit"]
KINDS: tuple[Kind, ...] = ("branch", "tag", "commit")


class Name(NamedTuple):
    """What a commit is called: a branch or a tag, also as a full ref, or an id of seven digits or more."""

    kind: Kind
    text: str


def read(words: Mapping[str, str]) -> Name:
    """The one name that is given; an empty text is none. Invalid unless there is exactly one."""
    given = [Name(kind, words[kind]) for kind in KINDS if words.get(kind)]
    if len(given) == 1:
        return given[0]
    if not given:
        raise Invalid.of([Problem("branch", "missing_ref", "say what is promoted: one of branch, tag and commit")])
    *others, last = (name.kind for name in given)
    message = f"{', '.join(others)} and {last} are given: say only one of branch, tag and commit"
    raise Invalid.of([Problem(last, "ambiguous_ref", message)])


async def promote(
    ports: Ports,
    repo: Repo,
    name: Name,
    *,
    target: str,
    by: Actor,
    params: Mapping[str, str],
    claim: Tx[None] | None = None,
    once: Once | None = None,
) -> Build:
    """Promote the commit of a name to a target, whether the commit has a build or not. Errors of both verbs.

    `claim` and `once` as in `flow.start`: the name of a request that has a build is not looked up again.
    """
    if made := await requests.known(ports, repo, once):
        return made
    known = await draft(ports, repo, name, by)
    return await flow.promote(ports, repo, known, target=target, by=by, params=params, claim=claim, once=once)


async def draft(ports: Ports, repo: Repo, name: Name, by: Actor) -> Build:
    """A draft of the commit, without a number, for a build that an actor asks for. Invalid, NotFound, Unreadable.

    A tag is of no branch, as where a tag is pushed; a commit counts as one of the default branch, as in `flow.create`.
    """
    ref, branch = _place(repo, name)
    found = await _find(ports, repo, name, ref)
    known = flow.draft_of(repo, found)
    return evolve(known, sender=by.name, before=found.sha, ref=ref, source_branch=branch, target_branch=branch)


def _place(repo: Repo, name: Name) -> tuple[str, str]:
    """The ref and the branch that a build of the commit has."""
    if name.kind == "tag":
        return f"refs/tags/{name.text.removeprefix('refs/tags/')}", ""
    branch = name.text.removeprefix("refs/heads/") if name.kind == "branch" else repo.default_branch
    return f"refs/heads/{branch}", branch


async def _find(ports: Ports, repo: Repo, name: Name, ref: str) -> Commit:
    if name.kind == "branch":
        return await ports.hosts.branch(source(repo), ref.removeprefix("refs/heads/"))
    if name.kind == "tag":
        return await _tagged(ports, repo, ref)
    text, sha = name.text[:80], name.text.lower()
    if not (refs.is_full_id(sha) or refs.is_short_id(sha)):
        words = f"commit {text!r} is no id of 7 digits or more: say branch={text} or tag={text}"
        raise Invalid.of([Problem("commit", "invalid", words)])
    found = await ports.hosts.commit(source(repo), sha)
    if not found.sha.startswith(sha):  # hosts look for branches and tags of this name, too
        raise NotFound(f"commit {sha} not found")
    return found


async def _tagged(ports: Ports, repo: Repo, ref: str) -> Commit:
    tag = ref.removeprefix("refs/tags/")
    refs.check("tag", tag)
    try:
        return await ports.hosts.commit(source(repo), ref)
    except NotFound:
        raise NotFound(f"tag {tag} not found") from None
