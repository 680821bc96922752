"""The moments of build-info. A moment is recorded in the transaction of its change."""

from collections.abc import Sequence

from app.artifacts.model import ArtifactRepository
from app.buildinfo.model import Run
from app.buildinfo.promotions import Promotion
from app.moments import Actor, Change

#: The most runs and files that one moment names.
NAMED = 100
_PROMOTION = ("status", "source", "target", "copy", "files", "failures", "result")


def deleted(
    verb: str, by: Actor, repo: ArtifactRepository, name: str, runs: Sequence[Run], artifacts: Sequence[str]
) -> Change:
    """Runs of a name were deleted, and perhaps artifacts with them; `verb` says by which rule."""
    facts = {"runs": [_run(run) for run in runs[:NAMED]], "count": len(runs)}
    if artifacts:
        facts |= {"artifacts": list(artifacts[:NAMED]), "artifact_count": len(artifacts)}
    return Change(verb, by, f"{repo.key}/{name}", before=facts)


def replaced(by: Actor, repo: ArtifactRepository, run: Run) -> Change:
    """A run was published again."""
    before = {"started": run.started_text, "statuses": len(run.statuses)}
    return Change("build_info.replace", by, f"{repo.key}/{run.name}#{run.number}", before=before)


def appended(by: Actor, key: str, run: Run, modules: int) -> Change:
    """Modules were added to a run."""
    after = {"started": run.started_text, "modules": modules}
    return Change("build_info.append", by, f"{key}/{run.name}#{run.number}", after=after)


def renamed(by: Actor, repo: ArtifactRepository, old: str, new: str, runs: int, files: int) -> Change:
    """The runs of a name have another name; `files` artifacts carry the new name."""
    after = {"name": new, "runs": runs, "artifacts": files}
    return Change("build_info.rename", by, f"{repo.key}/{old}", before={"name": old}, after=after)


def _run(run: Run) -> str:
    return f"{run.number} ({run.started_text})"


def promoted(by: Actor, key: str, promotion: Promotion, run: Run) -> Change:
    """A run was promoted: its files were put elsewhere, or got properties, or the run got a status."""
    facts = {name: getattr(promotion, name) for name in _PROMOTION}
    after = {"started": run.started_text, **{name: value for name, value in facts.items() if value}}
    return Change("build_info.promote", by, f"{key}/{run.name}#{run.number}", after=after)
