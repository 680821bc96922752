"""Routes by which builds and entries among the newest leave the history."""

from starlette.requests import Request

from app.accounts import auth
from app.builds import lists, store
from app.builds.api.request import State
from app.builds.purge import purge
from app.repos import access
from app.web import body
from app.web.reply import Empty


async def delete_old(request: Request[State]) -> Empty:
    """Delete the builds below a number, with their stages, steps and logs; those that are not over are kept."""
    found = await access.granted(request)
    before = body.query_number(request, "before", "build number")
    await purge(request.state["ports"], found.repo, before, auth.actor(request, found.user))
    return Empty()


async def forget_branch(request: Request[State]) -> Empty:
    """Take a branch off the list of branches, until it is pushed again; its builds stay."""
    return await _forget(request, "branch")


async def forget_pull(request: Request[State]) -> Empty:
    """Take a pull request off the list of pull requests, until it is pushed again; its builds stay."""
    return await _forget(request, "pull")


async def forget_deployment(request: Request[State]) -> Empty:
    """Take a target off the list of deployments, until it is deployed to again; its builds stay."""
    return await _forget(request, "deployment")


async def _forget(request: Request[State], kind: store.Index) -> Empty:
    repo = (await access.granted(request)).repo
    await request.state["db"].write(lists.forget(repo.id, kind, request.path_params["entry"]))
    return Empty()
