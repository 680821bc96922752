"""Routes of accounts (contract drone-rest 3.1, 3.2)."""

from starlette.requests import Request

from app.accounts import auth, moments, store
from app.accounts.auth import State
from app.accounts.input import NewUser, OwnUserChanges
from app.accounts.model import User
from app.accounts.wire import UserJSON, user_json
from app.web import body
from app.web.reply import JSON
from app.web.route import Endpoint, Param


async def show(request: Request[State]) -> JSON[UserJSON]:
    """The caller's account."""
    return JSON(user_json(await auth.user(request)))


async def update(request: Request[State]) -> JSON[UserJSON]:
    """Change the caller's account; what is left out stays."""
    user = await auth.user(request)
    changes = await body.parse(request, OwnUserChanges)
    changed = store.update(user.id, email=changes.email, now=request.state["now"]())
    recorded = moments.updating(request.state["recorders"], auth.actor(request, user), user.id, changed)
    return JSON(user_json(await request.state["db"].write(recorded)))


async def token(request: Request[State]) -> JSON[UserJSON]:
    """The caller's account; with `rotate`, it gets a new token, which is shown this once."""
    user = await auth.user(request)
    if (await body.words(request)).get("rotate") != "true":
        return JSON(user_json(user))
    return await _rotated(request, user, user)


async def _rotated(request: Request[State], caller: User, user: User) -> JSON[UserJSON]:
    fresh = auth.new_token()
    rotating = store.set_token(user.id, fresh, request.state["now"]())
    renewed = await moments.write(request, caller, rotating, moments.rotated)
    return JSON(user_json(renewed, token=fresh))


async def list_users(request: Request[State]) -> JSON[list[UserJSON]]:
    """All accounts, by login."""
    await auth.user(request)
    return JSON([user_json(user) for user in await request.state["db"].read(store.list_all())])


async def create(request: Request[State]) -> JSON[UserJSON]:
    """Add an account; its token is in the answer, shown this once."""
    caller = await auth.user(request)
    new = await body.parse(request, NewUser)
    fresh = new.token or auth.new_token()
    made = store.create(
        new.login,
        token=fresh,
        now=request.state["now"](),
        email=new.email,
        admin=new.admin,
        machine=new.machine,
    )
    return JSON(user_json(await moments.write(request, caller, made, moments.created), token=fresh))


async def show_user(request: Request[State]) -> JSON[UserJSON]:
    """An account, by its login in any letter case, or else by its id."""
    await auth.user(request)
    return JSON(user_json(await request.state["db"].read(store.find_named(request.path_params["user"]))))


async def rotate(request: Request[State]) -> JSON[UserJSON]:
    """Give an account a new token, which is shown this once; the old one ends at once."""
    caller = await auth.user(request)
    return await _rotated(
        request, caller, await request.state["db"].read(store.find_named(request.path_params["user"]))
    )


routes = [
    Endpoint("GET", "/api/user", show, operation="accounts.show", needs="account"),
    Endpoint("PATCH", "/api/user", update, operation="accounts.update", needs="account", body=OwnUserChanges),
    Endpoint(
        "POST",
        "/api/user/token",
        token,
        operation="accounts.token",
        needs="account",
        query=[Param("rotate", "`true` makes a new token; the old one ends at once.", form=True)],
    ),
    Endpoint("GET", "/api/users", list_users, operation="accounts.list_users", needs="system"),
    Endpoint("POST", "/api/users", create, operation="accounts.create", needs="system", body=NewUser, errors=[409]),
    Endpoint("GET", "/api/users/{user}", show_user, operation="accounts.show_user", needs="system"),
    Endpoint("POST", "/api/users/{user}/token/rotate", rotate, operation="accounts.rotate", needs="system"),
]
