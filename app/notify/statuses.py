"""The status of a commit, as a build shows it at the host (contract scm-api 3). Pure."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from app.builds.model import Build
from app.scm.forge import Status

#: What is before the event in a context, if the settings do not say otherwise.
PREFIX = "continuous-integration/drone"
#: What follows the prefix, by event; for promotions the target follows, too. Builds of other events have the prefix.
_EVENTS = {"push": "push", "pull_request": "pr", "tag": "tag"}
_TEXTS: Mapping[str, str] = {
    "pending": "Build is pending",
    "waiting_on_dependencies": "Build is pending",
    "blocked": "Build is pending approval",
    "running": "Build is running",
    "success": "Build is passing",
    "failure": "Build is failing",
    "error": "Build encountered an error",
    "killed": "Build was killed",
    "declined": "Build was declined",
    "skipped": "Build was skipped",
}
_UNKNOWN = "Build is in an unknown state"
#: Characters of a context that hosts take.
LONGEST = 255
_COMMIT = re.compile(r"(?=.*[1-9a-f])(?:[0-9a-f]{40}|[0-9a-f]{64})")
#: Signs that become words in the name of a target.
_WORDS = str.maketrans({"&": "and", "@": "at"})


def status_of(build: Build, slug: str, *, prefix: str, public_url: str) -> Status | None:
    """The status of the commit of a build with its stages; None for a build that shows none.

    Builds of cron jobs show none, and no build does whose commit is not known by its id.
    """
    if build.event == "cron" or not is_commit(build.after):
        return None
    state = build.state
    text = _TEXTS.get(state, _UNKNOWN)
    return Status(build.after, context_of(build, prefix), state, text, page_of(build, slug, public_url), build.ref)


def is_commit(sha: str) -> bool:
    """Whether this is the whole id of a commit."""
    return _COMMIT.fullmatch(sha) is not None


def page_of(build: Build, slug: str, public_url: str) -> str:
    """The address of the page of a build."""
    return f"{public_url}/{slug}/{build.number}"


def context_of(build: Build, prefix: str) -> str:
    """The context of the statuses of a build (contract scm-api 3.1)."""
    if build.event == "promote":
        return "/".join(part for part in (prefix, "promote", _slug(build.deploy_to)) if part)[:LONGEST]
    event = _EVENTS.get(build.event)
    return f"{prefix}/{event}" if event else prefix


@lru_cache(maxsize=1024)
def _slug(target: str) -> str:
    """A target as a part of a context: letters without accents, in lower case, digits, `_`, and `-` for the rest."""
    plain = unicodedata.normalize("NFKD", target.translate(_WORDS)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
