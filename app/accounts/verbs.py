"""What people do to their accounts, by the API and by pages: each change with its record."""

from collections.abc import Callable
from typing import TypeVar

from app.accounts import auth, moments, proofs, store
from app.accounts.auth import Caller, State
from app.accounts.model import Session, Token, User
from app.db.tx import Tx
from app.moments import Change

T = TypeVar("T")


async def rotate(state: State, caller: Caller, user: User) -> tuple[User, str]:
    """A new default token of an account, and the account; the old token and all sessions end. NotFound."""
    fresh = auth.new_token()
    rotating = store.set_token(user.id, fresh, state["now"]())
    return await _write(state, rotating, lambda done: moments.rotated(caller.by, done)), fresh


async def revoke(state: State, caller: Caller, name: str) -> Token:
    """Remove a token of the caller's account, by its name or its id, with the sessions that it began. NotFound."""
    deleting = proofs.delete_token(caller.user.id, name)
    return await _write(state, deleting, lambda token: moments.token_deleted(caller.by, caller.user, token))


async def end_session(state: State, caller: Caller, session_id: int) -> Session:
    """Log one browser of the caller's account out. NotFound."""
    ending = proofs.end_session(caller.user.id, session_id)
    return await _write(state, ending, lambda session: moments.session_ended(caller.by, caller.user, session))


async def end_sessions(state: State, caller: Caller, but: int = 0) -> int:
    """Log all browsers of the caller's account out, `but` that of one session; how many they were."""

    def moment(count: int) -> Change | None:
        return moments.sessions_ended(caller.by, caller.user, count) if count else None

    return await _write(state, proofs.end_sessions(caller.user.id, but=but), moment)


async def _write(state: State, tx: Tx[T], moment: Callable[[T], Change | None]) -> T:
    result: T = await state["db"].write(state["recorders"].recorded(tx, moment))
    return result
