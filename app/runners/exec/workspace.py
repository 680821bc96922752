"""The folder of one run: made, filled with scripts, and always removed (contract drone-env 4)."""

import logging
import os
import re
import secrets
import shutil
import stat
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from app.runners.exec import strays
from app.runners.manager import Netrc

log = logging.getLogger(__name__)

_PREFIX = "drone-"
_LENGTH = 16
_ALPHABET = string.ascii_lowercase + string.digits
_NAME = re.compile(rf"{_PREFIX}[a-z0-9]{{{_LENGTH}}}")
_ATTEMPTS = 3
_LOCAL = "file://"
#: git's own name, said aloud: otherwise `git init` explains at length that there could be another.
_BRANCH = "[init]\n\tdefaultBranch = master\n"


class Workspace:
    """Paths of one run. Everything in it belongs to the run alone; of secrets only the netrc is written here."""

    def __init__(self, base: Path) -> None:
        name = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        self.root = base.resolve() / f"{_PREFIX}{name}"
        self.home = self.root / "home" / "drone"
        #: Working directory of every step.
        self.source = self.root / "drone" / "src"
        self.scripts = self.root / "opt"

    def create(
        self,
        scripts: Mapping[int, str],
        git_url: str = "",
        symlinks: Mapping[str, str] = MappingProxyType({}),
        netrc: Netrc | None = None,
    ) -> None:
        """Make the folders and links, and write one script per step number. Raises OSError.

        `symlinks` tell the path of a link below the root, by what it leads to.
        """
        for folder in (self.home, self.source, self.scripts):
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
        for target, path in symlinks.items():
            link = self.root / path.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
        for number, text in scripts.items():
            _write(self.script(number), text, 0o700)
        if netrc is not None:
            line = f"machine {netrc.machine} login {netrc.login} password {netrc.password}"
            _write(self.home / ".netrc", line, 0o600)
        settings = _BRANCH + _safe_directories(_local_repositories(git_url))
        _write(self.home / ".gitconfig", settings, 0o600)

    def script(self, number: int) -> Path:
        """Where the script of a step lies; by number, because names may differ in case alone."""
        return self.scripts / str(number)

    def clear(self) -> None:
        """End the processes that still name it, and delete it, read-only folders too.

        What cannot be deleted is logged. Blocking.
        """
        strays.kill(f"{self.root}/")
        _remove(self.root)


def sweep(base: Path) -> None:
    """Clear away what a runner that died has left under its base: first its processes, then its folders.

    For the start of the only runner that uses this base.
    """
    strays.kill(f"{base.resolve()}/{_PREFIX}")
    for folder in _leftovers(base):
        _remove(folder)


def _leftovers(base: Path) -> list[Path]:
    try:
        with os.scandir(base) as entries:
            return [Path(e.path) for e in entries if _NAME.fullmatch(e.name) and _is_folder(e)]
    except FileNotFoundError:
        return []


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)


def _write(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)


def _local_repositories(git_url: str) -> list[str]:
    """The folders that git may meet behind a `file://` address."""
    if not git_url.startswith(_LOCAL):
        return []
    path = unquote(git_url.removeprefix(_LOCAL))
    return list(dict.fromkeys(place + end for place in (path, os.path.realpath(path)) for end in ("", "/.git")))


def _safe_directories(paths: Iterable[str]) -> str:
    """Without it, git refuses a repository of another account; only these very ones are meant."""
    return "[safe]\n" + "".join(f"\tdirectory = {_git_quote(path)}\n" for path in paths)


def _git_quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _remove(root: Path) -> None:
    for _ in range(_ATTEMPTS):
        shutil.rmtree(root, ignore_errors=True)
        if not os.path.lexists(root):
            return
        _open_up(root)
    log.warning("a workspace could not be removed", extra={"path": str(root)})


def _open_up(root: Path) -> None:
    """Give back the rights that a step has taken from its own folders."""
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            folder.chmod(stat.S_IRWXU)
            with os.scandir(folder) as entries:
                pending += [Path(entry.path) for entry in entries if _is_folder(entry)]
        except OSError:
            continue
