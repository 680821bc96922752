"""The SQL of what changes a repository that is there: settings, owner, and its end."""

from collections.abc import Mapping
from typing import Any

from app.db.tx import Row, Tx, one, run
from app.errors import Invalid, NotFound, Problem
from app.repos import store
from app.repos.model import Repo

#: What an administrator of a repository may set.
SETTINGS = (
    "visibility",
    "config_path",
    "protected",
    "ignore_forks",
    "ignore_pull_requests",
    "auto_cancel_pull_requests",
    "auto_cancel_pushes",
    "auto_cancel_running",
)
#: What only an administrator of the server may set.
SYSTEM_SETTINGS = ("trusted", "timeout", "throttle", "counter")
#: No build number is given twice: the counter never goes back.
UPDATE = """
    UPDATE repos SET visibility = coalesce(:visibility, visibility), config_path = coalesce(:config_path, config_path),
        protected = coalesce(:protected, protected), ignore_forks = coalesce(:ignore_forks, ignore_forks),
        ignore_pull_requests = coalesce(:ignore_pull_requests, ignore_pull_requests),
        auto_cancel_pull_requests = coalesce(:auto_cancel_pull_requests, auto_cancel_pull_requests),
        auto_cancel_pushes = coalesce(:auto_cancel_pushes, auto_cancel_pushes),
        auto_cancel_running = coalesce(:auto_cancel_running, auto_cancel_running),
        trusted = coalesce(:trusted, trusted), timeout = coalesce(:timeout, timeout),
        throttle = coalesce(:throttle, throttle), counter = coalesce(:counter, counter),
        unbroken_from = CASE WHEN counter < :counter THEN :counter + 1 ELSE unbroken_from END,
        updated = :now, version = version + 1
    WHERE id = :id AND counter <= coalesce(:counter, counter) RETURNING *
"""
ENABLE = """
    UPDATE repos SET active = TRUE, user_id = :user_id, timeout = CASE WHEN timeout = 0 THEN 60 ELSE timeout END,
        config_path = CASE WHEN config_path = '' THEN '.drone.yml' ELSE config_path END,
        updated = :now, version = version + 1
    WHERE id = :id AND EXISTS (SELECT 1 FROM users WHERE users.id = :user_id) RETURNING *
"""
CHOWN = """
    UPDATE repos SET user_id = :user_id, updated = :now, version = version + 1
    WHERE id = :id AND EXISTS (SELECT 1 FROM users WHERE users.id = :user_id) RETURNING *
"""
DISABLE = "UPDATE repos SET active = FALSE, updated = :now, version = version + 1 WHERE id = :id RETURNING *"
SET_BRANCH = """
    UPDATE repos SET default_branch = :branch, synced = :now, updated = :now, version = version + 1
    WHERE id = :id RETURNING *
"""
#: Changes nothing and holds the row until the transaction ends.
LOCK = "UPDATE repos SET version = version WHERE id = :id RETURNING *"
HAND_OVER = """
    UPDATE repos SET updated = :now, version = version + 1, user_id = coalesce((
        SELECT min(users.id) FROM permissions JOIN users ON users.id = permissions.user_id
        WHERE permissions.repo_id = repos.id AND can_admin AND users.active AND users.id <> :user_id
    ), 0)
    WHERE user_id = :user_id
"""
RETIRE = """
    INSERT INTO retired (namespace, name, counter) VALUES (:namespace, :name, :counter)
    ON CONFLICT (namespace, name) DO UPDATE SET counter = excluded.counter
"""
DELETE = "DELETE FROM repos WHERE id = :id"


def lock(repo_id: int) -> Tx[Repo]:
    """The repository as it is once nobody else changes it. NotFound."""
    return _found((yield from one(LOCK, id=repo_id)))


def update(repo_id: int, settings: Mapping[str, Any], now: int) -> Tx[Repo]:
    """Set what is given of SETTINGS and SYSTEM_SETTINGS; what is absent stays.

    NotFound, or Invalid for a counter below the number of a build that was given already.
    """
    values = {name: settings.get(name) for name in (*SETTINGS, *SYSTEM_SETTINGS)}
    row = yield from one(UPDATE, id=repo_id, now=now, **values)
    if row is None:
        raise _taken((yield from store.find(repo_id)))
    return store.made(row)


def _taken(repo: Repo) -> Invalid:
    words = f"counter: must be at least {repo.counter}: up to there numbers were given, and none is given twice"
    return Invalid.of([Problem("counter", "counter_goes_back", words)])


def enable(repo_id: int, user_id: int, now: int) -> Tx[Repo]:
    """Build what is pushed from now on; who enables it owns it. NotFound."""
    return _found((yield from one(ENABLE, id=repo_id, user_id=user_id, now=now)))


def disable(repo_id: int, now: int) -> Tx[Repo]:
    """Build no pushes any more. The row stays locked until the transaction ends. NotFound."""
    return _found((yield from one(DISABLE, id=repo_id, now=now)))


def chown(repo_id: int, user_id: int, now: int) -> Tx[Repo]:
    """Give it another owner, who may lack rights in it as yet. NotFound."""
    return _found((yield from one(CHOWN, id=repo_id, user_id=user_id, now=now)))


def set_branch(repo_id: int, branch: str, now: int) -> Tx[Repo]:
    """Take the default branch that the host names. NotFound."""
    return _found((yield from one(SET_BRANCH, id=repo_id, branch=branch, now=now)))


def hand_over(user_id: int, now: int) -> Tx[None]:
    """Give what an account owns to the first other active account that administers it, or to nobody (0)."""
    yield from run(HAND_OVER, user_id=user_id, now=now)


def delete(repo: Repo) -> Tx[None]:
    """Remove a repository that this transaction has locked, with all that is kept of it; its numbers stay taken."""
    yield from run(RETIRE, namespace=repo.namespace, name=repo.name, counter=repo.counter)
    yield from run(DELETE, id=repo.id)


def _found(row: Row | None) -> Repo:
    if row is None:
        raise NotFound
    return store.made(row)
