"""Routes that delete old builds, and entries in the index of newest builds."""

from starlette.requests import Request

from app.builds import lists, store
from app.builds.api.request import State
from app.builds.purge import purge
from app.repos.access import Access
from app.web import body
from app.web.reply import Empty


async def delete_old(request: Request[State], found: Access) -> Empty:
    """Delete the builds below a number, with their stages, steps and logs; those that are not over are kept."""
    before = body.query_number(request, "before", "build number")
    await purge(request.state["ports"], found.repo, before, found.by)
    return Empty()


async def forget_branch(request: Request[State], found: Access) -> Empty:
    """Take a branch off the list of branches, until it is pushed again; its builds stay."""
    return await _forget(request, found, "branch")


async def forget_pull(request: Request[State], found: Access) -> Empty:
    """Take a pull request off the list of pull requests, until it is pushed again; its builds stay."""
    return await _forget(request, found, "pull")


async def forget_deployment(request: Request[State], found: Access) -> Empty:
    """Take a target off the list of deployments, until it is deployed to again; its builds stay."""
    return await _forget(request, found, "deployment")


async def _forget(request: Request[State], found: Access, kind: store.Index) -> Empty:
    await request.state["db"].write(lists.forget(found.repo.id, kind, request.path_params["entry"]))
    return Empty()
