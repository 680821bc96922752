"""`--dry-run`: says what a call that begins a build would do."""

from collections.abc import Callable
from typing import Any

from app.cli.remote.client import Client, Json, Refused
from app.cli.terminal import output
from app.cli.terminal.options import repo_path
from app.errors import AppError

#: Commits and files that are shown of each list.
SHOWN = 10


class CannotRehearse(AppError):
    """The server would begin the build in earnest."""

    code = "cannot_rehearse"


def rehearse(client: Client, slug: str, send: Callable[[Client, Json], Any]) -> Any:
    """The answer to a request that begins a build, if it were sent in earnest. CannotRehearse."""
    _refuse_unable(client, slug)
    return send(client, {"dry_run": "true"})


def _refuse_unable(client: Client, slug: str) -> None:
    """CannotRehearse for a server that does not know rehearsals, to which `dry_run` would be a parameter of the build.

    Servers know rehearsals since they know targets.
    """
    try:
        client.call("GET", repo_path(slug, "targets"))
    except Refused as refused:
        if refused.status != 404:
            raise
        raise CannotRehearse(f"the server has no repository {slug}, or knows no dry run: nothing was begun") from None


def shown(build: Json) -> str:
    """What a call that begins a build would do, as text."""
    return "\n\n".join(filter(None, [_what(build), _stages(build), _changes(build), "Nothing was changed"]))


def _what(build: Json) -> str:
    told = build.get("dry_run") or {}
    origin = told.get("params_from") or {}
    params = [
        ("Param", f"{output.line(name)}={output.line(value)} ({output.line(origin.get(name, '?'))})")
        for name, value in (build.get("params") or {}).items()
    ]
    return output.block(
        [
            ("Would", _would(build)),
            ("Error", output.line(build.get("error") or "")),
            ("Commit", output.line(build.get("after") or "")),
            ("Target", output.line(build.get("deploy_to") or "")),
            ("Runs there", _current(told.get("current")) if build.get("deploy_to") else ""),
            *params,
        ]
    )


def _would(build: Json) -> str:
    if build.get("status") == "error":
        return "fail at once"
    return "wait for approval" if build.get("blocked") else "run"


def _current(current: Json | None) -> str:
    return f"build {current.get('number')}, {output.commit(current)}" if current else "nothing yet"


def _stages(build: Json) -> str:
    rows = [
        [output.line(stage.get("name", "")), output.status(stage.get("status", "")), output.reason(stage)]
        for stage in build.get("stages") or []
    ]
    return output.grid(["STAGE", "STATUS", ""], rows) if rows else ""


def _changes(build: Json) -> str:
    changes = (build.get("dry_run") or {}).get("changes")
    if not changes:
        return ""
    if changes.get("commits") is None:
        return f"What would change is not known: {output.line(changes.get('reason') or '')}"
    parts = [
        _listed("New there", [_commit(one) for one in reversed(changes["commits"])]),
        _listed("Undone there", [_commit(one) for one in reversed(changes.get("undone") or [])]),
        _listed("Files", [output.line(path) for path in changes.get("files") or []]),
    ]
    return "\n".join(filter(None, parts)) or "The same commit runs there already"


def _listed(title: str, lines: list[str]) -> str:
    if not lines:
        return ""
    rest = len(lines) - SHOWN
    more = [f"  … and {rest} more"] if rest > 0 else []
    return "\n".join([f"{title} ({len(lines)}):", *(f"  {line}" for line in lines[:SHOWN]), *more])


def _commit(commit: Json) -> str:
    sha, author = output.line(commit.get("sha", ""))[:8], output.line(commit.get("author_name", ""), 20)
    return f"{sha} {output.line(commit.get('message', ''), 70)} ({author})"
