"""Routes of repositories (contract drone-rest 3.3)."""

from functools import partial

from starlette.requests import Request

from app.accounts.auth import SYSTEM, Caller
from app.db.tx import Tx
from app.db.window import Part
from app.repos import flow, model, moments, store, verbs
from app.repos.access import ADMIN, READ, Access, State
from app.repos.input import NewRepo, RepoChanges
from app.repos.model import Repo
from app.repos.paths import REPO
from app.repos.wire import HookJSON, RepoJSON, RotatedJSON, repo_json
from app.web import body, paging
from app.web.reply import JSON
from app.web.route import PAGE, Endpoint

#: Repositories on a page at most: Drone has no limit, and clients ask for all repositories at once.
LARGEST_PAGE = 2**31
#: The form of the keys in the cursors of a list of repositories.
SLUGS = r"[^/]+(?:/[^/]+)+"


async def register(request: Request[State], caller: Caller) -> JSON[RepoJSON]:
    """Register and enable a plain git repository."""
    new = await body.parse(request, NewRepo)
    state = request.state
    made = partial(moments.created, caller.by)
    repo = await flow.register(
        state["db"],
        state["hosts"],
        state["seal"],
        owner=caller.user,
        namespace=new.namespace,
        name=new.name,
        url=new.git_http_url,
        default_branch=new.default_branch,
        config_path=new.config_path,
        visibility=new.visibility,
        reserved=state["reserved"],
        public_url=state["public_url"],
        new_key=state["new_key"],
        now=state["now"](),
        recorded=lambda tx: state["recorders"].recorded(tx, made),
    )
    return JSON(repo_json(repo))


def _page(request: Request[State], _: Caller) -> Tx[Part[Repo]]:
    return store.list_all(paging.window(request, SLUGS, largest=LARGEST_PAGE))


async def list_repos(request: Request[State], _: Caller, part: Part[Repo]) -> JSON[list[RepoJSON]]:
    """All repositories, by slug."""
    links = paging.links(request, part, lambda repo: repo.slug)
    return JSON([repo_json(repo) for repo in part.items], headers=links)


async def show(_: Request[State], found: Access) -> JSON[RepoJSON]:
    """A repository, with the caller's rights in it."""
    return JSON(repo_json(found.repo, permissions=found.permissions))


async def hook(request: Request[State], found: Access) -> JSON[HookJSON]:
    """Where the repository's hook announces a push, and the key that signs it.

    Drone has no such call.
    """
    key = request.state["seal"].open(found.repo.signer, model.SIGNER)
    return JSON(HookJSON(url=request.state["public_url"], key=key), headers={"Cache-Control": "no-store"})


async def rotate_key(request: Request[State], found: Access) -> JSON[RotatedJSON]:
    """Make another key that signs the deliveries of the repository's hook; the key before counts for another day.

    The webhook at a host that Gantry has registered gets it; if the host refuses, the key stays. Any other hook must be
    given it. Drone has no such call.
    """
    done = await verbs.rotate_key(request.state, found)
    told = RotatedJSON(url=request.state["public_url"], key=done.key, at_host=done.at_host, until=done.until)
    return JSON(told, headers={"Cache-Control": "no-store"})


async def update(request: Request[State], found: Access) -> JSON[RepoJSON]:
    """Change settings of a repository; what is left out, or null, stays."""
    patch = await body.parse(request, RepoChanges)
    return JSON(repo_json(await verbs.update(request.state, found, patch)))


async def enable(request: Request[State], found: Access) -> JSON[RepoJSON]:
    """Enable a repository: what is pushed is built from now on, and the caller becomes the owner.

    First the webhook is registered at the repository's host; a host that refuses gives its reason.
    """
    return JSON(repo_json(await verbs.enable(request.state, found)))


async def chown(request: Request[State], found: Access) -> JSON[RepoJSON]:
    """Make the caller the owner of the repository."""
    return JSON(repo_json(await verbs.chown(request.state, found)))


async def repair(request: Request[State], found: Access) -> JSON[RepoJSON]:
    """Ask the host again for the default branch, and register the webhook of an enabled repository anew."""
    return JSON(repo_json(await verbs.repair(request.state, found)))


_REPOS = "/api/repos"
routes = [
    Endpoint("POST", _REPOS, register, operation="repos.register", needs=SYSTEM, body=NewRepo, errors=[409, 422]),
    Endpoint(
        "GET",
        _REPOS,
        list_repos,
        operation="repos.list_repos",
        needs=SYSTEM,
        reads=_page,
        query=PAGE,
        errors=[400],
    ),
    Endpoint("GET", REPO, show, operation="repos.show", needs=READ),
    Endpoint("GET", REPO / "hook", hook, operation="repos.hook", needs=ADMIN, scope="admin"),
    Endpoint(
        "POST",
        REPO / "hook/rotate",
        rotate_key,
        operation="repos.rotate_key",
        needs=ADMIN,
        errors=[409, 422],
        secret=True,
    ),
    Endpoint("PATCH", REPO, update, operation="repos.update", needs=ADMIN, body=RepoChanges),
    Endpoint("POST", REPO, enable, operation="repos.enable", needs=ADMIN, errors=[422]),
    Endpoint("POST", REPO / "chown", chown, operation="repos.chown", needs=ADMIN),
    Endpoint("POST", REPO / "repair", repair, operation="repos.repair", needs=ADMIN, errors=[422]),
]
