"""The SQL of changes of a registered repository: its settings, its owner, and its removal."""

import hashlib
from collections.abc import Mapping
from typing import Any

from app.db.tx import Row, Tx, one, run
from app.errors import Invalid, NotFound, Problem
from app.repos import polls, store
from app.repos.model import Repo

#: The settings that an administrator of the repository may change.
SETTINGS = (
    "visibility",
    "config_path",
    "protected",
    "ignore_forks",
    "ignore_pull_requests",
    "auto_cancel_pull_requests",
    "auto_cancel_pushes",
    "auto_cancel_running",
    "parameters",
    "deployments",
    "poll",
    "git_notes",
    "git_tags",
    "workflow_deployments",
)
#: Of these, the settings of repositories of plain git alone.
PLAIN_GIT = ("poll", "git_notes", "git_tags")
#: The settings that only an administrator of the server may change.
SYSTEM_SETTINGS = ("trusted", "timeout", "throttle", "counter")
#: The counter never goes back, so that no build number is given twice.
UPDATE = """
    UPDATE repos SET visibility = coalesce(:visibility, visibility), config_path = coalesce(:config_path, config_path),
        protected = coalesce(:protected, protected), ignore_forks = coalesce(:ignore_forks, ignore_forks),
        ignore_pull_requests = coalesce(:ignore_pull_requests, ignore_pull_requests),
        auto_cancel_pull_requests = coalesce(:auto_cancel_pull_requests, auto_cancel_pull_requests),
        auto_cancel_pushes = coalesce(:auto_cancel_pushes, auto_cancel_pushes),
        auto_cancel_running = coalesce(:auto_cancel_running, auto_cancel_running),
        parameters = coalesce(:parameters, parameters), deployments = coalesce(:deployments, deployments),
        poll = coalesce(:poll, poll), git_notes = coalesce(:git_notes, git_notes),
        git_tags = coalesce(:git_tags, git_tags),
        workflow_deployments = coalesce(:workflow_deployments, workflow_deployments),
        trusted = coalesce(:trusted, trusted), timeout = coalesce(:timeout, timeout),
        throttle = coalesce(:throttle, throttle),
        counter = coalesce(:counter, counter),
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
#: Changes nothing, and locks the row until the transaction ends.
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


def edition(repo: Repo) -> str:
    """A digest of all settings of a repository but the counter, which every build changes: equal for equal settings."""
    values = [getattr(repo, name) for name in (*SETTINGS, *SYSTEM_SETTINGS) if name != "counter"]
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def lock(repo_id: int) -> Tx[Repo]:
    """Lock a repository until the transaction ends, and return it as it is then. NotFound."""
    return _found((yield from one(LOCK, id=repo_id)))


def update(repo_id: int, settings: Mapping[str, Any], now: int) -> Tx[Repo]:
    """Change the given settings of SETTINGS and SYSTEM_SETTINGS; absent settings are not changed.

    NotFound, or Invalid for a counter below a build number that was given already.
    """
    values = {name: settings.get(name) for name in (*SETTINGS, *SYSTEM_SETTINGS)}
    if values["parameters"] is not None:
        values["parameters"] = store.PARAMETERS[0](values["parameters"])
    row = yield from one(UPDATE, id=repo_id, now=now, **values)
    if row is None:
        raise _taken((yield from store.find(repo_id)))
    if values["poll"] is not None:
        yield from polls.set_interval(repo_id, values["poll"], now)
    return store.made(row)


def _taken(repo: Repo) -> Invalid:
    words = f"counter: must be at least {repo.counter}: up to there numbers were given, and none is given twice"
    return Invalid.of([Problem("counter", "counter_goes_back", words)])


def enable(repo_id: int, user_id: int, now: int) -> Tx[Repo]:
    """Enable a repository, so that pushes are built from now on, and give it this owner. NotFound."""
    return _found((yield from one(ENABLE, id=repo_id, user_id=user_id, now=now)))


def disable(repo_id: int, now: int) -> Tx[Repo]:
    """Disable a repository, so that pushes are not built. The row stays locked until the transaction ends. NotFound."""
    return _found((yield from one(DISABLE, id=repo_id, now=now)))


def chown(repo_id: int, user_id: int, now: int) -> Tx[Repo]:
    """Give a repository another owner, who may have no rights in it. NotFound."""
    return _found((yield from one(CHOWN, id=repo_id, user_id=user_id, now=now)))


def set_branch(repo_id: int, branch: str, now: int) -> Tx[Repo]:
    """Store the default branch that the host names. NotFound."""
    return _found((yield from one(SET_BRANCH, id=repo_id, branch=branch, now=now)))


def hand_over(user_id: int, now: int) -> Tx[None]:
    """Give each repository of an owner to its first other active administrator, or to no account (0)."""
    yield from run(HAND_OVER, user_id=user_id, now=now)


def delete(repo: Repo) -> Tx[None]:
    """Remove a repository that this transaction has locked. A later repository of its slug continues its numbers."""
    yield from run(RETIRE, namespace=repo.namespace, name=repo.name, counter=repo.counter)
    yield from run(DELETE, id=repo.id)


def _found(row: Row | None) -> Repo:
    if row is None:
        raise NotFound
    return store.made(row)
