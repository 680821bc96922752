"""The SQL of subscriptions. Addresses and secrets are sealed, and are opened only for a caller who has the seal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from app.db import webhooks
from app.db.tx import Row, Tx, many, one, run
from app.errors import Conflict, NotFound
from app.notify.webhooks.model import Subscribed, Webhook
from app.sealing.seal import Seal

#: The columns of sealed values; each name is also the purpose that the values of the column are sealed for.
URL, SECRETS = "webhooks.url", "webhooks.secrets"
SEALED = (URL, SECRETS)
#: Subscriptions of one place at most.
MOST = 50
#: The columns that a person may change.
CHANGED = ("url", "format", "secrets", "events", "targets", "statuses", "active")


class Secret(NamedTuple):
    """A secret that requests are signed with, and until when; 0 for as long as it is the newest. Unix milliseconds."""

    text: str
    until: int = 0


class Statements(NamedTuple):
    """The SQL for the subscriptions of one kind of place."""

    add: str
    list_of: str
    find: str
    update: str
    delete: str


def _statements(condition: str) -> Statements:
    """The SQL for places whose subscriptions fulfil a condition."""
    named = f"WHERE id = :id AND {condition}"
    columns = [column.name for column in webhooks.webhooks.columns if column.name != "id"]
    sets = ", ".join(f"{name} = :{name}" for name in (*CHANGED, "reason", "failing_since", "updated"))
    return Statements(
        add=f"""
            INSERT INTO webhooks ({", ".join(columns)}) SELECT {", ".join(f":{name}" for name in columns)}
            WHERE (SELECT count(*) FROM webhooks WHERE {condition}) < :most RETURNING *
        """,  # noqa: S608 - names of ours
        list_of=f"SELECT * FROM webhooks WHERE {condition} ORDER BY id",  # noqa: S608 - names of ours
        find=f"SELECT * FROM webhooks {named}",  # noqa: S608 - names of ours
        update=f"UPDATE webhooks SET {sets} {named} AND updated = :seen RETURNING *",  # noqa: S608 - names of ours
        delete=f"DELETE FROM webhooks {named} RETURNING *",  # noqa: S608 - names of ours
    )


OF_REPO = _statements("repo_id = :repo_id")
#: A subscription of the server has the namespace ''.
SHARED = _statements("repo_id IS NULL AND namespace = :namespace")

BY_ID = "SELECT * FROM webhooks WHERE id = :id"
ACTIVE = "SELECT id, repo_id, namespace, format, events, targets, statuses FROM webhooks WHERE active ORDER BY id"
INACTIVE = "SELECT id FROM webhooks WHERE NOT active ORDER BY id"
STOP = "UPDATE webhooks SET active = FALSE, updated = :now WHERE id = :id AND active"
DISABLE = """
    UPDATE webhooks SET active = FALSE, reason = :reason, updated = :now WHERE id = :id AND active RETURNING *
"""
FAILING = """
    UPDATE webhooks SET failing_since = CASE WHEN failing_since = 0 THEN :now ELSE failing_since END WHERE id = :id
    RETURNING failing_since
"""
WORKING = "UPDATE webhooks SET failing_since = 0 WHERE id = :id AND failing_since <> 0"


@dataclass(frozen=True, slots=True)
class Place:
    """What a subscription is about: a repository, the repositories of a namespace, or the server."""

    repo_id: int | None
    namespace: str
    #: The slug of the repository, the namespace, or '' for the server.
    name: str

    @property
    def sql(self) -> Statements:
        """The SQL for the subscriptions of this place."""
        return SHARED if self.repo_id is None else OF_REPO

    @property
    def key(self) -> Mapping[str, Any]:
        """The parameters of the SQL that name the place."""
        return {"namespace": self.namespace} if self.repo_id is None else {"repo_id": self.repo_id}


def of_repo(repo_id: int, slug: str) -> Place:
    """The place of the subscriptions of one repository."""
    return Place(repo_id, "", slug)


def of_namespace(namespace: str) -> Place:
    """The place of the subscriptions of a namespace."""
    return Place(None, namespace, namespace)


#: The place of the subscriptions of the server.
SERVER = Place(None, "", "")


def add(place: Place, values: Mapping[str, Any], secrets: Sequence[Secret], seal: Seal, now: int) -> Tx[Webhook]:
    """Add a subscription, with `values` by the names of CHANGED and `creator`; Conflict when the place has MOST."""
    told = {"repo_id": place.repo_id, "namespace": place.namespace, "reason": "", "failing_since": 0}
    written = _written(values, secrets, seal) | {"creator": values["creator"], "created": now, "updated": now}
    row = yield from one(place.sql.add, most=MOST, **told, **written)
    if row is None:
        where = place.name or "the server"
        words = f"{where} has {MOST} webhooks, and may not have more: remove one that is not used"
        raise Conflict(words, code="too_many_webhooks")
    return _opened(row, seal, now)


def list_of(place: Place, seal: Seal, now: int) -> Tx[list[Webhook]]:
    """The subscriptions of a place, the oldest first."""
    return [_opened(row, seal, now) for row in (yield from many(place.sql.list_of, **place.key))]


def find(place: Place, webhook_id: int, seal: Seal, now: int) -> Tx[Webhook]:
    """A subscription of a place; NotFound."""
    return _opened(_found((yield from one(place.sql.find, id=webhook_id, **place.key))), seal, now)


def secrets_of(place: Place, webhook_id: int, seal: Seal, now: int) -> Tx[list[Secret]]:
    """The secrets of a subscription that are in use, the newest first; NotFound."""
    return _secrets(_found((yield from one(place.sql.find, id=webhook_id, **place.key))), seal, now)


def update(
    place: Place, before: Webhook, values: Mapping[str, Any], secrets: Sequence[Secret], seal: Seal, now: int
) -> Tx[Webhook]:
    """Change a subscription, with `values` by the names of CHANGED; Conflict when it was changed since `before`.

    One that becomes active begins anew: nothing is said of earlier failures.
    """
    begins = values["active"] and not before.active
    about = {
        "reason": "" if values["active"] else before.reason,
        "failing_since": 0 if begins else before.failing_since,
        "updated": max(now, before.updated + 1),
        "seen": before.updated,
    }
    written = _written(values, secrets, seal)
    row = yield from one(place.sql.update, id=before.id, **place.key, **about, **written)
    if row is None:
        raise Conflict("the webhook was changed by somebody else meanwhile: read it again")
    return _opened(row, seal, now)


def delete(place: Place, webhook_id: int, seal: Seal, now: int) -> Tx[Webhook]:
    """Remove a subscription with all its deliveries; NotFound."""
    return _opened(_found((yield from one(place.sql.delete, id=webhook_id, **place.key))), seal, now)


def stop(webhook_id: int, now: int) -> Tx[None]:
    """Let a subscription get no more events: it is about to be removed."""
    yield from run(STOP, id=webhook_id, now=now)


def disable(webhook_id: int, reason: str, seal: Seal, now: int) -> Tx[Webhook | None]:
    """Make an active subscription inactive, for a reason; None when it is not active any more."""
    row = yield from one(DISABLE, id=webhook_id, reason=reason, now=now)
    return _opened(row, seal, now) if row is not None else None


def failing(webhook_id: int, now: int) -> Tx[int]:
    """An attempt has failed; returns since when all have. `now` for one that was removed meanwhile."""
    row = yield from one(FAILING, id=webhook_id, now=now)
    return row["failing_since"] if row is not None else now


def working(webhook_id: int) -> Tx[None]:
    """An attempt has succeeded."""
    yield from run(WORKING, id=webhook_id)


def active() -> Tx[list[Subscribed]]:
    """What all active subscriptions want."""
    rows = yield from many(ACTIVE)
    return [Subscribed(*list(row)[:4], *map(orjson.loads, list(row)[4:])) for row in rows]


def inactive() -> Tx[list[int]]:
    """The ids of the subscriptions that are not active."""
    return [row["id"] for row in (yield from many(INACTIVE))]


def opened(row: Row, seal: Seal, now: int) -> Webhook:
    """A subscription from a row that has all its columns by their names, `id` as `webhook_id`."""
    return _made(row, row["webhook_id"], seal, now)


def _opened(row: Row, seal: Seal, now: int) -> Webhook:
    return _made(row, row["id"], seal, now)


def _made(row: Row, webhook_id: int, seal: Seal, now: int) -> Webhook:
    return Webhook(
        id=webhook_id,
        repo_id=row["repo_id"],
        namespace=row["namespace"],
        url=seal.open(row["url"], URL),
        format=row["format"],
        secrets=[secret.text for secret in _secrets(row, seal, now)],
        events=orjson.loads(row["events"]),
        targets=orjson.loads(row["targets"]),
        statuses=orjson.loads(row["statuses"]),
        active=bool(row["active"]),
        reason=row["reason"],
        failing_since=row["failing_since"],
        created=row["created"],
        updated=row["updated"],
        creator=row["creator"],
    )


def _secrets(row: Row, seal: Seal, now: int) -> list[Secret]:
    known = [Secret(*secret) for secret in orjson.loads(seal.open(row["secrets"], SECRETS))]
    return [secret for secret in known if not secret.until or secret.until > now]


def _written(values: Mapping[str, Any], secrets: Sequence[Secret], seal: Seal) -> dict[str, Any]:
    """The columns of what a person may change."""
    lists = {name: orjson.dumps(list(values[name])).decode() for name in ("events", "targets", "statuses")}
    return {
        "url": seal.seal(values["url"], URL),
        "format": values["format"],
        "secrets": seal.seal(orjson.dumps([list(secret) for secret in secrets]).decode(), SECRETS),
        "active": values["active"],
        **lists,
    }


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound("there is no such webhook here")
    return row
