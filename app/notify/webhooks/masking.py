"""Hides the values of secrets in what subscribers are told."""

from dataclasses import dataclass, replace

from app.db.connect import Database
from app.db.tx import Tx
from app.notify.webhooks.model import Event
from app.repos import store as repos
from app.repos.secrets import store as secrets
from app.sealing.seal import Seal


@dataclass(frozen=True, slots=True)
class Masking:
    """Hides them as they are at the time of the attempt: an event that waits holds none of them."""

    db: Database
    seal: Seal

    async def __call__(self, event: Event) -> Event:
        """The event without the values of secrets in the parameters of its build."""
        build = event.facts.get("build", {})
        if not (params := build.get("params")):
            return event
        values = await self.db.glance(self._values(build["repo_id"]))
        masked = secrets.masking(values) if values is not None else lambda _: secrets.HIDDEN
        hidden = {name: masked(value) for name, value in params.items()}
        return replace(event, facts={**event.facts, "build": {**build, "params": hidden}})

    def _values(self, repo_id: int) -> Tx[set[str] | None]:
        """The values that must not be told; None when the repository was deleted, and its secrets are not known."""
        repo = yield from repos.find_by_id_if_any(repo_id)
        return (yield from secrets.values_for_build(repo, self.seal)) if repo else None
