"""Runners that wait for a stage, grouped by the stages that they take (contract drone-rpc 6.1)."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from typing import TypeAlias

from app.builds.model import Stage
from app.runners.manager import Filter

#: The fields of a Filter; equal for runners that take the same stages.
_Wish: TypeAlias = tuple[str, str, str, str, str, str, frozenset[tuple[str, str]]]


def suits(wanted: Filter, stage: Stage) -> bool:
    """Whether a runner takes a stage: kind, type, platform, labels. Pure."""
    return (
        (wanted.kind or "pipeline") == (stage.kind or "pipeline")
        and (wanted.type or "docker") == (stage.type or "docker")
        and _platform_suits(wanted, stage)
        and dict(wanted.labels) == dict(stage.labels)
    )


def _platform_suits(wanted: Filter, stage: Stage) -> bool:
    if not (wanted.os or wanted.arch or wanted.variant or wanted.kernel):
        return True
    return (
        wanted.os == stage.os
        and wanted.arch == stage.arch
        and stage.variant in ("", wanted.variant)
        and stage.kernel in ("", wanted.kernel)
    )


class Worker:
    """A runner that waits for at most `timeout` seconds."""

    __slots__ = ("stage", "wanted")

    def __init__(self, wanted: Filter, timeout: float) -> None:
        loop = asyncio.get_running_loop()
        self.wanted = wanted
        #: The stage that the runner was handed; None after `timeout` seconds.
        self.stage: asyncio.Future[Stage | None] = loop.create_future()
        loop.call_later(timeout, self._give_up)  # harmless when the runner was handed a stage before

    def _give_up(self) -> None:
        if not self.stage.done():
            self.stage.set_result(None)


class Waiting:
    """The runners that wait, in the order in which they came.

    Runners with the same Filter share a group, and a search looks at one runner of each group.
    """

    def __init__(self) -> None:
        self._groups: dict[_Wish, OrderedDict[Worker, None]] = {}

    def add(self, worker: Worker) -> None:
        """Add a runner, as the last of its group."""
        self._groups.setdefault(_wish(worker.wanted), OrderedDict())[worker] = None

    def remove(self, worker: Worker) -> None:
        """Remove a runner; harmless when the runner was taken already."""
        wish = _wish(worker.wanted)
        if (group := self._groups.get(wish)) is not None:
            group.pop(worker, None)
            if not group:
                del self._groups[wish]

    def take(self, stage: Stage) -> Worker | None:
        """Remove the first runner that the stage suits, and return it; None without one."""
        for wish in [wish for wish, group in self._groups.items() if suits(_first(group), stage)]:
            group = self._groups[wish]
            while group:
                worker, _ = group.popitem(last=False)
                if not worker.stage.done():  # a runner whose future is done has waited for its whole timeout or is gone
                    if not group:
                        del self._groups[wish]
                    return worker
            del self._groups[wish]
        return None

    def suit(self, stage: Stage) -> bool:
        """Whether the stage suits a runner that waits."""
        return any(suits(wanted, stage) for wanted in self.wishes())

    def wishes(self) -> Iterator[Filter]:
        """The different Filters of the runners, each once."""
        return map(_first, self._groups.values())

    def wanted(self) -> Iterator[Filter]:
        """The Filter of every runner."""
        return (worker.wanted for group in self._groups.values() for worker in group)

    def types(self) -> dict[str, int]:
        """How many runners wait for stages of each type."""
        counts: dict[str, int] = {}
        for group in self._groups.values():
            kind = _first(group).type or "docker"
            counts[kind] = counts.get(kind, 0) + len(group)
        return counts


def _first(group: OrderedDict[Worker, None]) -> Filter:
    return next(iter(group)).wanted


def _wish(wanted: Filter) -> _Wish:
    labels = frozenset(wanted.labels.items())
    return (wanted.kind, wanted.type, wanted.os, wanted.arch, wanted.variant, wanted.kernel, labels)
