"""Routes of cron jobs (contract drone-rest 3.5)."""

from starlette.requests import Request

from app.builds.api.request import State
from app.builds.cron import flow, store, verbs
from app.builds.cron.input import CronChanges, NewCron
from app.builds.cron.model import Cron
from app.builds.cron.wire import CronJSON, cron_json
from app.builds.wire import BuildJSON, build_json
from app.db.tx import Tx
from app.repos.access import WRITE, Access
from app.repos.paths import REPO
from app.web import body
from app.web.path import Word
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_crons(_: Request[State], __: Access, jobs: list[Cron]) -> JSON[list[CronJSON]]:
    """The cron jobs of a repository, by name."""
    return JSON([cron_json(job) for job in jobs])


def _all(_: Request[State], found: Access) -> Tx[list[Cron]]:
    return store.list_of(found.repo.id)


async def create(request: Request[State], found: Access) -> JSON[CronJSON]:
    """Add a cron job: it builds a branch, or promotes its newest successful build, whenever `expr` says.

    `expr` is about the clock of `zone`, a time zone as in Europe/Berlin; without it, about UTC.
    """
    return JSON(cron_json(await verbs.create(request.state, found, await body.parse(request, NewCron))))


async def show(_: Request[State], __: Access, job: Cron) -> JSON[CronJSON]:
    """A cron job, with when it is due next and when it last was."""
    return JSON(cron_json(job))


def _named(request: Request[State], found: Access) -> Tx[Cron]:
    return store.find(found.repo.id, request.path_params["cron"])


async def update(request: Request[State], found: Access) -> JSON[CronJSON]:
    """Change a cron job; what is left out stays."""
    changes = await body.parse(request, CronChanges)
    return JSON(cron_json(await verbs.update(request.state, found, request.path_params["cron"], changes)))


async def delete(request: Request[State], found: Access) -> Empty:
    """Remove a cron job; it may be gone already."""
    await verbs.delete(request.state, found, request.path_params["cron"])
    return Empty()


async def run(request: Request[State], found: Access, job: Cron) -> JSON[BuildJSON]:
    """Run a cron job now; when it is due next stays as it is."""
    return JSON(build_json(await flow.run(request.state["ports"], found.repo, job, by=found.by)))


_CRONS = REPO / "cron"
_CRON = _CRONS / Word("cron", "Name of the cron job.", "nightly")
routes = [
    Endpoint("GET", _CRONS, list_crons, operation="cron.list_crons", needs=WRITE, reads=_all),
    Endpoint("POST", _CRONS, create, operation="cron.create", needs=WRITE, body=NewCron, errors=[409]),
    Endpoint("GET", _CRON, show, operation="cron.show", needs=WRITE, reads=_named),
    Endpoint("PATCH", _CRON, update, operation="cron.update", needs=WRITE, body=CronChanges),
    Endpoint("DELETE", _CRON, delete, operation="cron.delete", needs=WRITE),
    Endpoint("POST", _CRON, run, operation="cron.run", needs=WRITE, reads=_named, errors=[400, 422]),
]
