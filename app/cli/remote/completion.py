"""What the words of a command line can be completed to, by what the server knows. Errors are no completions."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from app.cli.remote import clone, contexts
from app.cli.remote.client import Client
from app.cli.terminal.options import Session, repo_path
from app.cli.terminal.output import line

#: Seconds that the words of a server may take; who types waits for them. The variable says another number.
PATIENCE, VARIABLE = 0.7, "GANTRY_COMPLETION_TIMEOUT"
#: Builds that are offered by their number.
BUILDS = 25
#: Characters of a message beside the number of a build.
SHOWN = 40

#: A word, and what is shown beside it.
_Found = Iterator[tuple[str, str]]


def of(kind: str, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """The words of a kind that begin so; none when the server does not know, or does not answer."""
    signal.signal(signal.SIGALRM, _give_up)
    try:
        signal.setitimer(signal.ITIMER_REAL, float(os.environ.get(VARIABLE, PATIENCE)))
        return [CompletionItem(word, help=help_) for word, help_ in _KINDS[kind](ctx) if word.startswith(incomplete)]
    except Exception:  # whatever it is, a shell must not show it while its user types
        return []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError


def _client(ctx: click.Context) -> Client:
    given = ctx.find_root().params
    words = (given.get("server") or "", given.get("token") or "")
    return Client(Session(*words, False, given.get("context") or "").connection())


def _slug(ctx: click.Context, client: Client) -> str:
    return ctx.params.get("slug") or ctx.params.get("repo") or clone.repository(client)


def _repositories(ctx: click.Context) -> _Found:
    with _client(ctx) as client:
        for repo in client.records("/api/user/repos"):
            yield line(repo["slug"]), ""


def _builds(ctx: click.Context) -> _Found:
    """Numbers, and the branches of these builds, whose newest build such a word stands for."""
    with _client(ctx) as client:
        found = client.records(repo_path(_slug(ctx, client), "builds"), query={"per_page": str(BUILDS)})
    yield "last", "the newest build of the default branch"
    for build in found:
        about = f"{build.get('status')} {build.get('event')} {build.get('target')}: {build.get('message')}"
        yield str(build["number"]), line(about, SHOWN)
    for branch in dict.fromkeys(str(build.get("target") or "") for build in found):
        if branch:
            yield line(branch), "the newest build of this branch"


def _targets(ctx: click.Context) -> _Found:
    with _client(ctx) as client:
        for target in client.records(repo_path(_slug(ctx, client), "targets")):
            yield line(target["name"]), ""


def _branches(ctx: click.Context) -> _Found:
    with _client(ctx) as client:
        for build in client.records(repo_path(_slug(ctx, client), "builds", "branches")):
            yield line(build["target"]), ""


def _contexts(_: click.Context) -> _Found:
    for name, context in contexts.read().known.items():
        yield name, context.server


_KINDS: dict[str, Callable[[click.Context], _Found]] = {
    "repositories": _repositories,
    "builds": _builds,
    "targets": _targets,
    "branches": _branches,
    "contexts": _contexts,
}
