"""What the stages of the built-in runner need in order to use the artifacts."""

from dataclasses import dataclass

from app.accounts import auth, proofs
from app.artifacts import stages
from app.builds.model import Build, Stage
from app.builds.ports import Ports
from app.repos.model import Repo
from app.runners.manager import Deployment

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
