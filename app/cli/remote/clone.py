"""The repository of the server that the git clone in the current folder is a clone of."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from app.cli.remote.client import Client, Json, Refused
from app.cli.terminal.options import repo_path
from app.errors import AppError, Invalid, NotFound

#: The short form of ssh: HOST:PATH, perhaps after a user.
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^@/:]+|\[[^\]]+\]):(?P<path>.+)")


class NoRemote(AppError):
    """The current folder is no git clone, or it is not clear which of its remotes counts."""

    code = "no_remote"


class Address(NamedTuple):
    """What two clone addresses of one repository have in common: a host, empty for a local folder, and a path."""

    host: str
    path: str

    @classmethod
    def of(cls, text: str) -> "Address":
        """The address in a URL, in the short form of ssh, or of a local folder."""
        if "://" in text:
            parts = urlsplit(text)
            return cls._made(parts.hostname or "", unquote(parts.path))
        if found := _SCP.fullmatch(text):
            return cls._made(found["host"].lower(), found["path"])
        return cls._made("", str(Path(text).absolute()) if text else "")

    @classmethod
    def _made(cls, host: str, path: str) -> "Address":
        path = path.strip("/").removesuffix(".git")
        return cls(host, path.casefold() if host else path)

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


def remote() -> str:
    """The clone address in the current folder: of origin, else of the only remote, else of the branch's; NoRemote."""
    names = _git("remote").split()
    if not names:
        raise NoRemote("the git clone here has no remote")
    if "origin" in names:
        return _git("remote", "get-url", "origin")
    if len(names) == 1:
        return _git("remote", "get-url", names[0])
    branch = _git("branch", "--show-current")
    upstream = _git("config", "--default", "", "--get", f"branch.{branch}.remote")
    if upstream in names:
        return _git("remote", "get-url", upstream)
    raise NoRemote(f"of the remotes {', '.join(names)} none is called origin, and none is that of branch {branch!r}")


def _git(*args: str) -> str:
    """What git prints, without its line end; NoRemote with git's reason when git fails."""
    try:
        done = subprocess.run(["git", *args], capture_output=True, text=True, errors="replace", check=True)
    except FileNotFoundError as error:
        raise NoRemote("git is not installed, so the remote of this folder is not known") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().partition("\n")[0].removeprefix("fatal: ")
        raise NoRemote(f"git knows no remote here: {reason or f'git {args[0]} failed'}") from error
    return done.stdout.strip()


def repository(client: Client) -> str:
    """The slug of the repository that the clone in the current folder belongs to; NoRemote, NotFound, Invalid.

    A repository with the clone's address counts; without one, a repository whose slug ends the address.
    """
    wanted = Address.of(remote())
    guess = "/".join(wanted.path.split("/")[0 if wanted.host else -2 :])
    called = _called(client, guess) if "/" in guess else None
    if called is not None and wanted in _addresses(called):
        return str(called["slug"])
    known = client.records("/api/user/repos")
    if found := [str(one["slug"]) for one in known if wanted in _addresses(one)]:
        if len(found) > 1:
            raise Invalid(f"{len(found)} repositories have the address {wanted}: {', '.join(found)}; choose with -R")
        return found[0]
    if called is not None:
        return str(called["slug"])
    if slug := _ending(wanted.path, (str(one.get("slug", "")) for one in known)):
        return slug
    raise NotFound(
        f"no repository of {client.connection.server} is meant by the git remote here: tried the address {wanted} and "
        f"the name {guess}; name the repository first, or with -R, or register it with gantry repo add"
    )


def repository_if_any(client: Client) -> str | None:
    """The same; None where the current folder is no clone of a repository of the server."""
    try:
        return repository(client)
    except (NoRemote, NotFound):
        return None


def _called(client: Client, slug: str) -> Json | None:
    try:
        return client.record("GET", repo_path(slug))
    except Refused as error:
        if error.status != 404:
            raise
        return None


def _addresses(repo: Json) -> set[Address]:
    """The addresses that a repository can be cloned from."""
    return {Address.of(str(repo[key])) for key in ("git_http_url", "git_ssh_url") if repo.get(key)}


def _ending(path: str, slugs: Iterable[str]) -> str:
    """The longest of the slugs that the path ends with; empty for none."""
    ending = [slug for slug in slugs if slug and f"/{path}".casefold().endswith(f"/{slug}".casefold())]
    return max(ending, key=len, default="")
