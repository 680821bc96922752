"""What the path of a request names: a build, a stage, a step, by their numbers."""

from typing import Any

from starlette.requests import Request

from app.builds import steps
from app.builds.model import Step
from app.db.tx import Tx
from app.repos.model import Repo
from app.web import body


def build(request: Request[Any]) -> int:
    """The build's number; Invalid when it is none."""
    return body.number(request, "number", "build number")


def stage(request: Request[Any]) -> int:
    """The stage's number."""
    return body.number(request, "stage", "stage number")


def step(request: Request[Any], repo: Repo) -> Tx[Step]:
    """The step itself; NotFound."""
    number = body.number(request, "step", "step number")
    return (yield from steps.find_by_numbers(repo.id, build(request), stage(request), number))
