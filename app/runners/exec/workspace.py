"""The workspace: the folder of one stage, made, filled with scripts, and always removed (contract drone-env 4)."""

import logging
import os
import re
import secrets
import shutil
import stat
import string
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from app.runners.exec import strays
from app.runners.exec.process import Owner
from app.runners.manager import Netrc
from app.scm.ssh import KEY, KNOWN_HOSTS, Identity

log = logging.getLogger(__name__)

_PREFIX = "drone-"
_LENGTH = 16
_ALPHABET = string.ascii_lowercase + string.digits
_NAME = re.compile(rf"{_PREFIX}[a-z0-9]{{{_LENGTH}}}")
_ATTEMPTS = 3
_LOCAL = "file://"
#: git's own default, set explicitly: otherwise `git init` prints a long hint about the setting.
_BRANCH = "[init]\n\tdefaultBranch = master\n"


class Workspace:
    """The folders of one stage; no other stage uses them.

    Two secrets are written into them: the netrc, and the key with which the clone step is let in over ssh.
    """

    def __init__(self, base: Path, here: Path | None = None) -> None:
        """`here` is the folder in which steps run instead of one in the workspace; nobody deletes it."""
        self._here = here
        name = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        self.root = base.resolve() / f"{_PREFIX}{name}"
        self.home = self.root / "home" / "drone"
        #: Working directory of every step.
        self.source = self.root / "drone" / "src"
        self.scripts = self.root / "opt"
        #: The folder of the key of the clone step.
        self.ssh = self.root / "ssh"
        #: The mark of the processes of all steps.
        self.mark = strays.mark(self.root)
        #: The folders on this machine in which git may find the repository that the steps clone.
        self.repositories: tuple[Path, ...] = ()

    def create(
        self,
        scripts: Mapping[int, str],
        git_url: str = "",
        symlinks: Mapping[str, str] = MappingProxyType({}),
        netrc: Netrc | None = None,
        identity: Identity | None = None,
        owner: Owner | None = None,
    ) -> None:
        """Make the folders and links, and write one script per step number. Raises OSError.

        `symlinks`: by the target of a link, the path of the link below the root. The workspace belongs to `owner`.
        """
        for folder in (self.home, self.source, self.scripts):
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder == self.source and self._here:
                folder.symlink_to(self._here)
            else:
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
        if identity is not None:
            self.ssh.mkdir(mode=0o700)
            _write(self.ssh / KEY, identity.key, 0o600)
            _write(self.ssh / KNOWN_HOSTS, identity.known_hosts, 0o600)
        repositories = _local_repositories(git_url)
        self.repositories = tuple(map(Path, repositories))
        _write(self.home / ".gitconfig", _BRANCH + _safe_directories(repositories), 0o600)
        if owner:
            for place in (self.root, *self.root.rglob("*")):
                os.chown(place, owner.user, owner.group, follow_symlinks=False)

    def script(self, number: int) -> Path:
        """The path of a step's script, named by the step's number: names of steps may differ in case alone."""
        return self.scripts / str(number)

    def forget_key(self) -> None:
        """Delete the key of the clone step: no other step needs the key. Blocking."""
        shutil.rmtree(self.ssh, ignore_errors=True)

    def remove(self) -> None:
        """Delete the workspace, as far as no process writes into it and no right is missing. Blocking."""
        _delete(self.root)

    def clear(self) -> None:
        """Kill the processes that steps of the workspace have left, and delete it, with its read-only folders.

        A workspace that cannot be deleted is logged. Blocking.
        """
        self.kill()
        _remove(self.root)

    def kill(self) -> None:
        """Kill the processes that steps of the workspace have left. Blocking."""
        strays.kill_of(self.root)


def sweep(base: Path) -> None:
    """Remove what a runner that died has left in `base`: first kill its processes, then delete its workspaces.

    Call this when the only runner that uses this base starts.
    """
    strays.kill_below(base.resolve())
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
    """The folders in which git may find the repository of a `file://` address."""
    if not git_url.startswith(_LOCAL):
        return []
    path = unquote(git_url.removeprefix(_LOCAL))
    return list(dict.fromkeys(place + end for place in (path, os.path.realpath(path)) for end in ("", "/.git")))


def _safe_directories(paths: Iterable[str]) -> str:
    """The setting by which git reads repositories at these paths, also when they belong to another account."""
    return "[safe]\n" + "".join(f"\tdirectory = {_git_quote(path)}\n" for path in paths)


def _git_quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _remove(root: Path) -> None:
    for _ in range(_ATTEMPTS):
        _delete(root)
        if not os.path.lexists(root):
            return
        _flatten(root)
    log.warning("a workspace could not be removed", extra={"path": str(root)})


def _delete(root: Path) -> None:
    with suppress(RecursionError):  # folders may lie deeper than Python's stack reaches
        shutil.rmtree(root, ignore_errors=True)


def _flatten(root: Path) -> None:
    """Move every folder directly below the root, with the owner's rights, which a step may have taken away.

    No link is followed: a process of a step may put one in the place of a folder, and root may write everywhere.
    """
    pending, numbers = [root], count()
    while pending:
        folder = pending.pop()
        with suppress(OSError), _opened(folder) as handle, os.scandir(handle) as entries:  # what cannot be read stays
            for name in [entry.name for entry in entries if _is_folder(entry)]:
                moved = root / (name if folder == root else f"{secrets.token_hex(8)}-{next(numbers)}")
                with suppress(OSError):  # a file system that is mounted here cannot be moved
                    if os.geteuid() != 0:  # what others own cannot be moved without the right to write into it
                        os.chmod(name, stat.S_IRWXU, dir_fd=handle)
                    os.rename(name, moved, src_dir_fd=handle)
                    pending.append(moved)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A handle of a folder whose rights are given back to its owner; root needs no rights."""
    if os.geteuid() != 0:
        folder.chmod(stat.S_IRWXU)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)
