"""What is deliberately not as recorded. The table of docs/compatibility.md has one row for each key, and no other."""

import re
from typing import NamedTuple


class Difference(NamedTuple):
    """Where answers may differ: `exchange` matches the recorded name, `place` the path inside the JSON."""

    exchange: str
    place: str


DIFFERENCES = {
    "nothing to run": Difference(
        r"no pipeline names|^create a build on|^starts nothing|^run a cron job now$|build create|promote \S+ 1 staging",
        r"(status|.*)",
    ),
    "stages in the answer": Difference(r"promote|rollback", r"stages"),
    "parameter names": Difference(r"odd parameter name|^promote in a disabled repository$", r".*"),
    "protection": Difference(
        r"in a protected repository|^(approve|decline) stage \d|^after the approval$|^the (blocked|approved) build",
        r".*",
    ),
    "new parameters win": Difference(r"restart of a promotion|", r"(.*\.)?params\.VERSION"),
    "error texts": Difference(r"", r"message"),
    "error codes": Difference(r"", r"(code|errors)"),
    "avatar_url": Difference(r"", r"avatar_url"),
    "timestamp": Difference(r"", r"(.*\.)?timestamp"),
    "more variables": Difference(
        r"log",
        r"out\.(DRONE_(BUILD_(DEBUG|TRIGGER)|DEPLOY_ID|STAGE_VERSION|CARD_PATH)|GANTRY_(URL|TOKEN)|LANG|USER|PATH)",
    ),
    "a name that is taken": Difference(r"that exists$|with no login$", r"(status|.*)"),
    "some right, but not enough": Difference(r"by one who may (read|write)$", r"status"),
    "tokens": Difference(r"^rotate the own token$|user add", r"token"),
    "private": Difference(r"^change settings$", r"private"),
    "an unknown visibility": Difference(r"unknown visibility$", r"(status|.*)"),
    "a cron job's version": Difference(r"cron", r"version"),
    "a cron job that is gone": Difference(r"cron rm", r"(status)?"),
    "why a stage waits": Difference(r"", r"(.*\.)?pending_reason"),
    "what waits for approval": Difference(r"", r"(.*\.)?blocked"),
    "the log of a running step": Difference(r"^log of a step that is running", r"(status|.*)"),
    "unknown paths": Difference(r"^a path that does not exist$", r"content_type|text"),
    "an empty file": Difference(r"an empty file", r"(status|.*)"),
    "a scalar to exclude": Difference(r"^branch exclude$", r".*"),
    "unknown kinds": Difference(r"unknown kind|kind that is unknown", r".*"),
    "a trailing separator": Difference(r"document separators at both ends", r".*"),
    "pipeline error texts": Difference(r"", r"build\.error"),
}


def reason(exchange: str, place: str) -> str | None:
    """The key of the deliberate difference that covers a place of an exchange."""
    for key, (names, places) in DIFFERENCES.items():
        if re.search(names, exchange) and re.fullmatch(places, place):
            return key
    return None
