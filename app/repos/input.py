"""What clients may say of a repository."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.repos.model import Visibility
from app.web import body

#: Minutes that a stage may be given at most: 30 days.
LONGEST = 30 * 24 * 60
#: Stages of one repository that may be allowed to run at once.
WIDEST = 100_000
#: The last build number that may be set.
LAST_NUMBER = 1_000_000_000


def _config_path(value: str) -> str:
    parts = value.split("/")
    if not value.isprintable() or len(value) > 500 or any(part in ("", ".", "..") for part in parts):
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


ConfigPath = Annotated[str, AfterValidator(_config_path)]


class NewRepo(body.Input):
    """Body of POST /api/repos."""

    namespace: str
    name: str
    git_http_url: str
    default_branch: str = ""
    config_path: ConfigPath = ".drone.yml"
    visibility: Visibility = "private"


class RepoChanges(body.Input):
    """Body of PATCH /api/repos/{owner}/{name}: what is left out, or null, stays.

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
    trusted: bool | None = None
    timeout: Annotated[int, AfterValidator(_timeout)] | None = Field(None, description="Minutes a stage may take.")
    throttle: Annotated[int, AfterValidator(_throttle)] | None = Field(None, description="Stages at once; 0: any.")
    counter: Annotated[int, AfterValidator(_counter)] | None = Field(None, description="The last number; only grows.")


class Rights(body.Input):
    """Body of PUT …/collaborators/{login}; a greater right brings the lesser ones."""

    read: bool = False
    write: bool = False
    admin: bool = False
