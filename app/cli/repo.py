"""`gantry repo`: register repositories, change them, and install the hook that announces pushes."""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click

from app.cli.hooks import hook_path, install_hook
from app.cli.remote.client import Client, Json, Unreachable
from app.cli.repo_credentials import credentials
from app.cli.repo_deliveries import deliveries, redeliver
from app.cli.repo_key import rotate_key
from app.cli.terminal import arguments, options, output
from app.cli.terminal.commands import OneOf, group
from app.cli.terminal.options import (
    Session,
    json_option,
    named_slug_argument,
    repo_argument,
    repo_path,
    slug_argument,
    yes_option,
)
from app.errors import AppError

F = TypeVar("F", bound=Callable[..., Any])
#: Labels and values that a repository's block shows.
Lines: TypeAlias = Sequence[tuple[str, str]]


@group()
def repo() -> None:
    """Register repositories and their hooks, and change them."""


repo.add_command(credentials)
repo.add_command(deliveries)
repo.add_command(redeliver)
repo.add_command(rotate_key)


@repo.command(example="gantry repo add acme/web https://git.example.com/acme/web.git --branch main")
@named_slug_argument
@click.argument("git_url")
@click.option("--branch", help="The default branch; else the one that the git repository names.")
@click.option("--config", help="Path of the pipeline file; else .drone.yml.")
@click.option("--visibility", type=OneOf(["public", "private", "internal"]))
@json_option
@click.pass_obj
def add(
    session: Session, slug: str, git_url: str, branch: str | None, config: str | None, visibility: str | None
) -> None:
    """Register a git repository, for administrators.

    GIT_URL is https://…, ssh://… or file://…; a plain path becomes the file:// address of the absolute path,
    which the server must be able to read.
    """
    namespace, name = slug.rsplit("/", 1)
    body = arguments.present(
        namespace=namespace,
        name=name,
        git_http_url=as_url(git_url),
        default_branch=branch,
        config_path=config,
        visibility=visibility,
    )
    with session.client() as client:
        answer = client.record("POST", "/api/repos", body=body)
    session.show(answer, _block)


@repo.command("ls", example="gantry repo ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List the repositories that you have rights on."""
    with session.client() as client:
        session.show(client.records("/api/user/repos"), _table)


@repo.command(example="gantry repo info acme/web")
@slug_argument
@json_option
@click.pass_obj
def info(session: Session, slug: str) -> None:
    """Show a repository."""
    with session.client() as client:
        found = client.record("GET", repo_path(slug))
        more = (
            [] if session.as_json else [*(_poll_of(client, slug) if found.get("poll") else ()), *_idle_of(client, slug)]
        )
    session.show(found, lambda told: _block(told, more))


def _idle_of(client: Client, slug: str) -> Lines:
    """The last push that started nothing, unless a later push of its ref has started a build.

    Nothing for those who may not write in the repository.
    """
    try:
        known = client.records(repo_path(slug, "deliveries"))
    except Unreachable:
        raise
    except AppError:
        return []
    built: set[str] = set()
    for one in known:  # the newest comes first
        ref, error = str(one.get("ref", "")), output.line(one.get("error", ""))
        if one.get("build"):
            built.add(ref)
        elif error and not (one.get("next") or one.get("twin") or one.get("event") == "deployment" or ref in built):
            when = output.ago(one.get("received") or 0, time.time())
            return [("Started nothing", f"{when}, {output.line(ref.removeprefix('refs/heads/'))}: {error}")]
    return []


def _poll_of(client: Client, slug: str) -> Lines:
    """How a repository is polled; nothing for those who may not write in the repository."""
    try:
        poll = client.record("GET", repo_path(slug, "poll"))
    except Unreachable:
        raise
    except AppError:
        return []
    now = time.time()
    seen = output.ago(poll["seen"], now) if poll.get("seen") else "not yet"
    told = f"every {poll.get('interval', 0)} s, {poll.get('refs', 0)} refs, seen {seen}"
    lines = [("Polled", told)]
    if error := output.line(poll.get("error", "")):
        again = max(0, int(poll.get("due", 0) - now))
        lines.append(("Away", f"{error} (tried {poll.get('tries', 0)} times, again in {again} s)"))
    return lines


@repo.command(example="gantry repo hook acme/web --portable > post-receive")
@slug_argument
@click.option("--install", is_flag=True, help="Write it as hooks/post-receive; for a file:// repository here.")
@click.option("--force", is_flag=True, help="With --install: replace another post-receive hook.")
@click.option("--portable", is_flag=True, help="A script that needs only sh, curl and openssl.")
@json_option
@click.pass_obj
def hook(session: Session, slug: str, install: bool, force: bool, portable: bool) -> None:
    """Print the post-receive script that announces pushes; it holds the repository's key, so keep it private."""
    from app.scm import receive

    with session.client() as client:
        told = client.record("GET", repo_path(slug, "hook"))
        script = receive.script(slug=slug, url=told["url"], key=told["key"], portable=portable)
        if not install:
            session.print_json({"script": script}) if session.as_json else output.raw(script)
            return
        path = hook_path(client.record("GET", repo_path(slug)).get("git_http_url", ""))
    session.tell(install_hook(path, script, force=force))


@repo.command(example="gantry repo pushes acme/web")
@slug_argument
@json_option
@click.pass_obj
def pushes(session: Session, slug: str) -> None:
    """List the pushes that wait because the repository could not be read; each is tried again for an hour."""
    with session.client() as client:
        session.show(client.records(repo_path(slug, "pushes")), _waiting)


def _flag(name: str, words: str) -> Callable[[F], F]:
    return click.option(f"--{name}/--no-{name}", default=None, help=words)


@repo.command(example="gantry repo update acme/web --visibility private --parameter VERSION")
@slug_argument
@click.option("--visibility", type=OneOf(["public", "private", "internal"]))
@click.option("--config", "config_path", help="Path of the pipeline file.")
@_flag("protected", "Unsigned pipeline files wait for approval.")
@_flag("ignore-forks", "Build no pull requests of forks.")
@_flag("ignore-pull-requests", "Build no pull requests.")
@_flag("auto-cancel-pull-requests", "A newer push to a pull request cancels older builds that wait.")
@_flag("auto-cancel-pushes", "A newer push to a branch cancels older builds that wait.")
@_flag("auto-cancel-running", "With these, builds that run are cancelled as well.")
@click.option(
    "--parameter", "parameters", multiple=True, metavar="NAME", help="A name that parameters may have; no other."
)
@click.option("--any-parameter", is_flag=True, help="Parameters may have every name that is not reserved.")
@_flag("deployments", "Promotions are shown at the git host as deployments.")
@_flag("workflow-deployments", "Deployments that GitHub Actions makes promote, too.")
@click.option("--poll", metavar="5m", help="How often the refs of plain git are listed, 30s or more; 0: never.")
@_flag("git-notes", "Note builds in refs/notes/ci of plain git.")
@_flag("git-tags", "Tag the commits of successful promotions in plain git: deploy/TARGET/NUMBER.")
@_flag("trusted", "Pipelines may use what is privileged (administrators of the server).")
@click.option(
    "--timeout", type=options.minutes, metavar="MINUTES|1h30m", help="What a stage may take (administrators)."
)
@click.option("--throttle", type=int, help="How many stages may run at once; 0: any (administrators).")
@click.option("--build-counter", "counter", type=int, help="The last build number; it only grows (administrators).")
@json_option
@click.pass_obj
def update(session: Session, /, slug: str, parameters: tuple[str, ...], any_parameter: bool, **settings: Any) -> None:
    """Change settings of a repository; what is not given stays.

    The server ignores those for its administrators when others set them. Repeat --parameter for each name.
    """
    if parameters and any_parameter:
        raise click.UsageError("give --parameter or --any-parameter, not both")
    body = arguments.present(**settings, parameters=list(parameters) if parameters or any_parameter else None)
    if not body:
        raise click.UsageError("nothing to change: give at least one setting, as in --visibility public")
    with session.client() as client:
        session.show(client.record("PATCH", repo_path(slug), body=body), _settings)


@repo.command(example="gantry repo enable acme/web")
@slug_argument
@json_option
@click.pass_obj
def enable(session: Session, slug: str) -> None:
    """Build what is pushed from now on; you become the owner."""
    _post(session, slug)


@repo.command(example="gantry repo disable acme/web")
@slug_argument
@json_option
@click.pass_obj
def disable(session: Session, slug: str) -> None:
    """Build no pushes any more; what was built stays."""
    with session.client() as client:
        session.show(client.record("DELETE", repo_path(slug)), _block)


@repo.command(example="gantry repo rm acme/web")
@named_slug_argument
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, slug: str, yes: bool) -> None:
    """Delete a repository with all its builds, logs and secrets; its git repository stays as it is."""
    options.confirm(f"Delete {slug} with all its builds, logs and secrets?", yes)
    with session.client() as client:
        answer = client.record("DELETE", repo_path(slug), query={"remove": "true"})
    session.show(answer, lambda _: f"Repository {slug} is deleted")


@repo.command(example="gantry repo chown acme/web")
@slug_argument
@json_option
@click.pass_obj
def chown(session: Session, slug: str) -> None:
    """Become the owner of a repository."""
    _post(session, slug, "chown")


@repo.command(example=["gantry repo repair acme/web", "gantry repo repair --all"])
@repo_argument(from_clone=False)
@click.option("--all", "every", is_flag=True, help="All enabled repositories of yours; one that fails ends no other.")
@json_option
@click.pass_obj
def repair(session: Session, slug: str | None, every: bool) -> None:
    """Ask the git repository again for its default branch, and register the webhook at its host anew."""
    if every == (slug is not None):
        raise click.UsageError("name a repository, or say --all")
    if slug is not None:
        _post(session, slug, "repair")
        return
    with session.client() as client:
        slugs = [str(one.get("slug", "")) for one in client.records("/api/user/repos") if one.get("active")]
        reasons = {slug: _repaired(client, slug) for slug in slugs}
    session.show([{"slug": slug, "problem": reason} for slug, reason in reasons.items()], _repairs)
    if failed := sum(1 for reason in reasons.values() if reason):
        raise AppError(f"{failed} of {len(slugs)} repositories could not be repaired", code="failed")


def _repaired(client: Client, slug: str) -> str:
    """Why a repository could not be repaired; empty when it could."""
    try:
        client.record("POST", repo_path(slug, "repair"))
    except Unreachable:
        raise
    except AppError as error:
        return error.message
    return ""


def _repairs(done: list[Json]) -> str:
    rows = [[output.line(one["slug"]), output.line(one["problem"]) or "repaired"] for one in done]
    return output.table(["REPOSITORY", ""], rows)


@repo.command(example="gantry repo sync")
@json_option
@click.pass_obj
def sync(session: Session) -> None:
    """Synchronise your repositories with the hosts, and show them.

    Waits as long as the hosts take, and says how many repositories were found so far.
    """
    from app.cli.repo_sync import synchronise
    from app.cli.terminal.progress import StatusLine

    session.show(synchronise(session.connection(), StatusLine()), _table)


def _post(session: Session, slug: str, *verb: str) -> None:
    with session.client() as client:
        session.show(client.record("POST", repo_path(slug, *verb)), _block)


def as_url(address: str) -> str:
    """A git address unchanged; a plain path as the `file://` address of the absolute path."""
    remote = "://" in address or re.match(r"[^/]+:", address)
    return address if remote else Path(address).resolve().as_uri()


def _block(repo: Json, more: Lines = ()) -> str:
    return output.block(
        [
            ("Repository", output.line(repo.get("slug", ""))),
            ("Git", output.line(repo.get("git_http_url", ""))),
            ("Branch", output.line(repo.get("default_branch", ""))),
            ("Config", output.line(repo.get("config_path", ""))),
            ("Visibility", output.line(repo.get("visibility", ""))),
            ("Active", output.yes(repo.get("active"))),
            ("Timeout", f"{repo.get('timeout', 0)} min"),
            ("Builds", str(repo.get("counter", 0))),
            *more,
        ]
    )


def _settings(repo: Json) -> str:
    names = ("protected", "trusted", *(name for name in repo if name.startswith(("ignore_", "auto_cancel_"))))
    flags = [(name.replace("_", " ").capitalize(), output.yes(repo.get(name))) for name in names]
    return _block(repo) + "\n" + output.block([*flags, *_others(repo)])


def _others(repo: Json) -> list[tuple[str, str]]:
    return [
        ("Throttle", str(repo.get("throttle") or "-")),
        ("Parameters", output.line(", ".join(repo.get("parameters") or ())) or "any"),
        ("Deployments", output.yes(repo.get("deployments", True))),
        ("Workflow deployments", output.yes(repo.get("workflow_deployments"))),
        ("Polled", f"every {repo['poll']} s" if repo.get("poll") else "-"),
        ("Git notes", output.yes(repo.get("git_notes"))),
        ("Git tags", output.yes(repo.get("git_tags"))),
    ]


def _waiting(waiting: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["REF", "COMMIT", "PUSHED", "TRIED", "WHY IT WAITS"],
        [
            [
                output.line(push.get("ref", "")),
                output.short(push.get("after", ""), 8),
                output.ago(push.get("received") or 0, now),
                str(push.get("tries", 0)),
                output.line(push.get("error", "")),
            ]
            for push in waiting
        ],
    )


def _table(repos: list[Json]) -> str:
    return output.table(
        ["REPOSITORY", "BRANCH", "VISIBILITY", "ACTIVE", "BUILDS"],
        [
            [
                output.line(repo.get("slug", "")),
                output.line(repo.get("default_branch", "")),
                output.line(repo.get("visibility", "")),
                output.yes(repo.get("active")),
                str(repo.get("counter", 0)),
            ]
            for repo in repos
        ],
    )
