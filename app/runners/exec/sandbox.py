"""The sandbox of a step, made by bubblewrap (`bwrap`): a process namespace, a `/proc` of its own, and hidden folders.

The rest of the machine stays as it is, because pipelines of type exec are there to deploy from it.
"""

import os
import re
import resource
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.runners.exec import process
from app.runners.exec.process import CannotStart

#: Rights of root by which a step could look behind the hidden folders, or change the kernel that hides them.
_DROPPED = ("CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_SYS_MODULE", "CAP_SYS_RAWIO")
#: The hierarchy of control groups: who may write there can leave the group of the step.
_GROUPS = "/sys/fs/cgroup"
#: Variables by which the loader, the C library and shells run other code, or read and write other files. They
#: begin inside the sandbox: neither bwrap may get them, nor the shell that waits for the control group (`process`).
_INSIDE = re.compile(
    r"(LD|MALLOC)_.*|GCONV_PATH|GETCONF_DIR|GLIBC_TUNABLES|HOSTALIASES|LOCALDOMAIN|LOCPATH|NIS_PATH|NLSPATH"
    r"|RESOLV_HOST_CONF|RES_OPTIONS|TMPDIR|TZDIR"
    r"|(BASH|KSH).*|ENV|FPATH|IFS|PS[0-9]|SHELLOPTS|TMOUT|ZDOTDIR"
)
#: Bytes of one variable that Linux gives a process, at most.
_LONGEST_VARIABLE = 128 * 1024


@dataclass(frozen=True, slots=True)
class Hidden:
    """What steps do not see. Every path is resolved."""

    #: Folders; of these a step sees its workspace, and the git repository that it clones from.
    folders: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    #: Folders in which no git repository is shown either.
    private: tuple[Path, ...] = ()

    def shown(self, repositories: Iterable[Path]) -> list[Path]:
        """Those of the repositories that lie in a hidden folder and may be seen there."""
        found = []
        for repository in repositories:
            with suppress(OSError, RuntimeError):  # a loop of links, or nothing that this process may read
                path = repository.resolve()
                if self._hides(path) and self._may_show(path) and _is_repository(path):
                    found.append(path)
        return found

    def _hides(self, path: Path) -> bool:
        return any(folder in path.parents for folder in self.folders)

    def _may_show(self, path: Path) -> bool:
        kept = (*self.private, *self.files, *self.folders)
        return not any(path.is_relative_to(one) for one in self.private) and not any(path in k.parents for k in kept)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A `bwrap` that works on this machine, and what it hides."""

    program: str
    hidden: Hidden

    @contextmanager
    def command(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        workspace: Path,
        folder: Path,
        repositories: Iterable[Path],
    ) -> Iterator[tuple[list[str], dict[str, str], int]]:
        """The command that runs the arguments as the first process of a sandbox, its environment, and a descriptor.

        The command inherits the descriptor. The variables that begin inside the sandbox go through the descriptor, for
        other accounts can read a command line; all of the environment cannot, for bwrap takes few arguments. Raises
        CannotStart.
        """
        process.check(environment)
        _check_size(environment)
        given = {name: value for name, value in environment.items() if not _INSIDE.fullmatch(name)}
        options = [*self._options(workspace, repositories), "--chdir", str(folder)]
        for name in environment.keys() - given.keys():
            options += ["--setenv", name, environment[name]]
        try:
            descriptor = os.memfd_create("step")
        except OSError as error:  # this process has no file left
            raise CannotStart(f"cannot start the step: {error.strerror}") from error
        try:
            os.write(descriptor, b"".join(os.fsencode(option) + b"\0" for option in options))
            os.lseek(descriptor, 0, os.SEEK_SET)
            yield [self.program, "--args", str(descriptor), "--", *arguments], given, descriptor
        finally:
            os.close(descriptor)

    def _options(self, workspace: Path, repositories: Iterable[Path]) -> Iterator[str]:
        yield from ("--unshare-pid", "--as-pid-1", "--die-with-parent")
        if os.geteuid() == 0:
            for right in _DROPPED:
                yield from ("--cap-drop", right)
        yield from ("--dev-bind", "/", "/", "--proc", "/proc")
        yield from ("--ro-bind-try", _GROUPS, _GROUPS)
        for folder in self.hidden.folders:
            yield from ("--tmpfs", str(folder))
        for file in self.hidden.files:
            if file.exists():
                yield from ("--ro-bind", os.devnull, str(file))
        for path in self.hidden.shown(repositories):
            yield from ("--ro-bind", str(path), str(path))
        yield from ("--bind", str(workspace), str(workspace))
        for folder in self.hidden.folders:
            yield from ("--remount-ro", str(folder))


def find(hidden: Hidden) -> Sandbox | None:
    """The sandbox of this machine, not tried yet; None when bwrap is not installed."""
    program = shutil.which("bwrap")
    return Sandbox(program, hidden) if program else None


def hints() -> list[str]:
    """The settings of this system that keep an unprivileged bwrap from working."""
    known = {
        "/proc/sys/user/max_user_namespaces": "0",
        "/proc/sys/kernel/unprivileged_userns_clone": "0",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
    }
    return [f"{name} is {value}" for name, value in known.items() if _content(Path(name)) == value]


def _content(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _is_repository(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()


def _check_size(environment: Mapping[str, str]) -> None:
    """Raise CannotStart for an environment that bwrap could not hand on; without bwrap the system itself refuses it."""
    sizes = [len(os.fsencode(name)) + len(os.fsencode(value)) + 2 for name, value in environment.items()]
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    most = stack // 4 if stack != resource.RLIM_INFINITY else 6 << 20
    if max(sizes, default=0) > _LONGEST_VARIABLE or sum(sizes) + 8 * len(sizes) > most:
        raise CannotStart("cannot start the step: its environment is too large for the system")
