"""What is deliberately not as recorded. README's compatibility table has one row for each key, and no other."""

import re
from typing import NamedTuple


class Difference(NamedTuple):
    """Where answers may differ: `exchange` matches the recorded name, `place` the path inside the JSON."""

    exchange: str
    place: str


DIFFERENCES = {
    "nothing to run": Difference(r"no pipeline names|^create a build on|^starts nothing", r"(status|.*)"),
    "stages in the answer": Difference(r"promote|rollback", r"stages"),
    "parameter names": Difference(r"odd parameter name", r"(status|.*)"),
    "new parameters win": Difference(r"restart of a promotion|", r"(.*\.)?params\.VERSION"),
    "error texts": Difference(r"", r"message"),
    "error codes": Difference(r"", r"(code|errors)"),
    "avatar_url": Difference(r"current user|token in the query", r"avatar_url"),
    "timestamp": Difference(r"", r"(.*\.)?timestamp"),
    "more variables": Difference(
        r"log", r"out\.(DRONE_(BUILD_(DEBUG|TRIGGER)|DEPLOY_ID|STAGE_VERSION|CARD_PATH)|LANG|USER|PATH)"
    ),
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
