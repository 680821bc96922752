"""The SQL of deliveries."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from app.builds.deliveries.model import Delivery
from app.db import schema
from app.db.mapper import NAMES, Codec, Mapper
from app.db.tx import Tx, many, one, run
from app.db.window import Part, Window
from app.errors import Conflict, NotFound
from app.moments import Actor
from app.scm import hook
from app.scm.hook import Push

_COLUMNS = [column.name for column in schema.deliveries.columns if column.name != "id"]
FIND = "SELECT * FROM deliveries WHERE repo_id = :repo_id AND name = :name"
#: As FIND, and the delivery of the same change if the server itself has found the change since a time.
KNOWN = """
    SELECT * FROM deliveries WHERE repo_id = :repo_id
        AND (name = :name OR (after = :after AND received >= :since AND ref = :ref AND event = :event AND found_late))
"""
#: What a new delivery must heed: KNOWN, and an earlier change of its ref that waits.
HEEDED = """
    SELECT id FROM deliveries WHERE repo_id = :repo_id
        AND (name = :name OR (after = :after AND received >= :since AND ref = :ref AND event = :event AND found_late)
            OR (due <> 0 AND ref = :ref AND error <> ''))
    LIMIT 1
"""
BY_ID = "SELECT * FROM deliveries WHERE id = :id"
#: Changes nothing but the lock, which is held until the transaction ends: the next number of a build is known then.
COUNTER = "UPDATE repos SET counter = counter WHERE id = :repo_id RETURNING counter"
ADD = schema.insert_sql(schema.deliveries, "ON CONFLICT (repo_id, name) DO NOTHING RETURNING *")
#: A delivery of another id that tells of the same change, since a time.
TWIN = """
    SELECT * FROM deliveries
    WHERE repo_id = :repo_id AND after = :after AND received >= :since
        AND ref = :ref AND event = :event AND action = :action AND twin = 0 AND name <> :name
        AND (host <> '' OR name LIKE 'poll:%')
    ORDER BY received, id LIMIT 1
"""
#: The first delivery of what a host has signed.
ORIGINAL = """
    SELECT * FROM deliveries WHERE repo_id = :repo_id AND digest = :digest AND digest <> '' AND event = :event
    ORDER BY id LIMIT 1
"""
#: Pushes that polling has found, without those that the hook has told of since a time. Those that follow on their refs
#: wait for them.
ADD_POLLED = """
    INSERT INTO deliveries (
        repo_id, name, ref, before, after, sender, options, address, request, received, build, due, tries, error, host,
        event, action, facts, twin, found_late, digest
    )
    SELECT :repo_id, found.name, found.ref, found.before, found.after, :sender, :options, :address, :request, :received,
        0, :received, 0, 'found by polling', '', :event, :action, :facts, 0, FALSE, ''
    FROM :rows(pushes; name text, ref text, before text, after text) AS found
    WHERE NOT EXISTS (
        SELECT 1 FROM deliveries AS told
        WHERE told.repo_id = :repo_id AND told.after = found.after AND told.received >= :since AND told.ref = found.ref
    )
"""
#: Of a delivery without a build, a later one of the same id is a new try.
REPEAT = """
    UPDATE deliveries SET received = :received, due = :due, tries = 1, error = '', address = :address,
        request = :request
    WHERE id = :id AND due = 0 AND build = 0 RETURNING *
"""
#: Whether a change is known, or a host has told of a later one of its ref.
TOLD = """
    SELECT id FROM deliveries WHERE repo_id = :repo_id AND ref = :ref AND event = 'push'
        AND (after = :after OR (received >= :since AND NOT found_late)) LIMIT 1
"""
CLAIM = """
    UPDATE deliveries SET build = :build, due = 0, error = '' WHERE id = :id AND build = 0 RETURNING id
"""
#: As CLAIM, of a delivery that may not be stored yet, whose change the server itself may have found meanwhile.
CLAIM_NEW = f"""
    INSERT INTO deliveries ({", ".join(_COLUMNS)}) SELECT {", ".join(f":{name}" for name in _COLUMNS)}
    WHERE NOT EXISTS (
        SELECT 1 FROM deliveries AS found
        WHERE found.repo_id = :repo_id AND found.after = :after AND found.received >= :since AND found.ref = :ref
            AND found.event = :event AND found.found_late AND (found.build <> 0 OR found.due <> 0)
    )
    ON CONFLICT (repo_id, name) DO UPDATE SET build = excluded.build, due = 0, error = ''
    WHERE deliveries.build = 0 RETURNING id
"""  # noqa: S608 - names only
#: Stores what became of a delivery that may not be stored yet. One that has a build stays as it is.
PUT = schema.insert_sql(
    schema.deliveries,
    """
    ON CONFLICT (repo_id, name) DO UPDATE SET due = excluded.due, error = excluded.error WHERE deliveries.build = 0
    """,
)
#: Deliveries of the ref whose first attempt is still under way do not count.
WAITING_FOR_REF = """
    SELECT id FROM deliveries WHERE due <> 0 AND repo_id = :repo_id AND ref = :ref AND error <> '' LIMIT 1
"""
OF_REPO = "SELECT * FROM deliveries WHERE due <> 0 AND repo_id = :repo_id ORDER BY ref, id LIMIT :limit"
NEWEST_OF_REPO = """
    SELECT * FROM deliveries WHERE repo_id = :repo_id AND id < :key ORDER BY id DESC LIMIT :limit OFFSET :offset
"""
NEWER_OF_REPO = "SELECT * FROM deliveries WHERE repo_id = :repo_id AND id > :key ORDER BY id LIMIT :limit"
#: Let a delivery that waits be tried now. One whose first attempt is under way, which has no error yet, is.
HASTEN = "UPDATE deliveries SET due = :now WHERE id = :id AND due <> 0 AND error <> ''"
#: The changes of one ref are tried in their order: the first of each is next.
_NEXT = """
    deliveries WHERE due <> 0 AND NOT EXISTS (
        SELECT 1 FROM deliveries earlier WHERE earlier.due <> 0 AND earlier.repo_id = deliveries.repo_id
            AND earlier.ref = deliveries.ref AND earlier.id < deliveries.id
    )
"""
#: A due time beyond `latest` was set while the clock was ahead.
DUE = f"SELECT * FROM {_NEXT} AND (due <= :now OR due > :latest) ORDER BY id LIMIT :limit"  # noqa: S608 - a constant
SOONEST = f"SELECT min(due) AS due FROM {_NEXT}"  # noqa: S608 - a constant
#: Of several servers that see one due delivery, one takes the attempt.
TAKE = """
    UPDATE deliveries SET due = :due, tries = tries + 1 WHERE id = :id AND due = :seen AND due <> 0 RETURNING id
"""
FAILED = "UPDATE deliveries SET error = :error, due = :due WHERE id = :id AND due <> 0"
END = "UPDATE deliveries SET due = 0, error = :error WHERE id = :id AND build = 0"
FORGET = "DELETE FROM deliveries WHERE due = 0 AND received <= :before"

#: Seconds within which two deliveries of one change are one; and, where the server itself has found the change, for
#: which a delivery of the change is a late one: hosts let a delivery be sent again for three days.
TWINS, LATE = 60, 3 * 24 * 3600
_LARGEST = 2**63 - 1
#: The beginning of the names of deliveries that polling has found; no hook gives such a name.
POLLED = "poll:"
#: What all pushes that polling has found have in common: nobody tells more than the refs.
_SAME = ("sender", "options", "address", "request", "event", "action", "facts")
FACTS: Codec = (lambda facts: orjson.dumps(dict(facts)).decode(), orjson.loads)
_MAPPER = Mapper(Delivery, schema.deliveries, codecs={"options": NAMES, "facts": FACTS})


class Delivered(Conflict):
    """The delivery has become a build before."""

    code = "delivered"


def find_if_any(repo_id: int, name: str) -> Tx[Delivery | None]:
    """The delivery of this name; None for an unknown one."""
    return _made((yield from one(FIND, repo_id=repo_id, name=name)))


def find_by_id(delivery_id: int) -> Tx[Delivery | None]:
    """The delivery of this id; None for an unknown one."""
    return _made((yield from one(BY_ID, id=delivery_id)))


def add_polled(repo_id: int, pushes: Mapping[str, Push], now: int, *, since: int) -> Tx[None]:
    """Let pushes that polling has found wait for their first attempt, but for those that are known since a time.

    Their names begin with POLLED. The caller has locked the repository: its deliveries are stored one after another.
    """
    if not pushes:
        return
    first = next(iter(pushes.values()))
    values = _MAPPER.values(Delivery.of(repo_id, hook.Delivery(), first, Actor("hook"), now, name=""))
    same = {name: values[name] for name in _SAME}
    rows = [[name, push.ref, push.before, push.after] for name, push in pushes.items()]
    text = orjson.dumps(rows).decode()
    yield from run(ADD_POLLED, repo_id=repo_id, received=now, since=since, pushes=text, **same)


def is_new(given: Delivery) -> Tx[bool]:
    """Whether a delivery need heed no other one: it may be stored with its build, after its first attempt."""
    return (yield from one(HEEDED, **_identity(given))) is None


def receive(given: Delivery, lease: int, *, polled: bool = False) -> Tx[tuple[Delivery, bool]]:
    """Store a delivery that is received now, and tell whether the caller is to make the first attempt.

    No other attempt is made before `lease`, Unix seconds. For a delivery that is known, that is a copy of another one
    or tells of the same change, the result is that one. `polled`: the change may be known by polling, too.
    """
    known = yield from _known(given)
    if known is None and (given.host or polled):
        yield from one(COUNTER, repo_id=given.repo_id)  # deliveries of one repository are stored one after another
        known = (yield from _original(given)) or (yield from _twin(given))
    if known is not None and known.name != given.name:
        same = "webhook" if given.digest and given.digest == known.digest else "change"
        told = f"the same {same} as that of delivery {known.name}"
        yield from run(ADD, **_MAPPER.values(replace(given, twin=known.id, error=told)))
    if known is not None:
        if known.twin:
            known = (yield from find_by_id(known.twin)) or known
        return (yield from _repeat(known, given, lease))
    waits = (yield from one(WAITING_FOR_REF, repo_id=given.repo_id, ref=given.ref)) is not None
    if waits:
        new = replace(given, due=given.received, error="an earlier change of its ref waits")
    else:
        new = replace(given, due=lease, tries=1)
    if (added := _made((yield from one(ADD, **_MAPPER.values(new))))) is not None:
        return added, not waits
    known = yield from find_if_any(given.repo_id, given.name)  # another server was faster
    return known or new, False


def add_found(given: Delivery, since: int) -> Tx[bool]:
    """Store a change that the server itself has found, so that it is built soon.

    False when the change is known, or a host has told of any change of its ref since a time.
    """
    yield from one(COUNTER, repo_id=given.repo_id)
    if (yield from is_told(given.repo_id, given.ref, given.after, since)):
        return False
    yield from run(ADD, **_MAPPER.values(replace(given, due=given.received, found_late=True)))
    return True


def is_told(repo_id: int, ref: str, after: str, since: int) -> Tx[bool]:
    """Whether it is known that a ref was moved to an id, or a host has told that it was moved at all since a time."""
    return (yield from one(TOLD, repo_id=repo_id, ref=ref, after=after, since=since)) is not None


def _known(given: Delivery) -> Tx[Delivery | None]:
    """The delivery of the same name, else one of the same change that the server itself has found."""
    rows = yield from many(KNOWN, **_identity(given))
    found = [_MAPPER.make(row) for row in rows]
    return min(found, key=lambda one: one.name != given.name, default=None)


def _identity(given: Delivery) -> dict[str, Any]:
    """What a delivery is known by: its name, and its change if the server itself has found the change."""
    names = ("repo_id", "name", "after", "ref", "event")
    return {name: getattr(given, name) for name in names} | {"since": given.received - LATE}


def _original(given: Delivery) -> Tx[Delivery | None]:
    """The delivery of another name of which this one is a copy: whoever has recorded a webhook can send it again."""
    if not given.digest:
        return None
    return _made((yield from one(ORIGINAL, repo_id=given.repo_id, digest=given.digest, event=given.event)))


def _twin(given: Delivery) -> Tx[Delivery | None]:
    """The delivery of another name that told of the same change a short time ago."""
    if given.event == "deployment" or not given.after:
        return None
    row = yield from one(
        TWIN,
        repo_id=given.repo_id,
        after=given.after,
        since=given.received - TWINS,
        ref=given.ref,
        event=given.event,
        action=given.action,
        name=given.name,
    )
    return _made(row)


def _repeat(known: Delivery, given: Delivery, lease: int) -> Tx[tuple[Delivery, bool]]:
    if known.build or known.due:
        return known, False
    about = {"received": given.received, "address": given.address, "request": given.request}
    repeated = _made((yield from one(REPEAT, id=known.id, due=lease, **about)))
    return repeated or known, repeated is not None


def claim(delivery: Delivery) -> Tx[None]:
    """Let the next build of the repository be that of a delivery, which is stored if it is not yet.

    Delivered when the delivery has a build already, or one that is not stored is known as another one.
    """
    row = yield from one(COUNTER, repo_id=delivery.repo_id)
    number = row["counter"] + 1 if row else 0  # without a repository, the build that follows is refused
    if delivery.id:
        claimed = yield from one(CLAIM, id=delivery.id, build=number)
    else:
        values = _MAPPER.values(replace(delivery, build=number, tries=1))
        claimed = yield from one(CLAIM_NEW, since=delivery.received - LATE, **values)
    if claimed is None:
        raise Delivered(f"the change of {delivery.ref} has a build already")


def list_waiting(repo_id: int, limit: int) -> Tx[list[Delivery]]:
    """The deliveries of a repository that wait, by ref, oldest first."""
    return [_MAPPER.make(row) for row in (yield from many(OF_REPO, repo_id=repo_id, limit=limit))]


def list_newest(repo_id: int, window: Window) -> Tx[Part[Delivery]]:
    """A part of the deliveries of a repository that are still known, newest first; the keys are ids."""
    if window.before:
        rows = yield from many(NEWER_OF_REPO, repo_id=repo_id, key=int(window.before), limit=window.reach)
    else:
        place = {"key": int(window.after or _LARGEST), "limit": window.reach, "offset": window.offset}
        rows = yield from many(NEWEST_OF_REPO, repo_id=repo_id, **place)
    return window.part([_MAPPER.make(row) for row in rows])


def repeat(repo_id: int, name: str, by: Actor, now: int, lease: int) -> Tx[tuple[Delivery, bool]]:
    """Let the delivery of a name be tried once more, and tell whether the caller is to make the attempt.

    No other attempt is made before `lease`. One that waits is tried by whoever tries what waits, now. For a delivery of
    a change that an earlier one has told of, the result is the earlier one. NotFound; Delivered when it has a build.
    """
    known = yield from find_if_any(repo_id, name)
    if known is not None and known.twin:
        known = yield from find_by_id(known.twin)
    if known is None:
        raise NotFound("no such delivery: deliveries are known for seven days")
    if known.build:
        raise Delivered(f"the delivery has become build {known.build}: restart that build to run it again")
    yield from run(HASTEN, id=known.id, now=now)
    return (yield from _repeat(known, replace(known, received=now, address=by.address, request=by.request), lease))


def due(now: int, latest: int, limit: int) -> Tx[list[Delivery]]:
    """The deliveries whose next attempt is due, oldest first, one for each ref of a repository."""
    return [_MAPPER.make(row) for row in (yield from many(DUE, now=now, latest=latest, limit=limit))]


def soonest() -> Tx[int | None]:
    """When the first attempt of all is due, of those that `due` returns; None when no delivery waits."""
    row = yield from one(SOONEST)
    return row["due"] if row else None


def take(delivery: Delivery, due: int) -> Tx[bool]:
    """Take an attempt, and set when the next one is due; false when another server was faster."""
    return (yield from one(TAKE, id=delivery.id, seen=delivery.due, due=due)) is not None


def keep(delivery: Delivery, lease: int) -> Tx[None]:
    """Store a delivery whose first attempt is under way, unless it is stored. No other one is made before `lease`."""
    yield from run(ADD, **_MAPPER.values(replace(delivery, tries=1, due=lease)))


def failed(delivery: Delivery, error: str, due: int) -> Tx[None]:
    """Write why an attempt failed, and when the next one is due."""
    if delivery.id:
        yield from run(FAILED, id=delivery.id, error=error, due=due)
    else:
        yield from _put(delivery, due, error)


def end(delivery: Delivery, error: str) -> Tx[None]:
    """Let a delivery wait no more, and write why nothing is built."""
    if delivery.id:
        yield from run(END, id=delivery.id, error=error)
    else:
        yield from _put(delivery, 0, error)


def _put(delivery: Delivery, due: int, error: str) -> Tx[None]:
    yield from run(PUT, **_MAPPER.values(replace(delivery, tries=1, due=due, error=error)))


def forget(before: int) -> Tx[None]:
    """Delete the deliveries that do not wait and were received before this time."""
    yield from run(FORGET, before=before)


def _made(row: Any) -> Delivery | None:
    return _MAPPER.make(row) if row is not None else None
