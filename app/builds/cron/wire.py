"""Cron jobs as clients read them, and what they send (`spec` drone-rest 2.6, 3.5)."""

from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ValidationInfo, field_validator
from typing_extensions import TypedDict

from app.builds.cron import expression
from app.builds.cron.flow import TARGET_MISSING
from app.builds.cron.model import LATEST_SUCCESS, Cron, Event, slug
from app.builds.params import WORD_LIMIT
from app.scm import refs
from app.web import body

#: Characters of a name.
NAME_LIMIT = 100


class CronJSON(TypedDict):
    """A job. `event` is `push` for one that builds its branch; `target` and `parent` are those of a promotion."""

    id: int
    repo_id: int
    name: str
    expr: str
    next: int
    prev: int
    event: Event
    branch: str
    target: NotRequired[str]
    parent: NotRequired[str]
    disabled: bool
    created: int
    updated: int
    version: int


def cron_json(job: Cron) -> CronJSON:
    """A job; `target` and `parent` are absent when empty."""
    whole: Any = {name: getattr(job, name) for name in CronJSON.__annotations__}
    for key in ("target", "parent"):
        if not whole[key]:
            del whole[key]
    made: CronJSON = whole
    return made


def _name(value: str) -> str:
    made = slug(value)
    if not 0 < len(made) <= NAME_LIMIT:
        raise ValueError(f"Invalid Cronjob Name: it needs 1 to {NAME_LIMIT} letters (a to z), digits, dashes or _")
    return made


def _expr(value: str) -> str:
    try:
        expression.check(value)
    except expression.BadExpression as error:
        raise ValueError(f"Invalid Cronjob Expression: {error}") from None
    return value


def _branch(value: str) -> str:
    if broken := refs.problem(value):
        raise ValueError(f"Invalid Cronjob Branch: it {broken}")
    return value


def _event(value: str) -> str:
    if value not in ("", "push", "promote"):
        raise ValueError("must be push, which builds the branch, or promote, which promotes a build of it")
    return value or "push"


def _target(value: str) -> str:
    if len(value) > WORD_LIMIT or "\0" in value:
        raise ValueError(f"must have at most {WORD_LIMIT} characters, and no NUL")
    return value


def _parent(value: str) -> str:
    if value not in ("", LATEST_SUCCESS):
        raise ValueError(f'must be "{LATEST_SUCCESS}": the newest successful build of the branch is promoted')
    return value


_Expr = Annotated[str, AfterValidator(_expr)]
_Branch = Annotated[str, AfterValidator(_branch)]
_Event = Annotated[str, AfterValidator(_event)]
_Target = Annotated[str, AfterValidator(_target)]
_Parent = Annotated[str, AfterValidator(_parent)]


class NewCron(body.Input):
    """Body of POST …/cron; Drone's client sends the other keys of a job as well."""

    model_config = body.Input.model_config | {"validate_default": True}

    name: Annotated[str, AfterValidator(_name)] = ""
    expr: _Expr = ""
    branch: _Branch = ""
    event: _Event = "push"
    target: _Target = ""
    parent: _Parent = ""
    disabled: bool = False

    @field_validator("target")
    @classmethod
    def _named(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("event") == "promote" and not value:
            raise ValueError(TARGET_MISSING)
        return value


class CronChanges(body.Input):
    """Body of PATCH …/cron/{cron}: what is absent or null stays as it is."""

    expr: _Expr | None = None
    branch: _Branch | None = None
    event: _Event | None = None
    target: _Target | None = None
    parent: _Parent | None = None
    disabled: bool | None = None
