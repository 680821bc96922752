"""Routes of cron jobs (contract drone-rest 3.5)."""

from starlette.requests import Request

from app.accounts import auth
from app.accounts import moments as written
from app.builds.api.request import State
from app.builds.cron import flow, moments, store
from app.builds.cron.input import CronChanges, NewCron
from app.builds.cron.model import Cron
from app.builds.cron.wire import CronJSON, cron_json
from app.builds.wire import BuildJSON, build_json
from app.repos import access
from app.web import body
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_crons(request: Request[State]) -> JSON[list[CronJSON]]:
    """The cron jobs of a repository, by name."""
    jobs = await access.read(request, lambda repo: store.list_of(repo.id))
    return JSON([cron_json(job) for job in jobs])


async def create(request: Request[State]) -> JSON[CronJSON]:
    """Add a cron job: it builds a branch, or promotes its newest successful build, whenever `expr` says (UTC)."""
    found = await access.granted(request)
    repo, new = found.repo, await body.parse(request, NewCron)
    creating = flow.create(Cron(id=0, repo_id=repo.id, next=0, **new.model_dump()), request.state["now"]())
    made = await written.write(request, found.user, creating, lambda by, job: moments.created(by, repo, job))
    request.state["crons_changed"]()
    return JSON(cron_json(made))


async def show(request: Request[State]) -> JSON[CronJSON]:
    """A cron job, with when it is due next and when it last was."""
    job = await access.read(request, lambda repo: store.find(repo.id, request.path_params["cron"]))
    return JSON(cron_json(job))


async def update(request: Request[State]) -> JSON[CronJSON]:
    """Change a cron job; what is left out stays."""
    found = await access.granted(request)
    repo, new = found.repo, await body.parse(request, CronChanges)
    changes = new.model_dump(exclude_none=True)
    name, by = request.path_params["cron"], auth.actor(request, found.user)
    updating = flow.update(repo.id, name, changes, request.state["now"]())
    recorded = moments.changing(request.state["recorders"], by, repo, name, updating)
    job = await request.state["db"].write(recorded)
    request.state["crons_changed"]()
    return JSON(cron_json(job))


async def delete(request: Request[State]) -> Empty:
    """Remove a cron job; it may be gone already."""
    found = await access.granted(request)
    deleting = store.delete(found.repo.id, request.path_params["cron"])
    await written.write(request, found.user, deleting, lambda by, job: moments.deleted(by, found.repo, job))
    return Empty()


async def run(request: Request[State]) -> JSON[BuildJSON]:
    """Run a cron job now; when it is due next stays as it is."""
    found = await access.granted(request)
    job = await request.state["db"].read(store.find(found.repo.id, request.path_params["cron"]))
    by = auth.actor(request, found.user)
    return JSON(build_json(await flow.run(request.state["ports"], found.repo, job, by=by)))


_CRONS = "/api/repos/{owner}/{name}/cron"
_CRON = _CRONS + "/{cron}"
routes = [
    Endpoint("GET", _CRONS, list_crons, operation="cron.list_crons", needs="write"),
    Endpoint("POST", _CRONS, create, operation="cron.create", needs="write", body=NewCron, errors=[409]),
    Endpoint("GET", _CRON, show, operation="cron.show", needs="write"),
    Endpoint("PATCH", _CRON, update, operation="cron.update", needs="write", body=CronChanges),
    Endpoint("DELETE", _CRON, delete, operation="cron.delete", needs="write"),
    Endpoint("POST", _CRON, run, operation="cron.run", needs="write", errors=[400, 422]),
]
