"""Routes of accounts (contract drone-rest 3.1, 3.2)."""

from starlette.requests import Request

from app.accounts import auth, moments, store, verbs
from app.accounts.auth import ACCOUNT, KNOWN, SYSTEM, Caller, State
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.input import NO_MACHINE, NewUser, OwnUserChanges
from app.accounts.model import User
from app.accounts.wire import UserJSON, user_json
from app.db.tx import Tx
from app.errors import Invalid
from app.web import body
from app.web.path import Path, Word
from app.web.reply import JSON
from app.web.route import Endpoint, Param


async def show(request: Request[State], caller: Caller, mine: list[HostAccount]) -> JSON[UserJSON]:
    """The caller's account, and what it has at hosts."""
    return JSON(user_json(caller.user, hosts=mine, now=request.state["now"]()))


def _at_hosts(_: Request[State], caller: Caller) -> Tx[list[HostAccount]]:
    return hosted.of_user(caller.user.id)


async def update(request: Request[State], caller: Caller) -> JSON[UserJSON]:
    """Change the caller's account; what is left out stays."""
    changes = await body.parse(request, OwnUserChanges)
    changed = store.update(caller.user.id, email=changes.email, now=request.state["now"]())
    recorded = moments.updating(request.state["recorders"], caller.by, caller.user.id, changed)
    return JSON(user_json(await request.state["db"].write(recorded)))


async def token(request: Request[State], caller: Caller) -> JSON[UserJSON]:
    """The caller's account; with `rotate`, it gets a new token, which is shown this once."""
    if (await body.words(request)).get("rotate") != "true":
        return JSON(user_json(caller.user))
    renewed, fresh = await verbs.rotate(request.state, caller, caller.user)
    return JSON(user_json(renewed, token=fresh))


def _all(_: Request[State], __: Caller) -> Tx[list[User]]:
    return store.list_all()


async def list_users(_: Request[State], __: Caller, users: list[User]) -> JSON[list[UserJSON]]:
    """All accounts, by login."""
    return JSON([user_json(user) for user in users])


async def create(request: Request[State], caller: Caller) -> JSON[UserJSON]:
    """Add an account; its token is in the answer, shown this once."""
    new = await body.parse(request, NewUser)
    request.state["logins"].check_expected(new.host)
    if new.host and new.machine:
        raise Invalid.of([NO_MACHINE])
    fresh = new.token or auth.new_token()
    made = store.create(
        new.login,
        token=fresh,
        now=request.state["now"](),
        email=new.email,
        admin=new.admin,
        machine=new.machine,
        expected_from=new.host,
    )
    return JSON(user_json(await moments.write(request, caller.by, made, moments.created), token=fresh))


def _named(request: Request[State], _: Caller) -> Tx[User]:
    return store.find_named(request.path_params["user"])


async def show_user(_: Request[State], __: Caller, user: User) -> JSON[UserJSON]:
    """An account, by its login in any letter case, or else by its id."""
    return JSON(user_json(user))


async def rotate(request: Request[State], caller: Caller, user: User) -> JSON[UserJSON]:
    """Give an account a new token, which is shown this once; the old one and all sessions end at once."""
    renewed, fresh = await verbs.rotate(request.state, caller, user)
    return JSON(user_json(renewed, token=fresh))


#: The paths of all accounts, and of one account.
USERS = Path.of("/api/users")
USER = USERS / Word("user", "Login of the account, in any letter case, or its id.", "octocat")
routes = [
    Endpoint("GET", "/api/user", show, operation="accounts.show", needs=KNOWN, reads=_at_hosts, quick=True),
    Endpoint("PATCH", "/api/user", update, operation="accounts.update", needs=ACCOUNT, body=OwnUserChanges),
    Endpoint(
        "POST",
        "/api/user/token",
        token,
        operation="accounts.token",
        needs=ACCOUNT,
        query=[Param("rotate", "`true` makes a new token; the old one and all sessions end at once.", form=True)],
        secret=True,
    ),
    Endpoint("GET", USERS, list_users, operation="accounts.list_users", needs=SYSTEM, reads=_all),
    Endpoint("POST", USERS, create, operation="accounts.create", needs=SYSTEM, body=NewUser, errors=[409], secret=True),
    Endpoint("GET", USER, show_user, operation="accounts.show_user", needs=SYSTEM, reads=_named),
    Endpoint(
        "POST", USER / "token/rotate", rotate, operation="accounts.rotate", needs=SYSTEM, reads=_named, secret=True
    ),
]
