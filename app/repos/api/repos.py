"""Routes of repositories (contract drone-rest 3.3)."""

from functools import partial

from starlette.requests import Request

from app.accounts import auth
from app.db.tx import Tx
from app.repos import access, flow, model, moments, settings, store
from app.repos.access import Access, State
from app.repos.input import NewRepo, RepoChanges
from app.repos.model import Repo
from app.repos.wire import HookJSON, RepoJSON, repo_json
from app.web import body, paging
from app.web.reply import JSON
from app.web.route import PAGE, Endpoint

#: Repositories on a page at most: Drone knows no bound, and clients ask for all of them at once.
LARGEST_PAGE = 2**31
#: Keys of cursors in a list of repositories.
_SLUGS = r"[^/]+/[^/]+"


async def register(request: Request[State]) -> JSON[RepoJSON]:
    """Register and enable a plain git repository."""
    owner = await auth.user(request)
    new = await body.parse(request, NewRepo)
    state = request.state
    made = partial(moments.created, auth.actor(request, owner))
    repo = await flow.register(
        state["db"],
        state["host"],
        state["seal"],
        owner=owner,
        namespace=new.namespace,
        name=new.name,
        url=new.git_http_url,
        default_branch=new.default_branch,
        config_path=new.config_path,
        visibility=new.visibility,
        public_url=state["public_url"],
        new_key=state["new_key"],
        now=state["now"](),
        recorded=lambda tx: state["recorders"].recorded(tx, made),
    )
    return JSON(repo_json(repo))


async def list_repos(request: Request[State]) -> JSON[list[RepoJSON]]:
    """All repositories, by slug."""
    await auth.user(request)
    window = paging.window(request, _SLUGS, largest=LARGEST_PAGE)
    part = await request.state["db"].read(store.list_all(window))
    links = paging.links(request, part, lambda repo: repo.slug)
    return JSON([repo_json(repo) for repo in part.items], headers=links)


async def show(request: Request[State]) -> JSON[RepoJSON]:
    """A repository, with the caller's rights in it."""
    found = await access.granted(request)
    return JSON(repo_json(found.repo, permissions=found.permissions))


async def hook(request: Request[State]) -> JSON[HookJSON]:
    """Where the repository's hook announces a push, and the key that signs it.

    Drone has no such call.
    """
    found = await access.granted(request)
    key = request.state["seal"].open(found.repo.signer, model.SIGNER)
    return JSON(HookJSON(url=request.state["public_url"], key=key), headers={"Cache-Control": "no-store"})


async def update(request: Request[State]) -> JSON[RepoJSON]:
    """Change settings of a repository; what is left out, or null, stays."""
    found = await access.granted(request)
    patch = await body.parse(request, RepoChanges)
    mine = settings.SETTINGS + (settings.SYSTEM_SETTINGS if found.is_system else ())
    changed = settings.update(found.repo.id, patch.model_dump(include=set(mine)), request.state["now"]())
    return JSON(repo_json(await _write(request, found, "repo.update", changed)))


async def enable(request: Request[State]) -> JSON[RepoJSON]:
    """Enable a repository: what is pushed is built from now on, and the caller becomes the owner."""
    found = await access.granted(request)
    enabled = settings.enable(found.repo.id, found.user_id, request.state["now"]())
    return JSON(repo_json(await _write(request, found, "repo.enable", enabled)))


async def chown(request: Request[State]) -> JSON[RepoJSON]:
    """Make the caller the owner of the repository."""
    found = await access.granted(request)
    owned = settings.chown(found.repo.id, found.user_id, request.state["now"]())
    return JSON(repo_json(await _write(request, found, "repo.chown", owned)))


async def repair(request: Request[State]) -> JSON[RepoJSON]:
    """Ask the git repository again for its default branch."""
    found = await access.granted(request)
    state, recorded = request.state, partial(_changing, request, found, "repo.repair")
    return JSON(repo_json(await flow.repair(state["db"], state["host"], found.repo, state["now"](), recorded)))


async def _write(request: Request[State], found: Access, verb: str, tx: Tx[Repo]) -> Repo:
    return await request.state["db"].write(_changing(request, found, verb, tx))


def _changing(request: Request[State], found: Access, verb: str, tx: Tx[Repo]) -> Tx[Repo]:
    """A transaction that changes the repository, written down."""
    return moments.changing(request.state["recorders"], verb, auth.actor(request, found.user), found.repo.id, tx)


_REPO = "/api/repos/{owner}/{name}"
routes = [
    Endpoint(
        "POST", "/api/repos", register, operation="repos.register", needs="system", body=NewRepo, errors=[409, 422]
    ),
    Endpoint("GET", "/api/repos", list_repos, operation="repos.list_repos", needs="system", query=PAGE, errors=[400]),
    Endpoint("GET", _REPO, show, operation="repos.show", needs="read"),
    Endpoint("GET", _REPO + "/hook", hook, operation="repos.hook", needs="admin"),
    Endpoint("PATCH", _REPO, update, operation="repos.update", needs="admin", body=RepoChanges),
    Endpoint("POST", _REPO, enable, operation="repos.enable", needs="admin"),
    Endpoint("POST", _REPO + "/chown", chown, operation="repos.chown", needs="admin"),
    Endpoint("POST", _REPO + "/repair", repair, operation="repos.repair", needs="admin", errors=[422]),
]
