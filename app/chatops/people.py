"""Which account a person of a chat has here, and the links by which people get one.

Nobody is matched by a name or an address of mail. A person of a host is who has that account there, by the host's id; a
person of any other chat has opened a link, once, while logged in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.model import User
from app.chatops.model import Person, System
from app.db.chats import chat_accounts
from app.db.columns import insert_sql
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run
from app.errors import NotFound
from app.moments import Actor, Change, Recorders

#: Seconds for which a link works.
LIFETIME = 600
#: Links that are removed at once after their time.
ROWS = 1000
#: Systems whose people have accounts at hosts.
HOSTS: frozenset[System] = frozenset({"github", "gitea", "gitlab"})

BY_PERSON = """
    SELECT * FROM chat_accounts WHERE system = :system AND tenant = :tenant AND chat_user = :chat_user
"""
OF_USER = "SELECT * FROM chat_accounts WHERE user_id = :user_id ORDER BY id"
LINK = insert_sql(
    chat_accounts,
    """
    ON CONFLICT (system, tenant, chat_user) DO UPDATE SET user_id = excluded.user_id, name = excluded.name,
        tenant_name = excluded.tenant_name, created = excluded.created
    RETURNING *
    """,
)
UNLINK = "DELETE FROM chat_accounts WHERE id = :id AND user_id = :user_id RETURNING *"
OFFER = """
    INSERT INTO chat_links (system, tenant, chat_user, name, tenant_name, code, expires)
    VALUES (:system, :tenant, :chat_user, :name, :tenant_name, :code, :expires)
    ON CONFLICT (system, tenant, chat_user) DO UPDATE SET name = excluded.name, tenant_name = excluded.tenant_name,
        code = excluded.code, expires = excluded.expires
"""
OFFERED = "SELECT * FROM chat_links WHERE code = :code AND expires > :now"
TAKE = "DELETE FROM chat_links WHERE code = :code AND expires > :now RETURNING *"
FORGET = """
    DELETE FROM chat_links WHERE code IN (
        SELECT code FROM chat_links WHERE expires <= :now ORDER BY expires LIMIT :limit
    ) RETURNING code
"""


@dataclass(frozen=True)
class ChatAccount:
    """A person of a chat, and the account here that the person acts with."""

    id: int
    user_id: int
    system: System
    tenant: str
    chat_user: str
    #: What the person and the tenant were called when they were linked.
    name: str
    tenant_name: str
    #: Unix seconds.
    created: int


MAPPER = Mapper(ChatAccount, chat_accounts)


def account_of(person: Person) -> Tx[User | None]:
    """The account of a person, active or not; None for a person without one."""
    if person.system in HOSTS:
        at_host = yield from hosted.by_uid(person.tenant, person.user)
        user_id = at_host.user_id if at_host else 0
    else:
        row = yield from one(BY_PERSON, **_key(person))
        user_id = row["user_id"] if row else 0
    return (yield from accounts.find_by_id(user_id)) if user_id else None


def _key(person: Person) -> dict[str, str]:
    return {"system": person.system, "tenant": person.tenant, "chat_user": person.user}


def offer(person: Person, digest: str, now: int) -> Tx[None]:
    """Let whoever shows the code of this hash link the person; an earlier code of the person is void."""
    names = {"name": person.name, "tenant_name": person.tenant_name}
    yield from run(OFFER, **_key(person), **names, code=digest, expires=now + LIFETIME)


def offered(digest: str, now: int) -> Tx[Person]:
    """Whom the code of this hash links; NotFound for a code that is unknown, used or too old."""
    row = yield from one(OFFERED, code=digest, now=now)
    if row is None:
        raise _unknown()
    return Person(row["system"], row["tenant"], row["chat_user"], row["name"], row["tenant_name"])


def link(digest: str, user: User, by: Actor, recorders: Recorders, now: int) -> Tx[ChatAccount]:
    """Let the person of a code act with an account from now on. The code is used up; NotFound as of `offered`.

    A person who had another account acts with that one no longer.
    """
    row = yield from one(TAKE, code=digest, now=now)
    if row is None:
        raise _unknown()
    person = Person(row["system"], row["tenant"], row["chat_user"], row["name"], row["tenant_name"])
    before = yield from account_of(person)
    names = {"name": person.name, "tenant_name": person.tenant_name}
    made = yield from one(LINK, user_id=user.id, **_key(person), **names, created=now)
    assert made is not None
    linked = MAPPER.make(made)
    yield from recorders.record(_changed("link", by, user, linked, before))
    return linked


def list_of(user_id: int) -> Tx[Sequence[ChatAccount]]:
    """The people of chats who act with an account, the first linked first."""
    return [MAPPER.make(row) for row in (yield from many(OF_USER, user_id=user_id))]


def unlink(chat_id: int, user: User, by: Actor, recorders: Recorders) -> Tx[None]:
    """A person of a chat acts with the account no longer; NotFound when no such person does."""
    row = yield from one(UNLINK, id=chat_id, user_id=user.id)
    if row is None:
        raise NotFound("no chat with this id is linked to your account")
    yield from recorders.record(_changed("unlink", by, user, MAPPER.make(row)))


def forget(now: int) -> Tx[int]:
    """Remove links whose time is over; returns how many, ROWS at most."""
    return len((yield from many(FORGET, now=now, limit=ROWS)))


def _unknown() -> NotFound:
    return NotFound("this code is unknown, used already, or older than ten minutes: type login in the chat once more")


def _changed(
    what: Literal["link", "unlink"], by: Actor, user: User, chat: ChatAccount, before: User | None = None
) -> Change:
    facts = {"system": chat.system, "tenant": chat.tenant, "user": chat.chat_user, "name": chat.name}
    subject = f"{user.login}#chats/{chat.id}"
    if what == "unlink":
        return Change("chat.unlink", by, subject, before=facts)
    other = {"account": before.login} if before and before.id != user.id else {}
    return Change("chat.link", by, subject, before=other, after=facts)
