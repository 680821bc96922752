"""What the stages of the built-in runner need in order to use the artifacts, and what they must not tell there."""

from collections.abc import Callable
from dataclasses import dataclass

from app.accounts import auth, proofs
from app.artifacts import stages
from app.builds.model import Build, Stage
from app.builds.ports import Ports
from app.db.connect import Database
from app.db.tx import Tx
from app.moments import Actor
from app.repos import store as repos
from app.repos.model import Repo
from app.repos.secrets import store as secrets
from app.runners.manager import Deployment
from app.sealing.seal import Seal

#: Seconds after which a token is over even if its stage still runs.
LONGEST = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Deploying:
    """Makes a token for each stage that asks; a stage that asks again gets a new one."""

    ports: Ports
    url: str

    async def __call__(self, repo: Repo, build: Build, stage: Stage) -> Deployment:
        """The address, and the new token."""
        token, now = auth.new_token(), self.ports.now()
        name = f"{repo.slug}#{build.number}"
        storing = stages.add(proofs.hash_token(token), repo.id, name, stage.id, now=now, expires=now + LONGEST)
        await self.ports.db.write_few(storing)
        return Deployment(self.url, token)


@dataclass(frozen=True, slots=True)
class Masks:
    """Hides the secrets of a stage in what its token publishes: build-info is read by many."""

    db: Database
    seal: Seal

    async def __call__(self, by: Actor) -> Callable[[str], str] | None:
        """The function that hides them in a text; None for everybody but a stage."""
        slug, _, number = by.name.rpartition("#")
        if by.kind != "runner" or not number:
            return None
        values = await self.db.read(_secrets(slug, self.seal))
        return secrets.masking(values) if values else None


def _secrets(slug: str, seal: Seal) -> Tx[set[str]]:
    namespace, _, name = slug.rpartition("/")
    repo = yield from repos.find_if_any(namespace, name)
    return (yield from secrets.values_for_build(repo, seal)) if repo else set()
