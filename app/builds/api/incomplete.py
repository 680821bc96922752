"""Routes of the unfinished builds and stages of all repositories, for administrators.

Contract drone-rest 2.6, 3.6; recorded: admin.json.
"""

import asyncio

from starlette.requests import Request
from typing_extensions import TypedDict

from app.accounts.auth import SYSTEM, Caller
from app.builds import lists, stages
from app.builds.api.request import State
from app.builds.model import Build, Status
from app.builds.wire import RepoBuildJSON, repo_build_json
from app.db.tx import Rows, Tx
from app.encoding import encode
from app.repos.model import Repo
from app.web.reply import JSON, Encoded, joined
from app.web.route import Endpoint

#: Builds in the list.
MOST = 50
#: Rows that are encoded at a time, so that other requests do not wait for a long list.
PIECE = 500


class UnfinishedStageJSON(TypedDict):
    """A stage that waits or runs, beside its build and repository. The two limits are texts."""

    repo_namespace: str
    repo_name: str
    repo_slug: str
    build_number: int
    build_author: str
    build_author_name: str
    build_author_email: str
    build_author_avatar: str
    build_sender: str
    build_started: int
    build_finished: int
    build_created: int
    build_updated: int
    stage_name: str
    stage_kind: str
    stage_type: str
    stage_status: Status
    stage_machine: str
    stage_os: str
    stage_arch: str
    stage_variant: str
    stage_kernel: str
    stage_limit: str
    stage_limit_repo: str
    stage_started: int
    stage_stopped: int


_KEYS = tuple(UnfinishedStageJSON.__annotations__)


async def list_incomplete(_: Request[State], __: Caller, pairs: list[tuple[Repo, Build]]) -> JSON[list[RepoBuildJSON]]:
    """The newest builds of which a stage waits for a runner or runs, each inside its repository."""
    return JSON([repo_build_json(repo, build) for repo, build in pairs])


def _builds(_: Request[State], __: Caller) -> Tx[list[tuple[Repo, Build]]]:
    """The builds that are not over."""
    return lists.incomplete(MOST)


async def list_incomplete_stages(_: Request[State], __: Caller, found: Rows) -> Encoded[list[UnfinishedStageJSON]]:
    """Every stage that waits for a runner or runs, the newest build's first."""
    texts: list[bytes] = []
    for start in range(0, len(found), PIECE):
        listed = [dict(zip(_KEYS, row, strict=True)) for row in found[start : start + PIECE]]
        texts.append(encode(listed)[1:-1])
        await asyncio.sleep(0)
    return Encoded(joined(texts))


def _rows(_: Request[State], __: Caller) -> Tx[Rows]:
    """The stages that are not over."""
    return stages.rows()


_INCOMPLETE = "/api/builds/incomplete"
routes = [
    Endpoint("GET", _INCOMPLETE, list_incomplete, operation="builds.list_incomplete", needs=SYSTEM, reads=_builds),
    Endpoint(
        "GET",
        f"{_INCOMPLETE}/v2",
        list_incomplete_stages,
        operation="builds.list_incomplete_stages",
        needs=SYSTEM,
        reads=_rows,
    ),
]
