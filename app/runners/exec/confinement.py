"""How the processes of steps are kept apart from the server, within limits, and together until their step ends."""

import asyncio
import logging
import os
import pwd
import resource
import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.errors import AppError
from app.runners.exec import sandbox
from app.runners.exec.groups import Groups
from app.runners.exec.process import DEFAULT_SHELL, CannotStart, Owner, Process
from app.runners.exec.sandbox import Hidden, Sandbox
from app.runners.exec.workspace import Workspace
from app.settings.values import Confining, Limits

log = logging.getLogger(__name__)

#: Seconds that the trial step may take.
PATIENCE = 30.0
#: Sets the mark and the limits of a step. dash and bash spell some limits differently.
_LIMITED = """{
[ -z "$1" ] || ulimit -w "$1" || ulimit -x "$1"
[ -z "$2" ] || ulimit -n "$2"
[ -z "$3" ] || ulimit -u "$3" || ulimit -p "$3"
[ -z "$4" ] || ulimit -d "$4"
echo 500 >/proc/self/oom_score_adj
} 2>/dev/null
shift 4
"""
#: Becomes the step's shell.
_OPEN = f'{_LIMITED}exec "$@"'
#: Is the first process of a sandbox, with which all others end. Other processes may still print for a moment after the
#: step's shell has ended, such as `exec > >(tee log)`. What a shell says about its command tells a signal from an exit
#: code above 128; then this shell kills bwrap, its process group, in whose place the runner sees the signal.
_FIRST = f"""{_LIMITED}exec 3>&2 4>&1 2>/dev/null
said=$({{ (exec "$@" 2>&3 >&4 3>&- 4>&-); exit "$?"; }} 2>&1)
code=$? count=0
while set -- /proc/[0-9]*; [ $# -gt 1 ] && [ "$count" -lt 25 ]; do
sleep 0.01
count=$((count + 1))
done
[ "$code" -le 128 ] || [ -z "$said" ] || kill -9 0
exit "$code"
"""
_OPEN_WORDS = "steps are processes of the same account as this program and are not separated from this program"
_USER_WORDS = "steps are separated from this program by their account alone: they see all processes of the machine"
_ADVICE = "docs/security.md says what that means; install bubblewrap, or set GANTRY_RUNNER_USER, to change it"


class CannotConfine(AppError):
    """Steps cannot be confined as the settings want it."""

    code = "cannot_confine"


@dataclass(frozen=True, slots=True)
class Confinement:
    """Starts the processes of steps. Without a sandbox, an owner and groups, only the limits and the mark are left."""

    limits: Limits = field(default_factory=Limits)
    sandbox: Sandbox | None = None
    owner: Owner | None = None
    groups: Groups | None = None
    #: The path of `setsid`, which makes the step's shell the leader of a session; only a sandbox needs the program.
    setsid: str = ""

    def host(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of the host as steps get it."""
        return dict(environ) | ({"USER": self.owner.name} if self.owner else {})

    def start(
        self, arguments: Sequence[str], workspace: Workspace, environment: Mapping[str, str], *, umask: int = -1
    ) -> Process:
        """Start a process of a step of this workspace. A negative umask is this process's. Raises CannotStart."""
        limits = self._limits(workspace)
        command, inherited = [DEFAULT_SHELL, "-c", _OPEN, "sh", *limits, *arguments], []
        with ExitStack() as stack:
            if self.sandbox:
                first = [DEFAULT_SHELL, "-c", _FIRST, "sh", *limits, self.setsid, *arguments]
                command, environment, descriptor = stack.enter_context(
                    self.sandbox.command(
                        first,
                        environment,
                        workspace=workspace.root,
                        folder=workspace.source,
                        repositories=workspace.repositories,
                    )
                )
                inherited = [descriptor]
            group = None
            if self.groups:
                name = f"{workspace.root.name}-{os.urandom(4).hex()}"
                group = self.groups.make(name, memory=self.limits.memory, processes=self.limits.processes)
            return Process(
                command,
                folder=workspace.source,
                environment=environment,
                inherited=inherited,
                owner=self.owner,
                group=group,
                umask=umask,
            )

    def _limits(self, workspace: Workspace) -> list[str]:
        """The first arguments of the shell that sets the limits; empty = none."""
        limited = self.groups is not None and self.groups.limited
        files, hard = self.limits.files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if files and hard != resource.RLIM_INFINITY:
            files = min(files, hard)
        memory = 0 if limited else self.limits.memory >> 10
        return [str(one) if one else "" for one in (workspace.mark, files, self.limits.processes, memory)]


async def confine(wanted: Confining, base: Path, hidden: Hidden, ways: Sequence[Path]) -> Confinement:
    """The confinement that the settings want and this machine has; a step that runs now proves that it works.

    `base` is the folder of the workspaces. `ways` are the folders on the way there that belong to this program.
    One warning says what is not separated. Raises CannotConfine when the settings want what does not work.
    """
    owner = _owner(wanted.user)
    if owner:
        _let_through(ways, owner)
    plain = Confinement(wanted.limits, owner=owner, groups=await asyncio.to_thread(Groups.open, base))
    made, reason = plain, "GANTRY_RUNNER_SANDBOX is none"
    if wanted.sandbox != "none":
        made, reason = await _sandboxed(plain, base, hidden)
        if reason and wanted.sandbox == "bwrap":
            raise CannotConfine(f"GANTRY_RUNNER_SANDBOX is bwrap, but steps cannot run in a sandbox: {reason}")
    if made.sandbox is None and owner and (failure := await _fails(plain, base)):
        words = "every folder above the workspaces must let the account pass"
        raise CannotConfine(f"steps cannot run as GANTRY_RUNNER_USER {owner.name}, {words}: {failure}")
    _tell(made, reason)
    return made


def _owner(name: str) -> Owner | None:
    if not name:
        return None
    if os.geteuid() != 0:
        raise CannotConfine("GANTRY_RUNNER_USER needs a server or runner that is run by root")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise CannotConfine(f"GANTRY_RUNNER_USER: this machine has no account {name}") from None
    if entry.pw_uid == 0:
        raise CannotConfine("GANTRY_RUNNER_USER must be another account than root")
    return Owner(name, entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(name, entry.pw_gid)))


def _let_through(ways: Sequence[Path], owner: Owner) -> None:
    """Let the owner's group pass these folders on the way to its workspaces, but list nothing in them."""
    for way in ways:
        mode = way.stat().st_mode & 0o777
        if not mode & 0o001:
            os.chown(way, -1, owner.group)
            way.chmod(mode & 0o700 | 0o010)


async def _sandboxed(plain: Confinement, base: Path, hidden: Hidden) -> tuple[Confinement, str]:
    """The confinement with a sandbox; without one, and the reason, when no sandbox works here."""
    found, setsid = sandbox.find(hidden), shutil.which("setsid")
    if found is None:
        return plain, "bwrap is not installed (Debian's package is bubblewrap)"
    if setsid is None:
        return plain, "setsid is not installed (Debian's package is util-linux)"
    made = replace(plain, sandbox=found, setsid=setsid)
    reason = await _fails(made, base)
    if not reason:
        return made, ""
    return plain, "; ".join([reason, *sandbox.hints()])


async def _fails(confinement: Confinement, base: Path) -> str:
    """Run a step in a workspace of its own; empty when that works, else the reason."""
    workspace, beside = Workspace(base), Workspace(base)
    apart = f'test ! -e {shlex.quote(str(beside.root))}\ntest "$$" -lt 100\n' if confinement.sandbox else ""
    script = f"{apart}touch ../../tried\necho ready\n"
    said = bytearray()
    try:
        await asyncio.to_thread(workspace.create, {1: script}, owner=confinement.owner)
        await asyncio.to_thread(beside.create, {})
        environment = {"PATH": os.defpath}
        tried = confinement.start([DEFAULT_SHELL, "-e", str(workspace.script(1))], workspace, environment)
        async with asyncio.timeout(PATIENCE):
            code = await tried.finish(said.extend)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    except TimeoutError:
        return f"a step did not end within {PATIENCE:g} s"
    except CannotStart as error:
        return error.message
    finally:
        for one in (workspace, beside):
            await asyncio.to_thread(one.clear)
    text = said.decode(errors="replace").strip()
    return "" if (code, text) == (0, "ready") else text[-500:] or f"a step that should work ended with code {code}"


def _tell(made: Confinement, reason: str) -> None:
    """Say once what separates steps from this program, and warn of what does not."""
    about = {"account": made.owner.name if made.owner else _own_account(), "control_groups": made.groups is not None}
    if made.sandbox:
        log.info("steps run in a sandbox", extra=about)
    else:
        words = _USER_WORDS if made.owner else _OPEN_WORDS
        log.warning(f"{words}; {_ADVICE}", extra={**about, "reason": reason})


def _own_account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an account that only a container knows
        return str(os.geteuid())
