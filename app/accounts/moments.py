"""What happens to accounts, as moments: written down in the transaction that does it."""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request

from app.accounts import store
from app.accounts.model import User
from app.db.tx import Tx
from app.moments import Actor, Change, Facts, Recorders
from app.moments import changed as differing

T = TypeVar("T")

#: Facts of an account that are told.
FACTS = ("login", "email", "machine", "admin", "active")


async def write(request: Request[Any], by: Actor, tx: Tx[T], moment: Callable[[Actor, T], Change | None]) -> T:
    """The result of a transaction that somebody asks for, and the moment that the result makes, in one."""
    recorders = request.state["recorders"]
    result: T = await request.state["db"].write(recorders.recorded(tx, lambda done: moment(by, done)))
    return result


def created(by: Actor, user: User) -> Change:
    """An account was added."""
    return Change("account.create", by, user.login, after=_facts(user))


def deleted(by: Actor, user: User) -> Change:
    """An account was removed."""
    return Change("account.delete", by, user.login, before=_facts(user))


def changed(by: Actor, before: User, after: User) -> Change | None:
    """An account is another; None when none of its facts is."""
    was, now = differing(before, after, FACTS)
    if not was:
        return None
    return Change("account.deactivate" if was.get("active") else "account.update", by, after.login, 0, was, now)


def rotated(by: Actor, user: User) -> Change:
    """An account has a new token; the old one has ended."""
    return Change("account.rotate", by, user.login)


def logged_in(by: Actor, user: User) -> Change:
    """A browser has a session."""
    return Change("account.login", by, user.login)


def logged_out(by: Actor, user: User) -> Change:
    """A browser has ended its session."""
    return Change("account.logout", by, user.login)


def updating(recorders: Recorders, by: Actor, user_id: int, tx: Tx[User]) -> Tx[User]:
    """A transaction that changes an account, and what it changed."""
    before = yield from store.find_by_id(user_id)
    after = yield from tx
    if before is not None and (change := changed(by, before, after)) is not None:
        yield from recorders.record(change)
    return after


def _facts(user: User) -> Facts:
    return {name: getattr(user, name) for name in FACTS if getattr(user, name)}
