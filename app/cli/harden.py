"""Makes a long-running process hard to look into, and denies new rights to it and to all that it starts."""

import ctypes
import os
import sys

from app.errors import AppError

_SET_DUMPABLE = 4
_SET_NO_NEW_PRIVILEGES = 38


class CannotHarden(AppError):
    """The system refuses what every Linux allows."""

    code = "cannot_harden"


def harden() -> None:
    """Make the memory, the environment and the files of this process unreadable for others of its account.

    No program that this process starts gains rights by a set-user-id bit, such as `sudo`. Linux only.
    """
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    for option, value in ((_SET_DUMPABLE, 0), (_SET_NO_NEW_PRIVILEGES, 1)):
        if prctl(option, value, 0, 0, 0):
            raise CannotHarden(f"the system does not let this process harden itself: {os.strerror(ctypes.get_errno())}")
