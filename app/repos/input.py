"""The bodies of requests about a repository, and their rules."""

import re
from typing import Annotated, cast

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from app import duration, names
from app.accounts import issued
from app.accounts.artifactory import keys
from app.errors import Problem
from app.repos import parameters
from app.repos.model import Visibility
from app.web import body
from app.web.needs import Scope

#: Characters of a namespace or a repository's name.
LONGEST_NAME = 100
#: Characters of the path of a pipeline file.
LONGEST_PATH = 500
#: The longest timeout of a stage in minutes: 30 days.
LONGEST = 30 * 24 * 60
#: The highest limit for the stages of one repository that run at once.
WIDEST = 100_000
#: The highest build number that may be set.
LAST_NUMBER = 1_000_000_000
#: Characters of a token's name, and repositories that a token may name, at most.
LONGEST_TOKEN_NAME, MOST_REPOS = 100, 100
#: The last time that a token may expire at: the end of the year 9999.
LATEST = 253_402_300_799
#: Seconds between two looks at the refs of a repository, at least and at most.
SHORTEST_POLL, LONGEST_POLL = 30, 7 * 86400
#: How many names of parameters a repository may allow.
MOST_PARAMETERS = 200


def _config_path(value: str) -> str:
    parts = value.split("/")
    if not value.isprintable() or len(value) > LONGEST_PATH or any(part in ("", ".", "..") for part in parts):
        raise ValueError("must be a path inside the repository, such as .drone.yml or ci/pipeline.yml")
    return value


def _timeout(value: int) -> int:
    if not 1 <= value <= LONGEST:
        raise ValueError(f"must be 1 to {LONGEST} minutes")
    return value


def _throttle(value: int) -> int:
    if not 0 <= value <= WIDEST:
        raise ValueError(f"must be 0, which is no limit, to {WIDEST} stages at once")
    return value


def _counter(value: int) -> int:
    if not 0 <= value <= LAST_NUMBER:
        raise ValueError(f"must be 0 to {LAST_NUMBER}")
    return value


def _token_name(value: str) -> str:
    if not names.is_name(value, LONGEST_TOKEN_NAME) or value.isdecimal():
        raise ValueError(f"must be {names.rule(LONGEST_TOKEN_NAME)}, and no number")
    if value.lower().startswith(issued.PREFIX) or value == keys.NAME:
        raise ValueError(f"must not be {keys.NAME!r} nor begin with {issued.PREFIX!r}, which the server itself uses")
    return value


def _slugs(value: list[str]) -> list[str]:
    if len(value) > MOST_REPOS or not all(re.fullmatch(_SLUG, slug) for slug in value):
        raise ValueError(f"must be at most {MOST_REPOS} repositories, each as NAMESPACE/NAME")
    return value


def _expiry(value: int) -> int:
    if not 0 <= value <= LATEST:
        raise ValueError(f"must be a time in Unix seconds up to {LATEST}, or 0 for never")
    return value


def _parameters(value: list[str]) -> list[str]:
    if len(value) > MOST_PARAMETERS:
        raise ValueError(f"must be at most {MOST_PARAMETERS} names")
    if faults := [fault.message for name in value if (fault := parameters.problem(name))]:
        raise ValueError("; ".join(faults))
    return sorted(set(value))


def _duration(value: object) -> object:
    """A text that is a duration, in seconds; every other value unchanged."""
    if not isinstance(value, str):
        return value
    return 0 if value == "0" else duration.seconds(value)


def _poll(value: int) -> int:
    if value != 0 and not SHORTEST_POLL <= value <= LONGEST_POLL:
        raise ValueError(f"must be {SHORTEST_POLL} s to {LONGEST_POLL // 86400} days, as in 1m, or 0 for no polling")
    return value


def _between(low: int, high: int) -> dict[str, JsonValue]:
    return {"minimum": low, "maximum": high}


#: Not checked here: `flow.register` checks names together with the other fields, and reports all faults at once.
Name = Annotated[str, Field(json_schema_extra={"pattern": names.pattern(LONGEST_NAME)})]
ConfigPath = Annotated[
    str, AfterValidator(_config_path), Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_PATH})
]
Timeout = Annotated[int, AfterValidator(_timeout), Field(json_schema_extra=_between(1, LONGEST))]
Throttle = Annotated[int, AfterValidator(_throttle), Field(json_schema_extra=_between(0, WIDEST))]
_SLUG = f"[^/]{{1,{LONGEST_NAME}}}(?:/[^/]{{1,{LONGEST_NAME}}})+"
TokenName = Annotated[
    str, AfterValidator(_token_name), Field(json_schema_extra={"pattern": names.pattern(LONGEST_TOKEN_NAME)})
]
Slugs = Annotated[list[str], AfterValidator(_slugs), Field(json_schema_extra={"maxItems": MOST_REPOS})]
Expiry = Annotated[int, AfterValidator(_expiry), Field(json_schema_extra=_between(0, LATEST))]
Parameters = Annotated[list[str], AfterValidator(_parameters), Field(json_schema_extra={"maxItems": MOST_PARAMETERS})]
Poll = Annotated[
    int,
    BeforeValidator(_duration),
    AfterValidator(_poll),
    Field(json_schema_extra=_between(0, LONGEST_POLL)),
]
Counter = Annotated[int, AfterValidator(_counter), Field(json_schema_extra=_between(0, LAST_NUMBER))]


class NewRepo(body.Input):
    """A git repository to register."""

    namespace: Name
    name: Name
    git_http_url: str
    default_branch: str = ""
    config_path: ConfigPath = ".drone.yml"
    visibility: Visibility = "private"


class RepoChanges(body.Input):
    """What is to be different of a repository; what is left out stays.

    `trusted`, `timeout`, `throttle` and `counter` are for administrators of the server; from others they are ignored.
    """

    visibility: Visibility | None = None
    config_path: ConfigPath | None = None
    protected: bool | None = None
    ignore_forks: bool | None = None
    ignore_pull_requests: bool | None = None
    auto_cancel_pull_requests: bool | None = None
    auto_cancel_pushes: bool | None = None
    auto_cancel_running: bool | None = None
    parameters: Parameters | None = Field(
        None, description="The only names that parameters of builds may have; an empty list: every name."
    )
    deployments: bool | None = Field(
        None, description="Whether promotions and rollbacks are shown at the host as deployments."
    )
    workflow_deployments: bool | None = Field(
        None, description="Whether deployments promote that a workflow of the host made, as GitHub Actions."
    )
    poll: Poll | None = Field(
        None, description='How often the refs of a repository of plain git are listed: seconds or "5m"; 0: never.'
    )
    git_notes: bool | None = Field(None, description="Whether builds are noted in `refs/notes/ci` of plain git.")
    git_tags: bool | None = Field(
        None, description="Whether a successful promotion tags its commit in plain git: `deploy/TARGET/NUMBER`."
    )
    trusted: bool | None = None
    timeout: Timeout | None = Field(None, description="Minutes a stage may take.")
    throttle: Throttle | None = Field(None, description="Stages at once; 0: any.")
    counter: Counter | None = Field(None, description="The last number; only grows.")


class Rights(body.Input):
    """Rights to give; a greater one brings the lesser ones."""

    read: bool = False
    write: bool = False
    admin: bool = False


def check_name(field: str, value: str) -> Problem | None:
    """The fault of a namespace or a name that cannot stand in an address; None for a right one."""
    if names.is_name(value, LONGEST_NAME):
        return None
    return Problem(field, "bad_name", f"{field} must be {names.rule(LONGEST_NAME)}")


class NewToken(body.Input):
    """A token to add: its name, what it is good for, and the only repositories that it is good for; none is all.

    `expires` is a time in Unix seconds; 0 is never.
    """

    model_config = body.required("name", "scope")

    name: TokenName = ""
    scope: Scope = cast("Scope", "")
    repos: Slugs = Field(default_factory=list)
    expires: Expiry = 0
