"""Takes the environment out of the sight of other processes: Linux shows what a process was started with.

A step that runs as the same account, and every backup of `/proc`, could read secrets in `/proc/PID/environ` for as long
as the process lives. So a long-running command starts itself anew with few variables, and hands the whole environment
on through an anonymous file that only the new process has.
"""

import json
import os
import sys
from pathlib import Path

_FILE = "GANTRY_HANDOVER"
_SHOWN = Path("/proc/self/environ")
#: What the interpreter and the system's libraries read before this module runs; none of these holds a secret.
_KEPT = frozenset({"HOME", "LANG", "LANGUAGE", "PATH", "PWD", "TZ", "USER", "VIRTUAL_ENV"})
_KEPT_FAMILIES = ("LC_", "LD_", "PYTHON")
#: Name of the anonymous file, as the system shows the file.
_NAME = "gantry-environment"


def hide() -> None:
    """Start this process anew, unless the system shows no more than harmless variables of this process.

    The new process calls this function too, and gets the whole environment back. Systems without /proc are left alone.
    """
    descriptor = os.environ.pop(_FILE, "")
    if _is_ours(descriptor):
        _take_back(int(descriptor))
    elif any(not harmless(name) for name in _shown()):
        _start_anew()


def harmless(name: str) -> bool:
    """Whether a variable of this name stays visible."""
    return name in _KEPT or name.startswith(_KEPT_FAMILIES)


def _shown() -> list[str]:
    try:
        pairs = _SHOWN.read_bytes().split(b"\0")
    except OSError:
        return []
    return [name for pair in pairs if (name := os.fsdecode(pair.partition(b"=")[0]))]


def _start_anew() -> None:
    everything = json.dumps(dict(os.environ)).encode()
    descriptor = os.memfd_create(_NAME, 0)  # no MFD_CLOEXEC: the new process inherits the file
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(everything)
    kept = {name: value for name, value in os.environ.items() if harmless(name)}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, sys.orig_argv, {**kept, _FILE: str(descriptor)})  # noqa: S606 - no shell is wanted


def _is_ours(descriptor: str) -> bool:
    """Whether the text names a file of `_start_anew`, and was not set by a user."""
    try:
        return str(Path("/proc/self/fd", descriptor).readlink()).startswith(f"/memfd:{_NAME} ")
    except OSError:
        return False


def _take_back(descriptor: int) -> None:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        os.environ.update(json.loads(file.read()))
