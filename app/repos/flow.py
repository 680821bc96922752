"""Registering repositories, and asking their hosts for the default branch."""

from collections.abc import Callable, Collection

from app.accounts.model import User
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Invalid, Problem, Unreadable
from app.repos import settings, store
from app.repos.input import check_name
from app.repos.model import SECRET, SIGNER, Repo, Visibility, source
from app.repos.reserved import check as check_reserved
from app.scm import refs
from app.scm.forge import Directory
from app.scm.host import Host, Source
from app.scm.hosts import Hosts
from app.sealing.seal import Seal


async def register(
    db: Database,
    hosts: Hosts,
    seal: Seal,
    *,
    owner: User,
    namespace: str,
    name: str,
    url: str,
    default_branch: str,
    config_path: str,
    visibility: Visibility,
    reserved: Collection[str],
    public_url: str,
    new_key: Callable[[], str],
    now: int,
    recorded: Callable[[Tx[Repo]], Tx[Repo]],
) -> Repo:
    """Register and enable a repository at the host that serves its address (contract scm-api 9).

    `reserved` are the words that no namespace may begin with. `recorded` adds the record of the change to a
    transaction. Without `default_branch`, the host is asked for the default branch of the repository. Invalid,
    Conflict, or Unreadable when the host is asked and does not answer.
    """
    host = hosts.at(url)
    if isinstance(host, Directory):
        words = (
            f"is at {host.name}, whose repositories are listed, not registered: synchronise them, then enable this one"
        )
        raise Invalid.of([Problem("git_http_url", "listed_host", f"git_http_url {words} (gantry repo sync)")])
    _check(host, namespace, name, url, default_branch, reserved)
    branch = default_branch or await _default_branch(host, url)
    slug = f"{namespace}/{name}"
    repo = Repo(
        id=0,
        namespace=namespace,
        name=name,
        uid=slug,
        user_id=owner.id,
        scm=host.name,
        git_http_url=url,
        link=url.removesuffix(".git") if url.startswith("https://") else f"{public_url}/{slug}",
        default_branch=branch,
        visibility=visibility,
        active=True,
        config_path=config_path,
        synced=now,
        created=now,
        updated=now,
        signer=seal.seal(new_key(), SIGNER),
        secret=seal.seal(new_key(), SECRET),
    )
    return await db.write(recorded(store.create(repo)))


async def _default_branch(host: Host, url: str) -> str:
    """The default branch that the host of a repository names, who knows no credentials of this repository yet."""
    try:
        return await host.default_branch(Source(0, url, host.name))
    except Unreadable as error:
        if url.startswith("file:") or error.code != "repository_unreachable":
            raise
        words = "a private repository is registered with its default branch first (--branch), then gets its credentials"
        raise Unreadable(f"{error.message}; {words}", code=error.code) from error


async def repair(db: Database, hosts: Hosts, repo: Repo, now: int, recorded: Callable[[Tx[Repo]], Tx[Repo]]) -> Repo:
    """Ask the host for the default branch again and store the answer. NotFound, Unreadable or Unavailable."""
    branch = await hosts.default_branch(source(repo))
    return await db.write(recorded(settings.set_branch(repo.id, branch, now)))


def _check(host: Host, namespace: str, name: str, url: str, branch: str, words: Collection[str]) -> None:
    checked = (
        check_name("namespace", namespace) or check_reserved(namespace, words),
        check_name("name", name),
        _check_branch(branch),
    )
    problems = [problem for problem in checked if problem]
    try:
        host.check_url(url)
    except Invalid as bad:
        problems += bad.problems
    if problems:
        raise Invalid.of(problems)


def _check_branch(name: str) -> Problem | None:
    broken = refs.problem(name) if name else None
    return Problem("default_branch", "bad_branch", f"default_branch {broken}") if broken else None
