"""The SQL of what people of chats have asked for (contract gantry-chatops 6.4).

A request is stored before it is worked on: the same request, sent again, gets the stored answer.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import orjson

from app.accounts.model import User
from app.chatops import people
from app.chatops.model import Answer, Button, Person, Place, System
from app.db.chats import chat_requests
from app.db.columns import insert_sql
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict
from app.sealing.seal import Seal

State: TypeAlias = Literal["working", "answered"]
#: The column of sealed places; its name is also the purpose that its values are sealed for.
PLACE = "chat_requests.place"
#: Commands that one person may give in so many milliseconds.
MOST, MINUTE = 10, 60_000
#: Milliseconds in which the same promotion, asked for again, is taken for a slip.
SLIP = 60_000
#: Milliseconds for which requests are kept, and rows that are removed at once.
KEPT, ROWS = 7 * 24 * 3600 * 1000, 1000
#: Characters of names and notes that are kept.
LONGEST = 500

FIND = "SELECT * FROM chat_requests WHERE id = :id"
BY_KEY = "SELECT * FROM chat_requests WHERE key = :key"
#: The lock lets one person's requests be counted one after another.
LOCK = "SELECT id FROM users WHERE id = :user_id :exclusive"
COUNT_OF_USER = "SELECT count(*) AS count FROM chat_requests WHERE user_id = :user_id AND created > :since"
COUNT_OF_PERSON = """
    SELECT count(*) AS count FROM chat_requests
    WHERE system = :system AND tenant = :tenant AND chat_user = :chat_user AND created > :since
"""
ADD = insert_sql(chat_requests, "ON CONFLICT (key) DO NOTHING RETURNING id")
#: The newest promotion of an account that does the same and has not failed.
SAME = """
    SELECT builds.number AS number, builds.id AS id FROM chat_requests JOIN builds ON builds.id = chat_requests.build_id
    WHERE chat_requests.user_id = :user_id AND chat_requests.created > :since AND chat_requests.intent = :intent
        AND builds.status NOT IN ('failure', 'error', 'killed', 'declined')
    ORDER BY chat_requests.created DESC LIMIT 1
"""
CLAIM = """
    UPDATE chat_requests SET intent = :intent, note = :note WHERE id = :id AND state = 'working' RETURNING id
"""
BEGAN = "UPDATE chat_requests SET repo_id = :repo_id, build_id = :build_id WHERE key = :key"
ANSWER = """
    UPDATE chat_requests SET state = 'answered', answer = :answer, shown = :shown, note = :note, repo_id = :repo_id,
        build_id = CASE WHEN :build_id = 0 THEN build_id ELSE :build_id END
    WHERE id = :id AND state = 'working' RETURNING id
"""
#: One answer in a channel tells of a build: the newest.
TAKE_OVER = """
    UPDATE chat_requests SET follows = FALSE
    WHERE build_id = :build_id AND build_id <> 0 AND id <> :id AND system = :system AND tenant = :tenant
        AND channel = :channel
"""
NOTE_OF = """
    SELECT note FROM chat_requests WHERE build_id = :build_id AND build_id <> 0 AND note <> '' ORDER BY id DESC LIMIT 1
"""
FOLLOWERS = """
    SELECT id, host FROM chat_requests
    WHERE build_id = :build_id AND build_id <> 0 AND follows AND state = 'answered'
"""
UNSEEN = "UPDATE chat_requests SET shown = '' WHERE id = :id"
POSTED = "UPDATE chat_requests SET shown = :shown, posts = posts + 1, place = :place WHERE id = :id"
LEFT = "SELECT * FROM chat_requests WHERE state = 'working' AND created < :before ORDER BY created LIMIT :limit"
FORGET = """
    DELETE FROM chat_requests WHERE id IN (
        SELECT id FROM chat_requests WHERE created < :before ORDER BY created, id LIMIT :limit
    ) RETURNING id
"""


@dataclass(frozen=True)
class Asked:
    """What a person has asked for."""

    id: int
    key: str
    system: System
    tenant: str
    chat_user: str
    channel: str
    #: Id of the account; 0 for a person without one.
    user_id: int
    #: Unix milliseconds.
    created: int
    state: State
    #: What was answered, and nothing while the state is `working`.
    answer: Answer | None
    #: The build that the request has begun, or is about, and its repository; 0 for none.
    repo_id: int
    build_id: int
    #: The same for promotions that do the same.
    intent: str
    #: Sealed.
    place: bytes = field(repr=False)
    #: What is called for later answers.
    host: str
    #: Whether the place is told how the build goes on.
    follows: bool
    #: What the place shows of the build; empty while the place shows nothing.
    shown: str
    #: Later answers so far.
    posts: int
    #: What all answers about the build say.
    note: str


def _written(answer: Answer | None) -> str:
    return orjson.dumps(asdict(answer)).decode() if answer else ""


def _read(text: str) -> Answer | None:
    if not text:
        return None
    values: dict[str, Any] = orjson.loads(text)
    return Answer(**values | {"buttons": tuple(Button(**button) for button in values["buttons"])})


MAPPER = Mapper(Asked, chat_requests, codecs={"answer": (_written, _read)})


class AlreadyRuns(Conflict):
    """The same promotion was asked for a moment ago."""

    code = "already_runs"

    def __init__(self, number: int, build_id: int) -> None:
        super().__init__(f"already running as #{number}")
        self.number = number
        self.build_id = build_id


class Answered(Conflict):
    """The request has its answer by now: another server has given it up for this one."""

    code = "chat_answered"


@dataclass(frozen=True, slots=True)
class Begun:
    """How a request begins: `asked` is None for one too many, `known` says that the same request came before."""

    asked: Asked | None
    user: User | None = None
    known: bool = False


def key_of(by: Person, key: str) -> str:
    """The key of a request, as it is stored."""
    text = f"{by.system}\n{by.tenant}\n{key}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def intent_of(repo_id: int, event: str, build: str, target: str, params: Mapping[str, str]) -> str:
    """What a promotion does, as it is stored; `build` is what is promoted: a number, or a commit."""
    text = orjson.dumps([repo_id, event, build, target, sorted(params.items())])
    return hashlib.sha256(text).hexdigest()


def kept(text: str) -> str:
    """The part of a text from outside that is kept, without what a database does not hold."""
    return text[:LONGEST].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def sealed(place: Place, seal: Seal) -> bytes:
    """A place, as it is stored."""
    return seal.seal(orjson.dumps(asdict(place)).decode(), PLACE)


def opened(place: bytes, seal: Seal) -> Place:
    """A place that was stored. CannotOpen."""
    return Place(**orjson.loads(seal.open(place, PLACE)))


def begin(asked: Asked, by: Person) -> Tx[Begun]:
    """Store a new request, with the account of the person, unless it is known or one too many."""
    if (known := (yield from _known(asked.key))) is not None:
        return known
    user = yield from people.account_of(by)
    if user is not None:
        yield from run(LOCK, user_id=user.id)
        row = yield from one(COUNT_OF_USER, user_id=user.id, since=asked.created - MINUTE)
    else:
        who = {"system": by.system, "tenant": by.tenant, "chat_user": by.user}
        row = yield from one(COUNT_OF_PERSON, **who, since=asked.created - MINUTE)
    if row is not None and row["count"] >= MOST:
        return Begun(None, user)
    values = MAPPER.values(asked) | {"user_id": user.id if user else 0}
    made = yield from one(ADD, **values)
    if made is None:
        found = yield from _known(asked.key)
        assert found is not None
        return found
    stored = yield from find(made["id"])
    assert stored is not None
    return Begun(stored, user)


def is_known(key: str) -> Tx[bool]:
    """Whether a request came before."""
    return (yield from _known(key)) is not None


def _known(key: str) -> Tx[Begun | None]:
    row = yield from one(BY_KEY, key=key)
    return Begun(MAPPER.make(row), known=True) if row else None


def find(asked_id: int) -> Tx[Asked | None]:
    """A request; None when it is gone."""
    row = yield from one(FIND, id=asked_id)
    return MAPPER.make(row) if row else None


def claim(asked: Asked, user: User, intent: str, note: str, *, again: bool) -> Tx[None]:
    """The first part of the transaction that makes the build of a request.

    AlreadyRuns when the same promotion was asked for a moment ago, unless it shall run `again`. Answered when this
    request was given up meanwhile.
    """
    yield from run(LOCK, user_id=user.id)
    since = asked.created - SLIP
    if not again and (row := (yield from one(SAME, user_id=user.id, since=since, intent=intent))) is not None:
        raise AlreadyRuns(row["number"], row["id"])
    if (yield from one(CLAIM, id=asked.id, intent=intent, note=note)) is None:
        raise Answered("the server was too slow, and has given the command up: send it again")


def began(key: str, repo_id: int, build_id: int) -> Tx[None]:
    """The request of this key has begun a build."""
    yield from run(BEGAN, key=key, repo_id=repo_id, build_id=build_id)


def answer(asked: Asked, given: Answer, *, shown: str, note: str, repo_id: int, build_id: int) -> Tx[bool]:
    """Store the answer; False when the request has one already. `shown` is empty if nobody has seen the answer yet."""
    values = {"answer": _written(given), "shown": shown, "note": note, "repo_id": repo_id, "build_id": build_id}
    return (yield from one(ANSWER, id=asked.id, **values)) is not None


def take_over(asked: Asked, build_id: int) -> Tx[None]:
    """No earlier answer in the same channel follows the build any more."""
    where = {"system": asked.system, "tenant": asked.tenant, "channel": asked.channel}
    yield from run(TAKE_OVER, id=asked.id, build_id=build_id, **where)


def note_of(build_id: int) -> Tx[str]:
    """What answers about a build say, as the newest request has it."""
    row = yield from one(NOTE_OF, build_id=build_id)
    return row["note"] if row else ""


def followers(build_id: int) -> Tx[Sequence[tuple[int, str]]]:
    """The requests whose places are told how a build goes on, by id, each with what is called for that."""
    return [(row["id"], row["host"]) for row in (yield from many(FOLLOWERS, build_id=build_id))]


def unseen(asked: Asked) -> Tx[None]:
    """Nobody has seen the stored answer."""
    yield from run(UNSEEN, id=asked.id)


def posted(asked: Asked, shown: str, place: bytes) -> Tx[None]:
    """A later answer was given."""
    yield from run(POSTED, id=asked.id, shown=shown, place=place)


def left(before: int) -> Tx[Sequence[Asked]]:
    """Requests that came before a time and have no answer: the server that worked on them is gone."""
    return [MAPPER.make(row) for row in (yield from many(LEFT, before=before, limit=ROWS))]


def forget(before: int) -> Tx[int]:
    """Remove requests that came before a time; returns how many, ROWS at most."""
    return len((yield from many(FORGET, before=before, limit=ROWS)))
