"""The moments of cron jobs, written down in the transaction that makes the change."""

from app.builds.cron import store
from app.builds.cron.model import Cron
from app.db.tx import Tx
from app.moments import Actor, Change, Recorders, changed
from app.repos.model import Repo

#: Facts of a job that moments contain.
FACTS = ("expr", "zone", "event", "branch", "target", "disabled")


def created(by: Actor, repo: Repo, job: Cron) -> Change:
    """The moment when a job was added."""
    return Change("cron.create", by, _subject(repo, job), repo.id, after=_facts(job))


def changing(recorders: Recorders, by: Actor, repo: Repo, name: str, tx: Tx[Cron]) -> Tx[Cron]:
    """Carry out `tx`, which changes a job, and write down the facts that changed, if any did."""
    before = yield from store.lock(repo.id, name)
    after = yield from tx
    was, now = changed(before, after, FACTS)
    if was:
        yield from recorders.record(Change("cron.update", by, _subject(repo, after), repo.id, was, now))
    return after


def deleted(by: Actor, repo: Repo, job: Cron | None) -> Change | None:
    """The moment when a job was deleted; None when there was no job."""
    return Change("cron.delete", by, _subject(repo, job), repo.id, before=_facts(job)) if job else None


def _subject(repo: Repo, job: Cron) -> str:
    return f"{repo.slug}#cron/{job.name}"


def _facts(job: Cron) -> dict[str, object]:
    return {name: getattr(job, name) for name in FACTS}
