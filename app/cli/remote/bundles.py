"""What the commands of release bundles ask the server, and how they wait for work of the server."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote

from app.cli.remote.client import Client, Json, Refused, Unreachable
from app.errors import AppError, Invalid

OWN = "/api/bundles"
#: Says which key signs.
SIGNING_KEY = "X-JFrog-Signing-Key-Name"
#: The name of the key that the server makes when it needs one.
OWN_KEY = "default"
#: States of work that has not ended (contract release-bundle 1.1).
UNFINISHED = frozenset({"PENDING", "PROCESSING", "STARTED", "DELETING"})
#: States of work that has done what it should.
DONE = frozenset({"COMPLETED", "DRAFT"})
#: Seconds between two questions whether work has ended: at first, and at most.
SOON, LATER = 0.1, 2.0
#: Seconds without an answer after which nobody asks any more.
PATIENCE = 120.0


class Failed(AppError):
    """The server could not do what it was asked for; the messages say why."""

    code = "failed"


def path(*parts: str | int) -> str:
    """The path of a call of the lifecycle API, each part escaped."""
    return _path("/lifecycle/api/v2", parts)


def own(*parts: str) -> str:
    """The path of a call about a version that this server has and others have not."""
    return _path(OWN, parts)


def key_pair(*parts: str) -> str:
    """The path of a call about key pairs."""
    return _path("/artifactory/api/security/keypair", parts)


def _path(root: str, parts: tuple[str | int, ...]) -> str:
    for part in parts:
        if str(part) in {"", ".", ".."}:
            raise Invalid(f"{part!r} cannot be a name")
    try:
        return "/".join([root, *(quote(str(part), safe="/" if not at else "") for at, part in enumerate(parts))])
    except UnicodeEncodeError as error:
        raise Invalid("a name is not valid UTF-8") from error


def entries(answer: Json, name: str) -> list[Json]:
    """The objects of a list in an answer."""
    return [entry for entry in answer.get(name) or [] if isinstance(entry, dict)]


def texts(status: Json) -> list[str]:
    """What a status tells."""
    return [str(message.get("text", "")) for message in entries(status, "messages")]


def ended(
    client: Client,
    status: str,
    query: Mapping[str, str],
    tell: Callable[[int, int], None],
    *,
    patience: float = PATIENCE,
) -> Json:
    """The status of work after the work has ended; `tell` is told how many files are done, and of how many.

    A server that does not answer for a while is asked again: it goes on with the work when it is back. Unreachable
    and Refused when it does not answer for `patience` seconds.
    """
    pause, heard = SOON, time.monotonic()
    while True:
        try:
            found = client.record("GET", status, query=query)
        except (Refused, Unreachable) as error:
            if (isinstance(error, Refused) and not error.passing) or time.monotonic() - heard > patience:
                raise
        else:
            heard = time.monotonic()
            if found.get("status") not in UNFINISHED:
                return found
            tell(*_progress(found.get("progress")))
        time.sleep(pause)
        pause = min(pause * 1.5, LATER)


def _progress(said: Any) -> tuple[int, int]:
    """How many files are done, and of how many; zeros when the server does not say it in numbers."""
    progress = said if isinstance(said, dict) else {}
    done, total = progress.get("done"), progress.get("total")
    return (done, total) if isinstance(done, int) and isinstance(total, int) else (0, 0)


def require_done(what: str, status: Json, done: Collection[str] = DONE) -> None:
    """Failed, with the messages of the server, unless the work has done what it should."""
    if status.get("status") not in done:
        reasons = "".join(f"\n  {text}" for text in texts(status))
        raise Failed(f"{what}: {status.get('status', 'no status')}{reasons}")
