"""The moments of accounts. A moment is recorded in the transaction of its change."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from starlette.requests import Request

from app.accounts import store
from app.accounts.hosted.model import HostAccount
from app.accounts.model import Session, Token, User
from app.db.tx import Tx
from app.moments import Actor, Change, Facts, Recorders
from app.moments import changed as differing

T = TypeVar("T")

#: Fields of an account that are recorded.
FACTS = ("login", "email", "machine", "admin", "active", "expected_from")


async def write(request: Request[Any], by: Actor, tx: Tx[T], moment: Callable[[Actor, T], Change | None]) -> T:
    """Run a transaction that a request asks for, and record the moment of its result in the same transaction."""
    recorders = request.state["recorders"]
    result: T = await request.state["db"].write(recorders.recorded(tx, lambda done: moment(by, done)))
    return result


def created(by: Actor, user: User) -> Change:
    """An account was added."""
    return Change("account.create", by, user.login, after=_facts(user), about=user)


def deleted(by: Actor, user: User) -> Change:
    """An account was removed."""
    return Change("account.delete", by, user.login, before=_facts(user), about=user)


def changed(by: Actor, before: User, after: User) -> Change | None:
    """Fields of an account were changed; None when no recorded field was changed."""
    was, now = differing(before, after, FACTS)
    if not was:
        return None
    return Change("account.deactivate" if was.get("active") else "account.update", by, after.login, 0, was, now)


def groups_set(by: Actor, user: User, before: Sequence[str], after: Sequence[str]) -> Change | None:
    """An account is a member of other groups than before; None when the groups are the same."""
    if before == after:
        return None
    was, now = ({"groups": list(names)} if names else {} for names in (before, after))
    return Change("account.update", by, user.login, before=was, after=now)


def rotated(by: Actor, user: User) -> Change:
    """An account has a new token; the old token is no longer valid."""
    return Change("account.rotate", by, user.login)


def logged_in(by: Actor, user: User) -> Change:
    """An account has logged in with a browser."""
    return Change("account.login", by, user.login)


def logged_out(by: Actor, user: User) -> Change:
    """An account has logged out with a browser."""
    return Change("account.logout", by, user.login)


def session_ended(by: Actor, user: User, session: Session) -> Change:
    """A session of an account was ended, other than by logging out."""
    return Change("session.delete", by, f"{user.login}#sessions/{session.id}", before={"browser": session.browser})


def sessions_ended(by: Actor, user: User, count: int) -> Change:
    """All sessions of an account were ended."""
    return Change("session.delete", by, f"{user.login}#sessions", before={"sessions": count})


def disconnected(by: Actor, user: User, account: HostAccount) -> Change:
    """An account here has an account at a host no longer."""
    before = {"host": account.host, "login": account.login}
    return Change("account.disconnect", by, user.login, before=before)


def group_changed(by: Actor, verb: str, name: str, logins: Sequence[str] | None) -> Change:
    """A group was created, changed or deleted; `logins` are the members that were set, None for unchanged."""
    return Change(verb, by, f"#groups/{name}", after={} if logins is None else {"members": list(logins)})


def token_created(by: Actor, user: User, token: Token) -> Change:
    """An account has one more token. The token itself is never recorded."""
    return Change("token.create", by, f"{user.login}#tokens/{token.name}", after=_token_facts(token))


def token_renewed(by: Actor, user: User, token: Token) -> Change:
    """A token that the server issued was replaced by another one, for a refresh token."""
    return Change("token.renew", by, f"{user.login}#tokens/{token.name}", after=_token_facts(token))


def token_deleted(by: Actor, user: User, token: Token) -> Change:
    """A token of an account was removed, and the sessions that it began."""
    return Change("token.delete", by, f"{user.login}#tokens/{token.name}", before=_token_facts(token))


def _token_facts(token: Token) -> Facts:
    facts = {"scope": token.scope, "repos": sorted(token.repos.values()), "expires": token.expires}
    return {name: value for name, value in facts.items() if value}


def updating(recorders: Recorders, by: Actor, user_id: int, tx: Tx[User]) -> Tx[User]:
    """A transaction that changes an account and records the changed fields, if there are any."""
    before = yield from store.find_by_id(user_id)
    after = yield from tx
    if before is not None and (change := changed(by, before, after)) is not None:
        yield from recorders.record(change)
    return after


def _facts(user: User) -> Facts:
    return {name: getattr(user, name) for name in FACTS if getattr(user, name)}
