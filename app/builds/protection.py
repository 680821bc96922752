"""Protected repositories: a pipeline file runs if the repository's key signed it, or if an administrator approved it.

An approval, and so a decline, is for one exact text. It counts for each later build of the repository with that text,
whoever begins the build.
"""

import asyncio
import hashlib
from collections.abc import Sequence

from app.builds.model import Build, Stage
from app.builds.ports import Ports
from app.db.tx import Tx, one, run
from app.errors import Unreadable
from app.evolve import evolve
from app.pipeline import signature
from app.repos.model import SECRET, Repo

KEEP = "INSERT INTO unsigned (build_id, digest) VALUES (:build_id, :digest)"
OF_BUILD = "SELECT digest FROM unsigned WHERE build_id = :build_id"
DECISION = "SELECT approved, number FROM decisions WHERE repo_id = :repo_id AND digest = :digest"
DECIDE = """
    INSERT INTO decisions (repo_id, digest, approved, number, decided)
    VALUES (:repo_id, :digest, :approved, :number, :now)
    ON CONFLICT (repo_id, digest) DO UPDATE SET approved = excluded.approved, number = excluded.number,
        decided = excluded.decided
"""


async def unsigned(ports: Ports, repo: Repo, text: str) -> str:
    """The digest of a pipeline file that needs an approval; empty for a file that needs none."""
    if not repo.protected:
        return ""
    key = ports.seal.open(repo.secret, SECRET)
    return await asyncio.to_thread(_digest, text, key)


def _digest(text: str, key: str) -> str:
    return "" if key and signature.verify(text, key) else hashlib.sha256(text.encode()).hexdigest()


def judged(repo_id: int, digest: str, planned: Sequence[Stage]) -> Tx[Sequence[Stage]]:
    """The planned stages of a file that is not signed: as they are after an approval of the file, else blocked.

    Unreadable when the file was declined.
    """
    row = yield from one(DECISION, repo_id=repo_id, digest=digest)
    if row is None:
        return [evolve(stage, status="blocked", exit_code=0, started=0, stopped=0) for stage in planned]
    if not row["approved"]:
        raise Unreadable(
            f"an administrator declined this pipeline file in build {row['number']}; change the file, or let an "
            "administrator sign it: gantry sign",
            code="file_declined",
        )
    return planned


def keep(build_id: int, digest: str) -> Tx[None]:
    """Remember the file of a new build, for the decision about its stages."""
    yield from run(KEEP, build_id=build_id, digest=digest)


def decide(build: Build, now: int) -> Tx[None]:
    """Write down what the statuses of a locked build's stages say about the file of the build.

    The file is declined when one stage is declined, and approved when every stage was approved. As long as a stage
    waits for a decision, nothing is decided about the file.
    """
    row = yield from one(OF_BUILD, build_id=build.id)
    statuses = {stage.status for stage in build.stages}
    if row is None or ("blocked" in statuses and "declined" not in statuses):
        return
    approved = "declined" not in statuses
    yield from run(DECIDE, repo_id=build.repo_id, digest=row["digest"], approved=approved, number=build.number, now=now)
