"""The event of a build, which the conditions of a pipeline are compared with. Pure."""

from app.builds.model import Build
from app.pipeline.event import Event
from app.repos.model import Repo


def event_of(repo: Repo, build: Build) -> Event:
    """The event of a build, which the conditions of a pipeline are compared with (contract drone-yaml 8)."""
    return Event(
        kind=build.event,
        repo=repo.slug,
        branch=build.target_branch,
        ref=build.ref,
        action=build.action,
        target=build.deploy_to,
        cron=build.cron,
    )
