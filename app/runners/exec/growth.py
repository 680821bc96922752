"""How much a step adds to its workspace, so that no step fills the disk that the server writes to, too."""

import asyncio
import errno
import math
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from app import folder, size
from app.runners.exec import strays
from app.settings.values import Allowance

#: Seconds between two looks at the free space of the disk.
LOOK = 0.25
#: Seconds, at least, between two measurements of a workspace while the disk has room. The pause is also at least IDLE
#: times as long as the last measurement took, and BUSY times when the disk is short.
MEASURE, IDLE, BUSY = 2.0, 20, 4
#: Bytes of a path that the system takes in one call, with room to spare.
_LONGEST = 2000


class Growth:
    """What one step adds to a workspace: `begin` comes before the step, `beyond` beside the step, `end` comes after."""

    def __init__(
        self, root: Path, allowance: Allowance, *, fresh: bool, running: Callable[[], int], beside: set["Growth"]
    ) -> None:
        """`fresh`: no step has used the workspace before. `running`: how many steps of the runner run now.

        `beside` are the growths of the steps that use the workspace now; this growth is one of them until its end.
        An allowance that is a share of the disk is divided among the steps that run while the disk is short.
        """
        self._root = root
        self._share = allowance.share
        self._words = allowance.text
        self._fresh = fresh
        self._running = running
        self._free = _free(root.parent)
        self._most = allowance.of(self._free)
        self._before = 0
        self._beside = beside
        beside.add(self)
        #: Whether no other step has used the workspace since the step began.
        self._alone = True
        if len(beside) > 1:
            for one in beside:
                one._alone = False
        #: Why the step must be ended; empty while it has not added more than it may.
        self.sentence = ""

    async def begin(self) -> None:
        """Measure what the workspace takes before the step."""
        if not self._fresh:
            self._before = await asyncio.to_thread(used, self._root)

    async def beyond(self) -> None:
        """Wait until the step has added more than it may; then `sentence` says so."""
        # While a share of the disk is still free, nobody needs to measure the workspace.
        at_once, at_leisure = 0.0, math.inf if self._share else time.monotonic() + MEASURE
        while True:
            await asyncio.sleep(LOOK)
            short = self._free - _free(self._root.parent) > self._most
            began = time.monotonic()
            if began < (at_once if short else at_leisure):
                continue
            added = await asyncio.to_thread(self._measured, short) - self._before
            if added > (self._most // max(self._running(), 1) if short and self._share else self._most):
                self.sentence = self._told(added)
                return
            ended = time.monotonic()
            at_once = ended + BUSY * (ended - began)
            if not self._share:
                at_leisure = ended + max(MEASURE, IDLE * (ended - began))

    def end(self) -> None:
        """The step no longer uses the workspace."""
        self._beside.discard(self)

    def _measured(self, short: bool) -> int:
        found = used(self._root)
        if short and found <= self._most:
            found += strays.deleted(self._root)
        return found

    def _told(self, added: int) -> str:
        allowed = f"GANTRY_WORKSPACE_LIMIT allows {self._words}"
        if self._share:
            allowed += f" of what was free when the step began, {size.text(self._free)}"
        if self._alone:
            return f"the step was ended: it has added {size.text(added)} to its workspace; {allowed}"
        grown = f"the workspace has grown by {size.text(added)} while this step and others ran"
        return f"the step was ended: {grown}; {allowed}"


def used(root: Path) -> int:
    """The bytes that a folder takes on its disk. What cannot be read, or vanishes meanwhile, is left out."""
    pending, linked, total = [str(root)], set[int](), 0
    device = root.parent.stat().st_dev
    while pending:
        path = pending.pop()
        try:
            handle = _opened(path)
        except OSError:
            continue
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if found.st_dev != device or found.st_ino in linked:
                        continue
                    total += found.st_blocks * 512
                    if stat.S_ISDIR(found.st_mode):
                        pending.append(f"{path}/{entry.name}")
                    elif found.st_nlink > 1:
                        linked.add(found.st_ino)
        except OSError:
            continue
        finally:
            os.close(handle)
    return total


def _opened(path: str) -> int:
    """A handle of a folder; its path may be longer than the system takes at once."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
    cut = path.rfind("/", 0, _LONGEST)
    handle, rest = os.open(path[:cut], flags), path[cut + 1 :]
    while rest:
        cut = len(rest) if len(rest) < _LONGEST else rest.rfind("/", 0, _LONGEST)
        above, part, rest = handle, rest[:cut], rest[cut + 1 :]
        try:
            handle = os.open(part, flags, dir_fd=above)
        finally:
            os.close(above)
    return handle


def _free(place: Path) -> int:
    """The bytes that are free on the disk of a folder; 0 when the disk does not answer."""
    try:
        return folder.free(place)
    except OSError:
        return 0
