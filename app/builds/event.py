"""What a pipeline's conditions are compared with, and why none of them wants a build. Pure."""

from app.builds.model import Build
from app.errors import NothingToRun
from app.pipeline.document import Config
from app.pipeline.event import Event
from app.pipeline.plan import Plan
from app.repos.model import Repo


def event_of(repo: Repo, build: Build) -> Event:
    """What a pipeline's conditions are compared with (contract drone-yaml 8)."""
    return Event(
        kind=build.event,
        repo=repo.slug,
        branch=build.target_branch,
        ref=build.ref,
        action=build.action,
        target=build.deploy_to,
        cron=build.cron,
    )


def nothing_to_run(draft: Build, config: Config, planned: Plan) -> NothingToRun:
    """Why a draft starts nothing: for each pipeline the conditions that kept it out, and the targets there are."""
    reasons = [exclusion.sentence() for exclusion in planned.excluded] or ["the file has no pipelines"]
    message = "nothing to run: " + "; ".join(reasons)
    if draft.deploy_to and config.targets:
        message += f"; targets in the file: {', '.join(config.targets)}"
    pipelines = [
        {"pipeline": exclusion.pipeline, "conditions": [mismatch._asdict() for mismatch in exclusion.mismatches]}
        for exclusion in planned.excluded
    ]
    return NothingToRun(message, pipelines=pipelines, targets=config.targets)
