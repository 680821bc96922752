"""Adding a token of an account, which may be good for some repositories only."""

from collections.abc import Sequence

from app.accounts import auth, moments, proofs
from app.accounts.auth import Caller
from app.accounts.model import Token
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos import access, store
from app.repos.access import State
from app.repos.input import NewToken


async def create(state: State, caller: Caller, new: NewToken) -> tuple[Token, str]:
    """A new token of the caller's account, recorded, and its text, which nobody can read later.

    Invalid for a time that is over, and for repositories that the caller may not read; Conflict for a name that is
    taken, and for an account with many tokens.
    """
    now, value = state["now"](), auth.new_token()
    if 0 < new.expires <= now:
        raise Invalid.of([Problem("expires", "in_the_past", f"expires: must be after now, which is {now}, or 0")])
    making = _make(caller, new, proofs.hash_token(value), now)
    recorded = state["recorders"].recorded(making, lambda token: moments.token_created(caller.by, caller.user, token))
    made: Token = await state["db"].write(recorded)
    return made, value


def _make(caller: Caller, new: NewToken, token_hash: str, now: int) -> Tx[Token]:
    repos = yield from _readable(caller, new.repos)
    token = Token(0, caller.user.id, new.name, new.scope, repos, now, new.expires)
    return (yield from proofs.add_token(token, token_hash))


def _readable(caller: Caller, slugs: Sequence[str]) -> Tx[dict[int, str]]:
    """The slugs by id; Invalid names every repository that is not there, or that the caller may not read."""
    found, problems = dict[int, str](), list[Problem]()
    for slug in dict.fromkeys(slugs):
        namespace, _, name = slug.rpartition("/")
        known = yield from store.find_with_rights(namespace, name, caller.user.id)
        if known is None or access.refuse(caller.user, known.repo, known.rights, "read"):
            problems.append(Problem("repos", "unknown_repo", f"repos: {slug} is no repository that you may read"))
        else:
            found[known.repo.id] = known.repo.slug
    if problems:
        raise Invalid.of(problems)
    return found
