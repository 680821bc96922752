"""Cron jobs as clients send them (contract drone-rest 3.5)."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from app.builds.cron import expression, zones
from app.builds.cron.flow import TARGET_MISSING
from app.builds.cron.model import LATEST_SUCCESS, slug
from app.builds.params import WORD_LIMIT
from app.scm import refs
from app.web import body

#: Characters of a name.
NAME_LIMIT = 100


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


def _zone(value: str) -> str:
    zones.check(value)
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


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": "[A-Za-z0-9]"})]
Expr = Annotated[
    str, AfterValidator(_expr), Field(json_schema_extra={"maxLength": expression.LIMIT, "examples": ["@daily"]})
]
Zone = Annotated[str, AfterValidator(_zone), Field(json_schema_extra={"examples": ["Europe/Berlin"]})]
Branch = Annotated[str, AfterValidator(_branch), Field(json_schema_extra={"minLength": 1, "examples": ["main"]})]
EventWord = Annotated[str, AfterValidator(_event), Field(json_schema_extra={"enum": ["", "push", "promote"]})]
Target = Annotated[str, AfterValidator(_target), Field(json_schema_extra={"maxLength": WORD_LIMIT})]
Parent = Annotated[str, AfterValidator(_parent), Field(json_schema_extra={"enum": ["", LATEST_SUCCESS]})]


class NewCron(body.Input):
    """A cron job to add; other keys of a job, which Drone's client sends as well, do not matter."""

    model_config = body.required("name", "expr", "branch")

    name: Name = ""
    expr: Expr = ""
    zone: Zone = ""
    branch: Branch = ""
    event: EventWord = "push"
    target: Target = ""
    parent: Parent = ""
    disabled: bool = False

    @field_validator("target")
    @classmethod
    def _named(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("event") == "promote" and not value:
            raise ValueError(TARGET_MISSING)
        return value


class CronChanges(body.Input):
    """What is to be different of a cron job; what is left out stays."""

    expr: Expr | None = None
    zone: Zone | None = None
    branch: Branch | None = None
    event: EventWord | None = None
    target: Target | None = None
    parent: Parent | None = None
    disabled: bool | None = None
