"""`gantry repo`: register repositories and install the hook that announces pushes."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import click

from app.cli import atomic, output
from app.cli.client import Json
from app.cli.options import Session, json_option, repo_path, slug_argument
from app.errors import Conflict, Invalid


@click.group()
def repo() -> None:
    """Register repositories and their hooks."""


@repo.command()
@slug_argument
@click.argument("git_url")
@click.option("--branch", help="The default branch; else the one that the git repository names.")
@click.option("--config", help="Path of the pipeline file; else .drone.yml.")
@click.option("--visibility", type=click.Choice(["public", "private", "internal"]))
@json_option
@click.pass_obj
def add(
    session: Session, slug: str, git_url: str, branch: str | None, config: str | None, visibility: str | None
) -> None:
    """Register a git repository, for administrators.

    GIT_URL is https://…, ssh://… or file://…; a plain path becomes the file:// address of the absolute path,
    which the server must be able to read.
    """
    namespace, name = slug.split("/")
    body = {
        "namespace": namespace,
        "name": name,
        "git_http_url": as_url(git_url),
        "default_branch": branch,
        "config_path": config,
        "visibility": visibility,
    }
    with session.client() as client:
        answer = client.record("POST", "/api/repos", body={k: v for k, v in body.items() if v is not None})
    session.show(answer, _block)


@repo.command("ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List the repositories that you have rights on."""
    with session.client() as client:
        session.show(client.records("/api/user/repos"), _table)


@repo.command()
@slug_argument
@json_option
@click.pass_obj
def info(session: Session, slug: str) -> None:
    """Show a repository."""
    with session.client() as client:
        session.show(client.record("GET", repo_path(slug)), _block)


@repo.command()
@slug_argument
@click.option("--install", is_flag=True, help="Write it as hooks/post-receive; for a file:// repository here.")
@click.option("--force", is_flag=True, help="With --install: replace another post-receive hook.")
@click.option("--portable", is_flag=True, help="A script that needs only sh, curl and openssl.")
@click.pass_obj
def hook(session: Session, slug: str, install: bool, force: bool, portable: bool) -> None:
    """Print the post-receive script that announces pushes; it holds the repository's key, so keep it private."""
    from app.scm import receive

    with session.client() as client:
        given = client.record("GET", repo_path(slug, "hook"))
        script = receive.script(slug=slug, url=given["url"], key=given["key"], portable=portable)
        if not install:
            output.raw(script)
            return
        path = hook_path(client.record("GET", repo_path(slug)).get("git_http_url", ""))
    output.write(install_hook(path, script, force=force))


def as_url(given: str) -> str:
    """A git address as given; a plain path as the `file://` address of the absolute path."""
    remote = "://" in given or re.match(r"[^/]+:", given)
    return given if remote else Path(given).resolve().as_uri()


def hook_path(git_url: str) -> Path:
    """Where git looks for the hook of a `file://` repository, bare or with a working tree."""
    parts = urlsplit(git_url)
    if parts.scheme != "file":
        raise Invalid(f"--install works on file:// repositories only; print the script and put it where {git_url} lies")
    root = Path(url2pathname(parts.path))
    for folder in (root, root / ".git"):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder / "hooks" / "post-receive"
    raise Invalid(f"{root} is no git repository on this machine; print the script and put it where it is one")


def install_hook(path: Path, script: str, *, force: bool) -> str:
    """Write a hook whole or not at all, for its owner only; says what was done.

    Raises `Conflict` if another hook is there, unless forced.
    """
    try:
        if path.is_file() and path.read_bytes() == script.encode():
            path.chmod(0o700)
            return f"already installed: {path}"
        if os.path.lexists(path) and not force:
            raise Conflict(
                f"{path} exists and is another hook: give --force to replace it, or call both from one script"
            )
        path.parent.mkdir(exist_ok=True)
        atomic.write(path, script, 0o700)
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}") from error
    return f"installed: {path}"


def _block(repo: Json) -> str:
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
        ]
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
