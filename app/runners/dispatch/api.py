"""Routes of the queue and of the server's state, for administrators (contract drone-rest 3.6)."""

from starlette.requests import Request

from app.accounts.auth import SYSTEM, Caller
from app.builds import lists, stages
from app.builds.api import request as builds_state
from app.builds.wire import StageJSON, stage_row_json
from app.db.tx import Row, Rows, Tx
from app.encoding import encode
from app.runners.dispatch.platforms import Load, Platform, table
from app.runners.dispatch.queue import PAUSED, Queue
from app.runners.dispatch.wire import ActiveCountJSON, BuildCountsJSON, StatsJSON, SubscriberCountJSON, TotalCountJSON
from app.web.reply import JSON, Empty, Encoded, joined
from app.web.route import Endpoint

#: Stages that are read and written at a time, so that a long queue does not hold up other requests.
PAGE = 500


class State(builds_state.State):
    """What these routes need in addition to the state of the builds' routes."""

    queue: Queue


async def show_queue(request: Request[State], _: Caller) -> Encoded[list[StageJSON]]:
    """The stages that wait for a runner or run, oldest first."""
    ports, paused = request.state["ports"], await request.state["queue"].is_paused()
    texts: list[bytes] = []
    after = 0
    while page := await ports.db.read(stages.unfinished(after, PAGE)):
        texts.append(encode([_waiting(stage_row_json(row), paused=paused) for row in page])[1:-1])
        after = page[-1]["id"]
    return Encoded(joined(texts))


def _waiting(stage: StageJSON, *, paused: bool) -> StageJSON:
    if paused and stage["status"] == "pending" and "machine" not in stage:
        stage["pending_reason"] = PAUSED
    return stage


async def pause_queue(request: Request[State], caller: Caller) -> Empty:
    """Pause the queue: no stage is handed to a runner until it is resumed; what runs goes on."""
    await request.state["queue"].pause(caller.by)
    return Empty()


async def resume_queue(request: Request[State], caller: Caller) -> Empty:
    """Resume the queue: stages are handed to runners again."""
    await request.state["queue"].resume(caller.by)
    return Empty()


async def show_stats(request: Request[State], _: Caller, counted: tuple[dict[str, int], Rows]) -> JSON[StatsJSON]:
    """How many accounts, repositories and builds there are, how busy each platform is, and who listens."""
    counts, platforms = counted
    return JSON(
        StatsJSON(
            users=TotalCountJSON(total=counts["users"]),
            repos=ActiveCountJSON(active=counts["active_repos"]),
            builds=BuildCountsJSON(
                pending=counts["pending_builds"],
                blocked=counts["blocked_builds"],
                running=counts["running_builds"],
                total=counts["builds"],
            ),
            pipelines=table(request.state["queue"].runners, [_load(row) for row in platforms]),
            events=SubscriberCountJSON(subscribers=request.state["broadcast"].listeners),
            streams={str(step_id): readers for step_id, readers in request.state["ports"].logs.readers().items()},
            watchers=None,
        )
    )


def _counted(_: Request[State], __: Caller) -> Tx[tuple[dict[str, int], Rows]]:
    return (yield from lists.counts()), (yield from stages.platforms())


def _load(row: Row) -> Load:
    return Load(Platform(row["os"], row["arch"], row["variant"], row["kernel"]), row["pending"], row["running"])


routes = [
    Endpoint("GET", "/api/queue", show_queue, operation="server.show_queue", needs=SYSTEM),
    Endpoint("DELETE", "/api/queue", pause_queue, operation="server.pause_queue", needs=SYSTEM),
    Endpoint("POST", "/api/queue", resume_queue, operation="server.resume_queue", needs=SYSTEM),
    Endpoint("GET", "/api/system/stats", show_stats, operation="server.show_stats", needs=SYSTEM, reads=_counted),
]
