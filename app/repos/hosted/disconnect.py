"""Taking an account at a host away from an account here, with its token and the rights that the host has told."""

from collections.abc import Collection, Mapping, Sequence

from app.accounts import moments, proofs
from app.accounts.auth import Caller
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.model import Token
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound
from app.repos.access import State

#: Rights that were given here stay.
REVOKE = """
    DELETE FROM permissions WHERE user_id = :user_id AND synced <> 0 AND repo_id IN (
        SELECT told.repo_id FROM permissions AS told JOIN repos ON repos.id = told.repo_id
        WHERE told.user_id = :user_id AND repos.scm = :scm
    )
"""
DELETE = "DELETE FROM host_accounts WHERE id = :id RETURNING id"
READ_BY = """
    SELECT scm, count(*) AS total FROM repos WHERE user_id = :user_id AND active AND scm <> '' GROUP BY scm
"""


async def disconnect(state: State, caller: Caller, host: str) -> HostAccount:
    """Take the caller's account at a host away; the person does not sign in there any more.

    NotFound without one; Conflict while it is synchronised, and when the person could sign in no other way.
    """
    now, admitting = state["now"](), [one.name for one in state["logins"].hosts if one.admits]
    leaving = _disconnect(caller.user.id, host, admitting, now)
    gone: HostAccount = await state["db"].write(
        state["recorders"].recorded(leaving, lambda account: moments.disconnected(caller.by, caller.user, account))
    )
    return gone


def _disconnect(user_id: int, host: str, admitting: Collection[str], now: int) -> Tx[HostAccount]:
    yield from run(proofs.LOCK, user_id=user_id)
    mine = {account.host: account for account in (yield from hosted.of_user(user_id))}
    if (account := mine.pop(host, None)) is None:
        raise _not_connected(host)
    if account.lease > now:
        words = f"your repositories at {host} are synchronised at this moment: try again a little later"
        raise Conflict(words, code="synchronising")
    others = [one for one in mine.values() if one.host in admitting and not one.broken]
    if not others and not may_sign_in((yield from proofs.list_named_tokens(user_id)), now):
        words = (
            f"{host} is your only way to sign in: first make a token of the scope admin, and keep it"
            " (gantry token create NAME --scope admin)"
        )
        raise Conflict(words, code="only_way_in")
    yield from run(REVOKE, user_id=user_id, scm=host)
    if (yield from one(DELETE, id=account.id)) is None:
        raise _not_connected(host)
    return account


def _not_connected(host: str) -> NotFound:
    return NotFound(f"your account is connected with none at a host called {host}: gantry whoami shows the hosts")


def may_sign_in(tokens: Sequence[Token], now: int) -> bool:
    """Whether a person can sign in with one of these tokens of an account.

    Nobody has seen the default token of an account that a log-in at a host has made, unless it was used since.
    """
    good = (one for one in tokens if one.scope == "admin" and not one.repos and (not one.expires or one.expires > now))
    return any(one.used or one.name != proofs.DEFAULT for one in good)


def read_by(user_id: int) -> Tx[Mapping[str, int]]:
    """How many enabled repositories the server reads as an account, by their hosts."""
    return {row["scm"]: row["total"] for row in (yield from many(READ_BY, user_id=user_id))}
