"""How soon the built-in runner begins and ends a promoted build, as a client sees it."""

import time
from itertools import repeat

from app.cli.bench import scene
from app.cli.bench.server import Api

#: Seconds between two reads of a build, and between two promotions.
LOOK, PAUSE = 0.001, 0.05


def dispatches(api: Api, times: int) -> tuple[list[float], list[float]]:
    """Seconds from each answer to a promotion until a step was no longer pending, and until the build had ended."""
    pairs = [_dispatch(api) for _ in repeat(None, times)]
    return [first for first, _ in pairs], [end for _, end in pairs]


def _dispatch(api: Api) -> tuple[float, float]:
    time.sleep(PAUSE)
    number = api.ask("POST", f"{scene.BUILDS}/1/promote?target=quick")["number"]
    answered = time.perf_counter()
    first = end = 0.0
    for build in scene.watch(api, number, LOOK):
        end = time.perf_counter() - answered
        steps = [step for stage in build.get("stages", ()) for step in stage.get("steps", ())]
        if not first and any(step["status"] != "pending" for step in steps):
            first = end
    return first, end
