"""Webhooks that go out: how many, how soon, and whether an endpoint that hangs delays others."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence

from app.cli.bench import scene
from app.cli.bench.history import NUMBERS
from app.cli.bench.load import PATIENCE, BenchFailed, at
from app.cli.bench.place import Bench
from app.cli.bench.receiver import DEAD, Came, Receiver, receiving
from app.cli.bench.report import Figure
from app.cli.bench.server import Api
from app.db.connect import connect
from app.db.tx import each, run

#: Goals: deliveries a second, milliseconds from the request of a promotion to the first byte of its delivery, and times
#: later that an endpoint that hangs makes the deliveries to others.
SENT_GOAL, SOON_GOAL, DEAD_GOAL = 500.0, 20.0, 1.2
#: Webhooks that get the deliveries, and those of which one hangs.
HOOKS, MANY = 50, 100
#: Webhooks of one place at most.
PLACE = 50
#: The path of the endpoint that hangs in every other turn, while it does not: what comes there does not count.
CHANGING = "/1"
#: Seconds between two promotions, one after the other and with many webhooks, and turns in which two cases are measured
#: side by side.
BETWEEN, FAR_BETWEEN, TURNS = 0.05, 0.5, 5
#: Seconds between two looks at what has come.
PAUSE = 0.02
_SETTINGS = {"WEBHOOK_ALLOW_PRIVATE": "true"}

#: As many copies of each delivery.
COPY = f"""{NUMBERS}
    INSERT INTO webhook_deliveries (
        webhook_id, event_id, state, created, attempted, tries, request, status, answer, duration, error
    )
    SELECT one.webhook_id, one.event_id, 'waiting', 1, 0, 0, '', 0, '', 0, ''
    FROM numbers CROSS JOIN webhook_deliveries AS one WHERE n <= :copies ORDER BY n, one.webhook_id
"""  # noqa: S608 - names only
WAIT = """
    INSERT INTO outbox (repo_id, kind, host, subject, part, payload, state, created, due, tries, error, owner, version)
    SELECT NULL, 'webhook', 'webhook:' || webhook_id, 'bench', id, '{"delivery":' || id || '}', 'waiting', 1, 1, 0, '',
        '', 1
    FROM webhook_deliveries WHERE state = 'waiting' ORDER BY id
"""


def measured(bench: Bench) -> list[Figure]:
    """Deliveries that waited and leave; the first byte after a promotion; an endpoint that hangs."""
    with receiving() as receiver:
        return [_sent(bench, receiver), *_soon(bench, receiver)]


def _sent(bench: Bench, receiver: Receiver) -> Figure:
    """How fast waiting deliveries leave, from the first to the last."""
    copies = max(bench.sizes.sent // HOOKS, 1)
    with bench.server("webhooks", settings=_SETTINGS) as server:
        scene.register(server.api, bench.repository)
        for number in range(HOOKS):
            _subscribe(server.api, f"{receiver.url}/{number}", number)
        _promote(server.api)
        _wait_for(receiver, HOOKS)
    bench.say(f"adding {copies * HOOKS:,} deliveries that wait")
    asyncio.run(_fill(f"sqlite:///{bench.folder / 'webhooks' / 'gantry.sqlite'}", copies))
    bench.say(f"{copies * HOOKS:,} deliveries to {HOOKS} webhooks")
    with bench.server("webhooks", settings=_SETTINGS):
        came = _wait_for(receiver, copies * HOOKS)
    times = [one.at for one in came]
    return Figure(f"deliveries to {HOOKS} webhooks", (len(came) - 1) / (max(times) - min(times)), "/s", SENT_GOAL)


def _soon(bench: Bench, receiver: Receiver) -> list[Figure]:
    """How soon the first byte of a delivery comes, alone and among many, with and without an endpoint that hangs."""
    with bench.server("soon", settings=_SETTINGS) as server:
        scene.register(server.api, bench.repository)
        _subscribe(server.api, f"{receiver.url}/0", 0)
        bench.say("promotions, and their deliveries")
        alone = _timed(server.api, receiver, bench.sizes.seconds, 1, BETWEEN)
        hanging, *_ = [_subscribe(server.api, f"{receiver.url}/{number}", number) for number in range(1, MANY)]
        bench.say(f"promotions with {MANY} webhooks, of which one hangs or none")
        found: dict[str, list[float]] = {CHANGING: [], DEAD: []}
        for _ in range(TURNS):
            for path, took in found.items():
                body = json.dumps({"url": receiver.url + path, "active": True}).encode()
                server.api.ask("PATCH", hanging, body)
                took += _timed(server.api, receiver, bench.sizes.seconds / TURNS, MANY - 1, FAR_BETWEEN)
    well, dead = (at(took, 0.95) for took in found.values())
    detail = {"before_p95_ms": well, "after_p95_ms": dead}
    return [
        Figure(
            "promotion to first byte of its delivery", at(alone, 0.5), "ms", SOON_GOAL, 0, {"p95_ms": at(alone, 0.95)}
        ),
        Figure(f"{MANY} webhooks, one hangs / none, p95", dead / well, "x", DEAD_GOAL, 0, detail),
    ]


def _subscribe(api: Api, url: str, number: int) -> str:
    """Add a webhook; its path."""
    place = "/api/webhooks" if number < PLACE else f"/api/repos/{scene.SLUG}/webhooks"
    made = api.ask("POST", place, json.dumps({"url": url, "events": ["promotion.requested"]}).encode())
    return f"{place}/{made['id']}"


def _promote(api: Api) -> int:
    path = f"{scene.BUILDS}/1/promote?target=production&VERSION=1"
    return int(api.ask("POST", path)["number"])


def _timed(api: Api, receiver: Receiver, seconds: float, hooks: int, between: float) -> list[float]:
    """Promote for some seconds: the seconds from each request until the first byte of each of its deliveries."""
    receiver.came()
    asked: dict[int, float] = {}
    for _ in range(max(round(seconds / between), 1)):
        began = time.monotonic()
        asked[_promote(api)] = began
        time.sleep(between)
    came = _wait_for(receiver, len(asked) * hooks, lambda one: one.build in asked and one.path != CHANGING)
    return [one.at - asked[one.build] for one in came]


def _wait_for(receiver: Receiver, wanted: int, counts: Callable[[Came], bool] = lambda _: True) -> Sequence[Came]:
    """What has come of what counts, once there is so much."""
    came: list[Came] = []
    deadline = time.monotonic() + PATIENCE + wanted / SENT_GOAL * TURNS
    while len(came) < wanted:
        if time.monotonic() > deadline:
            raise BenchFailed(f"only {len(came):,} of {wanted:,} deliveries have come")
        time.sleep(PAUSE)
        came += filter(counts, receiver.came())
    return came


async def _fill(url: str, copies: int) -> None:
    db = connect(url)
    await db.open()
    try:
        await db.write(each([run(COPY, copies=copies), run(WAIT)]))
    finally:
        await db.close()
