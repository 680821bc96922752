"""What happens to cron jobs, as moments: written down in the transaction that does it."""

from app.builds.cron import store
from app.builds.cron.model import Cron
from app.db.tx import Tx
from app.moments import Actor, Change, Recorders, changed
from app.repos.model import Repo

#: Facts of a job that are told.
FACTS = ("expr", "event", "branch", "target", "disabled")


def created(by: Actor, repo: Repo, job: Cron) -> Change:
    """A job was added."""
    return Change("cron.create", by, _subject(repo, job), repo.id, after=_facts(job))


def changing(recorders: Recorders, by: Actor, repo: Repo, name: str, tx: Tx[Cron]) -> Tx[Cron]:
    """A transaction that changes a job, and what it changed, if anything."""
    before = yield from store.lock(repo.id, name)
    after = yield from tx
    was, now = changed(before, after, FACTS)
    if was:
        yield from recorders.record(Change("cron.update", by, _subject(repo, after), repo.id, was, now))
    return after


def deleted(by: Actor, repo: Repo, job: Cron | None) -> Change | None:
    """A job is gone; None when there was none."""
    return Change("cron.delete", by, _subject(repo, job), repo.id, before=_facts(job)) if job else None


def _subject(repo: Repo, job: Cron) -> str:
    return f"{repo.slug}#cron/{job.name}"


def _facts(job: Cron) -> dict[str, object]:
    return {name: getattr(job, name) for name in FACTS}
