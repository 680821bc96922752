"""What its administrators do to a repository, by the API and by pages: each change with its record."""

from dataclasses import replace
from functools import partial

from app.accounts.model import User
from app.db.tx import Tx
from app.errors import Conflict, Invalid, Problem
from app.repos import flow, hooks, keys, moments, settings, store
from app.repos.access import Access, State
from app.repos.input import RepoChanges
from app.repos.keys import Rotated
from app.repos.model import SIGNER, Permissions, Repo


async def update(state: State, found: Access, patch: RepoChanges, seen: str = "") -> Repo:
    """Change settings; those for administrators of the server are ignored when others send them.

    `seen` is the `settings.edition` that the caller has seen: Conflict when the settings are others by now. Invalid for
    a counter that goes back, and for settings of plain git in a repository of a host.
    """
    _refuse_of_plain_git(found.repo, patch)
    mine = settings.SETTINGS + (settings.SYSTEM_SETTINGS if found.is_system else ())
    changed = settings.update(found.repo.id, patch.model_dump(include=set(mine)), state["now"]())
    return await _write(state, found, "repo.update", _as_seen(found.repo.id, seen, changed) if seen else changed)


def _as_seen(repo_id: int, seen: str, tx: Tx[Repo]) -> Tx[Repo]:
    if settings.edition((yield from settings.lock(repo_id))) != seen:
        words = "somebody has changed the settings since this form was shown: nothing is changed"
        raise Conflict(words, code="settings_changed")
    return (yield from tx)


def _refuse_of_plain_git(repo: Repo, patch: RepoChanges) -> None:
    """Invalid for settings of plain git in a repository of a host, which sends webhooks and shows statuses."""
    if repo.scm and (given := [name for name in settings.PLAIN_GIT if getattr(patch, name)]):
        words = f"is for repositories of plain git; this one is at {repo.scm}"
        raise Invalid.of([Problem(name, "not_plain_git", f"{name} {words}") for name in given])


async def enable(state: State, found: Access) -> Repo:
    """Let pushes be built from now on; the caller becomes the owner.

    First the webhook is registered at the repository's host: Unreadable or Unavailable where that fails.
    """
    await hooks.install(state["hosts"], state["seal"], found.repo, state["public_url"], found.user_id)
    enabled = settings.enable(found.repo.id, found.user_id, state["now"]())
    return await _write(state, found, "repo.enable", enabled)


async def disable(state: State, found: Access) -> Repo:
    """Let pushes be built no longer. The webhook at the host is removed."""
    await hooks.remove(state["hosts"], found.repo, state["public_url"], found.user_id)
    return await _write(state, found, "repo.disable", settings.disable(found.repo.id, state["now"]()))


async def chown(state: State, found: Access) -> Repo:
    """Make the caller the owner."""
    return await _write(state, found, "repo.chown", settings.chown(found.repo.id, found.user_id, state["now"]()))


async def repair(state: State, found: Access) -> Repo:
    """Ask the host again for the default branch, and register the webhook of an enabled repository anew.

    NotFound, Unreadable or Unavailable.
    """
    if found.repo.active:
        await hooks.install(state["hosts"], state["seal"], found.repo, state["public_url"], found.user_id)
    recorded = partial(_changing, state, found, "repo.repair")
    return await flow.repair(state["db"], state["hosts"], found.repo, state["now"](), recorded)


async def rotate_key(state: State, found: Access) -> Rotated:
    """Make another key that signs the deliveries of the repository, and set it at the host of an enabled one.

    Where the host refuses or is away (Unreadable, Unavailable), the key stays. Conflict when somebody else exchanges
    the key at the same time.
    """
    db, seal, now, repo = state["db"], state["seal"], state["now"](), found.repo
    key = state["new_key"]()
    signer, former = seal.seal(key, SIGNER), b""
    if repo.signer:
        former = seal.seal(seal.open(repo.signer, SIGNER), keys.KEY)
    await db.write(keys.allow(repo.id, seal.seal(key, keys.KEY), now))
    at_host = False
    if repo.active:
        renewed = replace(repo, signer=signer)
        at_host = await hooks.install(state["hosts"], seal, renewed, state["public_url"], found.user_id)
    exchanging = keys.exchange(repo, signer, former, now)
    await db.write(state["recorders"].recorded(exchanging, partial(moments.key_rotated, found.by)))
    return Rotated(key, at_host, now + keys.OVERLAP)


async def set_rights(
    state: State, found: Access, user: User, rights: Permissions, seen: Permissions | None = None
) -> None:
    """Give an account exactly these rights; no rights take its rights away.

    Conflict when the rights are not those that the caller has `seen`.
    """
    repo = found.repo
    if rights == Permissions():
        tx = store.revoke(repo.id, user)
    else:
        tx = store.grant(repo.id, user.id, rights, state["now"]())
    if seen is not None:
        tx = _from(repo, user, seen, tx)
    await state["db"].write(moments.setting_rights(state["recorders"], found.by, repo, user.id, user.login, rights, tx))


def _from(repo: Repo, user: User, seen: Permissions, tx: Tx[None]) -> Tx[None]:
    yield from settings.lock(repo.id)
    if ((yield from store.permissions(user.id, repo.id)) or Permissions()) != seen:
        words = f"somebody has changed the rights of {user.login} since this page was shown: nothing is changed"
        raise Conflict(words, code="rights_changed")
    yield from tx


async def _write(state: State, found: Access, verb: str, tx: Tx[Repo]) -> Repo:
    written: Repo = await state["db"].write(_changing(state, found, verb, tx))
    return written


def _changing(state: State, found: Access, verb: str, tx: Tx[Repo]) -> Tx[Repo]:
    """A transaction that changes the repository and records the change."""
    return moments.changing(state["recorders"], verb, found.by, found.repo.id, tx)
