"""The build, the stage and the step that the path of a request names by their numbers."""

from typing import Any

from starlette.requests import Request

from app.builds import steps, store
from app.builds.model import Build, Step
from app.db.tx import Tx
from app.repos.access import Access
from app.repos.paths import REPO
from app.web import body
from app.web.path import Word

NUMBER = Word("number", "Number of the build, from 1.", 1)
STAGE = Word("stage", "Number of the stage, from 1.", 1)
STEP = Word("step", "Number of the step, from 1.", 1)

BUILDS = REPO / "builds"
BUILD = BUILDS / NUMBER


def number(request: Request[Any]) -> int:
    """The number of the build; Invalid when the path has no number there."""
    return body.number(request, NUMBER.name, "build number")


def stage(request: Request[Any]) -> int:
    """The number of the stage; Invalid when the path has no number there."""
    return body.number(request, STAGE.name, "stage number")


def build(request: Request[Any], found: Access) -> Tx[Build]:
    """The build that the path names, without its stages; NotFound."""
    return store.find(found.repo.id, number(request))


def step(request: Request[Any], found: Access) -> Tx[Step]:
    """The step that the path names; NotFound."""
    of_stage = body.number(request, STEP.name, "step number")
    return steps.find_by_numbers(found.repo.id, number(request), stage(request), of_stage)
