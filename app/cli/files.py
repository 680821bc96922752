"""How many files this process may open, and how many of them may be connections."""

import resource

#: The fewest connections, however few files there may be.
_FEWEST_CONNECTIONS = 16
#: Files that are kept for databases, logs, git and the process itself, and for each stage that runs here.
_RESERVE, _STAGE = 128, 8
#: The part of all files that is kept at least: one of so many.
_KEPT = 4
#: Files, where the system names no limit.
_UNLIMITED = 65_536


def raise_limit() -> int:
    """Let the process open as many files as the system allows; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _UNLIMITED if hard == resource.RLIM_INFINITY else hard
    if soft in (wanted, resource.RLIM_INFINITY):
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS allows less than it says
        return soft
    return wanted


def connections(files: int, stages: int) -> int:
    """How many of the files may be connections when so many stages may run here."""
    return max(files - max(_RESERVE + _STAGE * stages, files // _KEPT), _FEWEST_CONNECTIONS)
