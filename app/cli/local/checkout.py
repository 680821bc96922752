"""The files and the commit of the current folder, in the place of a repository at a git host."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import click

from app.cli.remote import clone
from app.errors import Unreadable
from app.repos.model import Repo
from app.scm.host import Commit, Source

#: The names of a pipeline file that are looked for, in this order.
NAMES = (".drone.yml", ".drone.yaml", ".drone.star", ".drone.jsonnet")
#: Namespace of what is no clone of a repository.
NOWHERE = "local"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A pipeline file, with the facts that a server would know of its repository and commit; unknown ones are empty."""

    #: The top of the git clone; outside of one, the folder of the file.
    folder: Path
    repo: Repo
    commit: Commit
    branch: str
    #: The newest tag that the commit has or follows.
    tag: str

    async def read_file(self, _: Source, __: str, path: str) -> str:
        """The text of a file as it is now, whatever commit is asked for; Unreadable."""
        file = self.folder / path
        try:
            return file.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise Unreadable(f"{path} is not UTF-8 text") from error
        except OSError as error:
            raise Unreadable(f"{path} cannot be read: {error.strerror}") from error


def find(file: Path | None) -> Checkout:
    """The checkout of a pipeline file; without a file, of the one at the top of the git clone here. UsageError."""
    start = file.absolute().parent if file else Path.cwd()
    top = _git(start, "rev-parse", "--show-toplevel")
    folder = Path(top) if top else start
    return _made(folder, _inside(folder, file.absolute()) if file else _usual(folder))


def _inside(folder: Path, file: Path) -> str:
    """The path of the file in its repository. The folder may lead to the file over a link."""
    return str((file.parent.resolve() / file.name).relative_to(folder.resolve()))


def _usual(folder: Path) -> str:
    for name in NAMES:
        if (folder / name).exists():
            return name
    raise click.UsageError(f"there is no pipeline file {', '.join(NAMES)} in {folder}: name one")


def _made(folder: Path, path: str) -> Checkout:
    address = _address(folder)
    parts = clone.Address.of(address).path.split("/") if address else []
    namespace, name = parts[-2:] if len(parts) > 1 else (NOWHERE, folder.name or "here")
    branch = _git(folder, "branch", "--show-current")
    default = _git(folder, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    repo = Repo(
        id=0,
        namespace=namespace,
        name=name,
        git_http_url=address,
        default_branch=default or branch or "main",
        config_path=path,
    )
    tag = _git(folder, "describe", "--tags", "--abbrev=0")
    return Checkout(folder, repo, _commit(folder), branch or repo.default_branch, tag)


def _address(folder: Path) -> str:
    remotes = _git(folder, "remote").split()
    chosen = "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else ""
    return _git(folder, "remote", "get-url", chosen) if chosen else ""


def _commit(folder: Path) -> Commit:
    found = _git(folder, "log", "-1", "--format=%H%x00%an%x00%ae%x00%at%x00%B")
    sha, name, email, time, message = found.split("\0") if found else ("", "", "", "0", "")
    return Commit(sha, message.strip(), "", name, email, int(time))


def _git(folder: Path, *args: str) -> str:
    """What git prints in a folder; empty if git fails, as outside of a clone."""
    try:
        done = subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
