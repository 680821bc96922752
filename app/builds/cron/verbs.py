"""What is done to cron jobs, by the API and by pages: each change with its record."""

from app.builds.api.request import State
from app.builds.cron import flow, moments, store
from app.builds.cron.input import CronChanges, NewCron
from app.builds.cron.model import Cron
from app.repos.access import Access


async def create(state: State, found: Access, new: NewCron) -> Cron:
    """Add a job. Invalid when it would run too often, or promotes nowhere; Conflict when its name is taken."""
    job = Cron(id=0, repo_id=found.repo.id, next=0, **new.model_dump())
    creating = flow.create(job, state["now"](), state["cron_pace"], free=found.is_system)
    recorded = state["recorders"].recorded(creating, lambda made: moments.created(found.by, found.repo, made))
    made: Cron = await state["db"].write(recorded)
    state["crons_changed"]()
    return made


async def update(state: State, found: Access, name: str, new: CronChanges) -> Cron:
    """Change a job; what is None stays. NotFound, and Invalid as in `create`."""
    changes = new.model_dump(exclude_none=True)
    updating = flow.update(found.repo.id, name, changes, state["now"](), state["cron_pace"], free=found.is_system)
    recorded = moments.changing(state["recorders"], found.by, found.repo, name, updating)
    job: Cron = await state["db"].write(recorded)
    state["crons_changed"]()
    return job


async def delete(state: State, found: Access, name: str) -> None:
    """Remove a job; it may be gone already."""
    deleting = store.delete(found.repo.id, name)
    await state["db"].write(
        state["recorders"].recorded(deleting, lambda job: moments.deleted(found.by, found.repo, job))
    )
