"""The platforms in the statistics: always the same, in this order (recorded: admin.json). Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from app.runners.dispatch.wire import PlatformJSON
from app.runners.manager import Filter


class Platform(NamedTuple):
    """A platform; an empty variant or kernel stands for any."""

    os: str
    arch: str
    variant: str = ""
    kernel: str = ""

    def takes(self, other: "Platform") -> bool:
        """Whether a machine can be of both platforms: an empty variant or kernel agrees with any other."""
        return (
            (self.os, self.arch) == (other.os, other.arch)
            and (not self.variant or not other.variant or self.variant == other.variant)
            and (not self.kernel or not other.kernel or self.kernel == other.kernel)
        )


PLATFORMS = (
    Platform("linux", "arm", "v6"),
    Platform("linux", "arm", "v7"),
    Platform("linux", "arm64", "v8"),
    Platform("linux", "arm", "v9"),
    Platform("linux", "amd64"),
    Platform("windows", "arm64", "", "1709"),
    Platform("windows", "arm64", "", "1803"),
    Platform("windows", "arm64", "", "1809"),
)


class Load(NamedTuple):
    """The stages of a platform that wait for a runner, and those that run."""

    platform: Platform
    pending: int
    running: int


def table(runners: Iterable[Filter], loads: Iterable[Load]) -> list[PlatformJSON]:
    """A row for each platform. A stage counts in one row, a runner in every row whose stages it takes."""
    rows = [
        PlatformJSON(subscribers=0, **platform._asdict(), pending=0, running=0)  # type: ignore[typeddict-item] # its keys
        for platform in PLATFORMS
    ]
    for load in loads:
        if (place := _place(load.platform)) is not None:
            rows[place]["pending"] += load.pending
            rows[place]["running"] += load.running
    for runner in runners:
        for place, platform in enumerate(PLATFORMS):
            rows[place]["subscribers"] += _serves(runner, platform)
    return rows


def _place(wanted: Platform) -> int | None:
    """The number of the row of exactly this platform, else of the first row that takes it; None without one."""
    if wanted in PLATFORMS:
        return PLATFORMS.index(wanted)
    return next((place for place, platform in enumerate(PLATFORMS) if platform.takes(wanted)), None)


def _serves(runner: Filter, platform: Platform) -> bool:
    own = Platform(runner.os, runner.arch, runner.variant, runner.kernel)
    return own == Platform("", "") or own.takes(platform)
