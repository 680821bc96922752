"""Addresses of pages, which are Drone's, and how an address is read. Pure.

A namespace may be nested, and links have its slashes as they are: `/group/team/web/42`. What follows a repository's
name are numbers, or `-` and words of ours; these may also follow the number of a build.

Browsers take the words `.` and `..` out of a path, also with escapes: `~.` and `~..` stand for them.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote, urlencode

from app.repos.model import Repo

#: The part of a path after which everything is ours: no namespace and no repository is called so.
OURS = "-"
#: Pages of the whole server: builds of all repositories, what waits for an approval, promotions by day, the account,
#: the list of keys.
BUILDS, APPROVALS, DEPLOYMENTS, ACCOUNT, KEYS = (
    f"/{OURS}/{word}" for word in ("builds", "approvals", "deployments", "account", "keys")
)
#: What promotions move: artifact repositories, runs of build-info, release bundles.
ARTIFACTS, BUILD_INFO, BUNDLES = (f"/{OURS}/{word}" for word in ("artifacts", "build-info", "bundles"))
#: Words that browsers take out of a path, and those that stand for them; each `~` more stands for one.
_DOTS, _HIDDEN_DOTS = re.compile(r"~*\.{1,2}"), re.compile(r"~+\.{1,2}")
#: How many numbers may follow a repository's name: of build, stage and step, or of the build alone.
_NUMBERS = (3, 1)


def repo(of: Repo) -> str:
    """The page of a repository."""
    return f"/{quote(of.namespace, safe=_kept(of))}/{quote(of.name, safe='')}"


def build(of: Repo, number: int) -> str:
    """The page of a build."""
    return f"{repo(of)}/{number}"


def ours(of: Repo, *words: str, number: int = 0, **query: str) -> str:
    """A page of ours below a repository, or below one of its builds: `/acme/web/42/-/promote?target=production`."""
    return below(f"{build(of, number) if number else repo(of)}/{OURS}", *words, **query)


def below(page: str, *words: str, **query: str) -> str:
    """A page below one of the whole server: `/-/bundles/shop/1.0`."""
    return "/".join([page, *map(_written, words)]) + asking(query)


def item(key: str, path: str = "") -> str:
    """The page of an artifact repository, or of a file or folder in one."""
    return "/".join([ARTIFACTS, *map(_written, (key, *filter(None, path.split("/"))))])


def _written(word: str) -> str:
    """A word of ours in a path."""
    return quote(f"~{word}" if _DOTS.fullmatch(word) else word, safe="")


def _read(word: str) -> str:
    return word[1:] if _HIDDEN_DOTS.fullmatch(word) else word


def asking(query: Mapping[str, str]) -> str:
    """A query with its question mark; nothing for an empty one. Names without a value are left out."""
    said = {name: value for name, value in query.items() if value}
    return f"?{urlencode(said)}" if said else ""


def target(of: Repo, name: str) -> str:
    """The page of a target."""
    return ours(of, "targets", name)


def compare(of: Repo, before: str, after: str) -> str:
    """The page of what lies between two commits, or two builds by their numbers."""
    return ours(of, "compare", f"{before}...{after}")


def step(of: Repo, number: int, stage: int, step_number: int) -> str:
    """The page of a build, with the log of a step open."""
    return f"{build(of, number)}/{stage}/{step_number}"


def raw_log(of: Repo, number: int, stage: int, step_number: int) -> str:
    """The log of a step as plain text."""
    return f"{repo(of)}/{OURS}/logs/{number}/{stage}/{step_number}"


def log_api(of: Repo, number: int, stage: int, step_number: int) -> str:
    """The log of a step for scripts, from the API."""
    return f"{build_api(of, number)}/logs/{stage}/{step_number}"


def build_api(of: Repo, number: int) -> str:
    """A build for scripts, from the API."""
    return f"/api/repos/{_slug(of)}/builds/{number}"


def log_stream(of: Repo, number: int, stage: int, step_number: int) -> str:
    """The lines of a step that runs, as they come, from the API."""
    return f"/api/stream/{_slug(of)}/{number}/{stage}/{step_number}"


def _slug(of: Repo) -> str:
    return f"{quote(of.namespace, safe='')}/{quote(of.name, safe='')}"


def _kept(of: Repo) -> str:
    """A repository of a nested namespace that is called like a number of a build is told apart by its escapes."""
    return "" if of.name.isdecimal() else "/"


def split(path: str, raw: bytes) -> Sequence[str]:
    """The parts of a path, the first of which is empty; the namespace of a repository is one part.

    `raw` is the path as it was sent: an escaped slash belongs to its part.
    """
    parts = [unquote(part) for part in raw.decode("latin-1").split("/")] if b"%2f" in raw.lower() else path.split("/")
    first, *words = parts
    end = [words.pop()] if words and not words[-1] else []
    length = _length_of_slug(words)
    if length > 2:
        words = ["/".join(words[: length - 1]), *words[length - 1 :]]
    if OURS in words:
        at = words.index(OURS) + 1
        words = [*words[:at], *map(_read, words[at:])]
    return [first, *words, *end]


def _length_of_slug(words: Sequence[str]) -> int:
    """How many words are the namespace and the name of a repository; 0 for an address of another kind."""
    if OURS in words:
        at = words.index(OURS)
        return at - 1 if at > 2 and words[at - 1].isdecimal() else at
    for count in _NUMBERS:
        if len(words) >= count + 2 and all(word.isdecimal() for word in words[-count:]):
            return len(words) - count
    return len(words)


def is_own(path: str) -> bool:
    """Whether a text is a path of this server, so that a browser that is sent there stays here."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
